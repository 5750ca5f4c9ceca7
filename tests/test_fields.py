import pytest
from pydantic import ValidationError

from wildgraph.fields import DEFAULT_FIELDS, MetaField, field_table


def test_the_default_table_is_the_papers():
    table = field_table()
    assert list(table) == [
        "document_type",
        "task",
        "intent",
        "user_profile",
        "language_style",
        "context",
        "user_knowledge",
        "assistant_knowledge",
        "long_context_capability",
        "output_format",
        "sentiment",
        "constraint",
        "simplified_instruction",
    ]
    assert {name for name, field in table.items() if field.multi} == {
        "task",
        "assistant_knowledge",
        "long_context_capability",
        "constraint",
    }
    assert {name for name, field in table.items() if not field.node} == {"document_type", "simplified_instruction"}
    assert all(field.description for field in table.values())


@pytest.mark.parametrize("name", ["", "Task", "1task", "a task", "task-1", "x" * 41])
def test_names_are_short_snake_case(name):
    with pytest.raises(ValidationError, match="pattern"):
        MetaField(name=name, description="")


@pytest.mark.parametrize("change", [{"cap": -1}, {"limit": 0}, {"colour": "red"}])
def test_fields_out_of_range_are_refused(change):
    with pytest.raises(ValidationError):
        MetaField(name="mood", description="", **change)


def test_two_fields_of_one_name_are_refused():
    with pytest.raises(ValueError, match="share a name"):
        field_table((*DEFAULT_FIELDS, MetaField(name="intent", description="again")))


@pytest.mark.parametrize("needed", ["document_type", "task"])
def test_what_the_graph_rests_on_cannot_be_left_out(needed):
    with pytest.raises(ValueError, match=f"lacks '{needed}'"):
        field_table(tuple(field for field in DEFAULT_FIELDS if field.name != needed))
