"""The base models of requests and responses."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator


def _without_fraction(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_without_fraction)
"""Of an integer in a body, as the last annotation: 1.0 is one, too (JSON Schema, 6.1.1)."""


class Model(BaseModel):
    """A model in the OpenAPI document: a docstring below a field describes it.

    `title` in the configuration is its name in the document, the class's own name by default. Its
    validator is built when it is first used, so that the start does not wait for all of them.
    """

    model_config = ConfigDict(use_attribute_docstrings=True, defer_build=True)


class Sent(Model):
    """A body that a client sends: unknown members and values of other types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Patch(Sent):
    """A merge patch (RFC 7396): every field may be `MISSING`, which is its default."""

    def given(self) -> dict[str, Any]:
        """The members that the patch has."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class TextNumbers(Model):
    """A model whose numbers may be texts: an underscore, which Python reads, is an error in them.

    Without this check `1_0` would be 10 degrees.
    """

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_underscores(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str) and "_" in value:
            field = cls.model_fields[info.field_name or ""]
            if _is_number(field.annotation):
                raise ValueError("must be a number in decimal digits, without underscores")
        return value


def _is_number(annotation: object) -> bool:
    return annotation in (int, float) or any(
        map(_is_number, get_args(annotation))
    )  # some are not hashable


class Query(TextNumbers):
    """Query parameters, one for each field; unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    LISTS: ClassVar[frozenset[str]] = frozenset()
    """Parameters with comma-separated values; if one is given several times, its values are joined.
    """


class LenientQuery(TextNumbers):
    """Query parameters, one for each field; unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def schema_name(model: type[BaseModel]) -> str:
    """The name of a model in the OpenAPI document."""
    return model.model_config.get("title") or model.__name__
