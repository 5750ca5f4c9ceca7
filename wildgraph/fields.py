"""The table of meta-information fields that are mined from a query.

WildLong (arXiv 2502.16684) mines thirteen fields; eight of the names are confirmed by the paper, the table as a whole is ours.
The table is data: pass another one as ``fields:`` in the configuration.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MetaField(BaseModel):
    """One field of meta-information.

    Attributes:
        name: snake-case name, unique in its table.
        description: what the model is asked for; goes into the mining prompt.
        examples: general phrases as they should look; go into the mining prompt.
        grain: when two values of it are one concept; goes into the lifting prompts.
        multi: whether a record may hold several values.
        node: whether its concepts are nodes of the task graph.
        cap: how many of its concepts one sampled path may hold.
        limit: how many values of it one record may hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    description: str
    examples: tuple[str, ...] = ()
    grain: str = ""
    multi: bool = False
    node: bool = True
    cap: int = Field(default=1, ge=0)
    limit: int = Field(default=8, ge=1)


DOCUMENT_TYPE = "document_type"
TASK = "task"
OUTPUT_FORMAT = "output_format"
CONSTRAINT = "constraint"
SIMPLIFIED_INSTRUCTION = "simplified_instruction"

#: The document type of a query of which no more is known than that it concerns a document.
ANY_DOCUMENT = "document"

DEFAULT_FIELDS: tuple[MetaField, ...] = (
    MetaField(
        name=DOCUMENT_TYPE,
        description="the kind of document the query is about, or 'none' when no document is pasted or meant",
        examples=("meeting transcript", "contract", "research paper", "source code", "exam problem"),
        grain="the kind and purpose of a text count, its subject does not: contracts on supply and on franchising are one, a contract and a court decision are two, so are an encyclopedia article and an encyclopedia list",
        node=False,
    ),
    MetaField(
        name=TASK,
        description="what the assistant is asked to do, as a verb phrase",
        examples=("compare documents", "extract facts", "draft an email", "explain a concept", "debug code"),
        grain="the operation and the kind of thing it is done to count, the subject does not: summarizing the whole document and one topic of it are two, so are finding a fact, answering yes or no, giving reasons and reporting one person's view, writing a program and one function of it",
        multi=True,
        cap=2,
    ),
    MetaField(
        name="intent",
        description="what the user wants to reach with the answer, beyond the task itself",
        examples=("prepare a decision", "learn about a subject", "communicate with others", "check a text for errors"),
    ),
    MetaField(
        name="user_profile",
        description="who the user is: occupation or role",
        examples=("law student", "software developer", "journalist"),
        grain="role and field count, as far as they change what is asked: those who review one kind of document are one, whatever their post, but apart from those who advise on it; in one team those who make, those who manage and those who take part are three; in one craft a professional, a hobbyist and a student are three, and so are those who work on different things; researchers and research students of one field are one; students are told apart by broad field, members of the public by their situation",
    ),
    MetaField(
        name="language_style",
        description="how the query is written: register, length, care",
        examples=("terse", "casual", "polite", "precise and structured", "plain"),
    ),
    MetaField(
        name="context",
        description="the situation in which the question arises",
        examples=("work", "study", "legal matter", "health matter", "creative hobby", "everyday life"),
    ),
    MetaField(
        name="user_knowledge",
        description="what the user already seems to know of the subject",
        examples=("new to the subject", "has read the document", "knows the field"),
    ),
    MetaField(
        name="assistant_knowledge",
        description="the disciplines the assistant has to know beyond the document, never 'the subject'",
        examples=("law", "medicine", "programming", "foreign language"),
        multi=True,
    ),
    MetaField(
        name="long_context_capability",
        description="which skills of reading long text the task needs",
        examples=("global summarization", "locating details", "exhaustive extraction", "cross-document comparison", "multi-step reasoning"),
        multi=True,
    ),
    MetaField(
        name=OUTPUT_FORMAT,
        description="the form of answer that is asked for or clearly expected",
        examples=("bullet list", "table", "short paragraph", "email", "json"),
        grain="form and rough size count: a word, one sentence, a few sentences, one paragraph, several paragraphs and a list are six; a summary, a rewritten text, a story and an answer of one size are different; code alone is told apart by its programming language, code with an explanation is one form whatever the language; the natural language, the subject and the tone of a text do not count",
    ),
    MetaField(
        name="sentiment",
        description="the feeling the query expresses, 'neutral' if none shows",
        examples=("neutral", "curious", "urgent", "worried or confused", "appreciative"),
    ),
    MetaField(
        name=CONSTRAINT,
        description="explicit conditions on the answer",
        examples=("maximum length", "exact number of items", "quote the passages", "avoid jargon", "formal tone"),
        grain="what is restricted and how count, the values do not: a longest, a shortest and an approximate length are three; to keep to one topic, one speaker or one kind of clause are three; an element to put in, one to leave out and one to keep are three; a condition that makes sense in a single task stays alone or with those that fix the same kind of thing, and is never swept together with others as a rule of the program, the story or the calculation; a role to take counts by the kind of profession",
        multi=True,
        cap=2,
    ),
    MetaField(
        name=SIMPLIFIED_INSTRUCTION,
        description="the query in one plain English sentence, without names and private details",
        node=False,
    ),
)


def field_table(fields: tuple[MetaField, ...] = DEFAULT_FIELDS) -> dict[str, MetaField]:
    """The fields by name, in table order.

    Raises:
        ValueError: two fields share a name, or ``document_type`` or ``task`` is missing.
    """
    table = {field.name: field for field in fields}
    if len(table) != len(fields):
        raise ValueError("two meta-information fields share a name")
    for needed in (DOCUMENT_TYPE, TASK):
        if needed not in table:
            raise ValueError(f"the field table lacks {needed!r}")
    return table
