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
        grain="the kind and purpose of a text count; its subject, its language and where it is from do not: contracts on two matters are one, as are programs in two languages; a contract and a court decision are two",
        node=False,
    ),
    MetaField(
        name=TASK,
        description="what the assistant is asked to do, as a verb phrase",
        examples=("compare documents", "extract facts", "draft an email", "explain a concept", "debug code"),
        grain="the operation counts, with what it makes, and whether it is done to a text, to code, to data or to a problem; what kind of document a text is has a field of its own and does not count, nor do the subject, the names and the details of a single query. Two tasks are one where the same instruction, given another subject, would ask for both",
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
        grain="the role or occupation and its field count. Those who learn a craft (students, beginners, juniors, and whoever may be a student of it), who practise it and who do it for pleasure are three; graduate students of a research field are with its researchers. Where no occupation is said, the situation counts in which somebody asks and in which many others are, such as a tenant or the parent of a patient. Otherwise rank, employer and the matter at hand do not count",
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
        grain="the form counts, with its notation (such as the markup or programming language), its rough size (a word or name, a figure or date, a sentence, a few sentences, a paragraph, more), what has to stand beside the bare answer (reasons, working), and whether it is a new text or another one made over (rewritten, shortened, translated). Kinds of text that have a name of their own, such as a summary, a story or an email, are forms, of which the size counts as well. The subject, the tone and the natural language do not count",
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
        grain="the kind of restriction counts: what is restricted, and in which way (at least, at most, exactly; to put in, to leave out, to keep); its value does not. Where a thing is given or singled out, the kind of thing counts: a name, a number, a role, a section, a clause, a topic and an element of a story are seven. A role, a rule or a value that fits a single task joins others of its domain that fix the same kind of thing: a price and a rate of interest are one, a price and a speed are two, as are a lawyer and a comedian",
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
