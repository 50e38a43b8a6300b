"""Numbers in queries and forms are decimal digits; in JSON, 60 and 60.0 are the same."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from imagesvc.app.operations import OPERATIONS
from imagesvc.http.bodies.fields import TextFields
from imagesvc.http.models import LenientQuery, Query


class _Strict(Query):
    count: int | None = None
    name: str = ""


class _Lenient(LenientQuery):
    count: int = 0


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (TextFields, "latitude"), (TextFields, "longitude"), (TextFields, "altitude"),
        (TextFields, "expires_in"), (_Strict, "count"), (_Lenient, "count"),
    ],
)  # fmt: skip
def test_underscores_are_no_part_of_numbers(model: type[BaseModel], name: str) -> None:
    """Python reads `1_0` as 10, no other program does."""
    beside = {"latitude": "1", "longitude": "1"} if model is TextFields else {}

    with pytest.raises(ValidationError, match=rf"(?s){name}.*without underscores"):
        model.model_validate({**beside, name: "1_0"})

    assert getattr(model.model_validate({**beside, name: "10"}), name) == 10


def test_underscores_in_texts_are_kept() -> None:
    """The check is of numbers only."""
    assert _Strict.model_validate({"name": "1_0"}).name == "1_0"
    assert TextFields.model_validate({"title": "1_0", "tags": "1_0"}).title == "1_0"


def test_a_whole_number_in_json_may_have_a_fraction_of_zero() -> None:
    """It has one type of numbers, and some programs write all of them with a fraction."""
    integers = [
        (content, name)
        for operation in OPERATIONS
        for content in (operation.body.contents.values() if operation.body else ())
        if isinstance(content, type)
        for name, member in content.model_json_schema()["properties"].items()
        if "integer" in {part.get("type") for part in (member, *member.get("anyOf", ()))}
    ]
    assert len(integers) > 10

    for model, name in integers:
        with pytest.raises(ValidationError) as bad:
            model.model_validate_json(f'{{"{name}": 60.5, "unknown": 0}}')
        assert (name,) in {fault["loc"][:1] for fault in bad.value.errors()}
        with pytest.raises(ValidationError) as good:
            model.model_validate_json(f'{{"{name}": 60.0, "unknown": 0}}')
        assert (name,) not in {fault["loc"][:1] for fault in good.value.errors()}
