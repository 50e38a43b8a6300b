"""Settings for a command: read from all sources, with all errors reported together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_origin

from pydantic import ValidationError

from imagesvc.service.engine.transforms import read_presets
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import (
    NOT_DECODED,
    REMOVED,
    TOML_FILE,
    SettingsError,
    Sources,
    toml_text,
)

Check = Callable[[Settings], object]
"""Raises SettingsError where the settings cannot be used."""


def load_settings(
    texts: Iterable[str] = (), checks: Iterable[Check] = (), /, **flags: Any
) -> Settings:
    """Read the settings from all sources; `None` flags count as not given.

    Args:
        texts: settings as `NAME=VALUE`; flags go before them.
        checks: further conditions besides the types.
        flags: settings by name.

    Raises:
        SettingsError: some are invalid, or a source names one that does not exist.
    """
    given, problems = _assignments(texts)
    values = {name: value for name, value in flags.items() if value is not None}
    sources = Sources.read(values, given)
    problems += sources.unknown_names(Settings.model_fields)
    values = {**given, **values}
    settings: Settings | None = None
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems += _faults(error, sources)
        settings = _without_faults(error, values)
    if settings is not None:
        problems += _found_by((read_presets, *checks), settings)
    if problems or settings is None:
        raise SettingsError("\n".join(problems))
    return settings.with_sources(sources)


def _assignments(texts: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Settings written as `NAME=VALUE`, and the errors in such texts."""
    given: dict[str, str] = {}
    problems: list[str] = []
    for text in texts:
        name, is_given, value = text.partition("=")
        if not is_given:
            shown = f" {name}" if name in Settings.model_fields else ""  # not a mistyped secret
            problems.append(f"--set{shown}: name a setting and its value, such as max_frames=9")
        elif name not in Settings.model_fields:
            problems.append(f"--set {name}: {REMOVED.get(name, 'there is no such setting')}")
        else:
            given[name] = value
    return given, problems


def _without_faults(error: ValidationError, values: Mapping[str, Any]) -> Settings | None:
    """The settings with defaults instead of invalid ones, to check the others."""
    names = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
    defaults = {
        name: Settings.model_fields[name].get_default(call_default_factory=True, validated_data={})
        for name in names & Settings.model_fields.keys()
    }
    try:
        return Settings(**{**values, **defaults})
    except ValidationError:  # these defaults conflict with the other settings
        return None


def _found_by(checks: Iterable[Check], settings: Settings) -> list[str]:
    found: list[str] = []
    for check in checks:
        try:
            check(settings)
        except SettingsError as error:
            found += str(error).splitlines()
    return found


_SIZE = "must be a size such as 500kB, 50MiB or 10GiB"
_NETWORK = "must be a network such as 10.0.0.0/8 or fd00::/8"
_PLAIN = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "path_type": "must be a path, as text",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "byte_size": _SIZE,
    "byte_size_unit": _SIZE,
    "ip_v4_network": _NETWORK,
    "ip_v6_network": _NETWORK,
    "extra_forbidden": "there is no such key",
    "too_short": "must not be empty",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "string_too_long": "must have at most {max_length} characters",
}
"""Messages for the kinds of errors that pydantic describes by Python's types."""
_PATTERNS = {
    "rate_": "must be a rate such as 20/s or 100/m burst 50, or off",
    "ignored_parameters": "must be the name of a parameter, such as utm_source or utm_*",
    "watermarks": "must be a color such as ffffff",
}
"""The valid form of a text that does not match its pattern, by the prefix of the setting."""
_NOT_A_COLLECTION = frozenset({NOT_DECODED, "tuple_type", "dict_type"})
_EXAMPLES: dict[str, object] = {
    "cors_origins": ["https://app.example.org"],
    "presets": {"card": "w=600"},
    "watermarks": {"logo": {"image": "logo.png"}},
    "signing_keys": {"first": "a long random text"},
}
"""Examples of lists and tables whose default is empty and that are not lists of networks."""


def _faults(error: ValidationError, sources: Sources) -> list[str]:
    """The errors, one line for each place; pydantic tries each member of a union."""
    found: dict[str, list[str]] = {}
    for item in error.errors(include_url=False):
        place = ".".join(str(part) for part in item["loc"] if "[" not in str(part))
        messages = found.setdefault(place, [])
        message = _message(item["type"], item["msg"], item.get("ctx", {}), place, sources)
        messages += [] if message in messages else [message]
    return [
        f"{place}: {' or '.join(messages)} ({sources.of(place.partition('.')[0]).place})"
        for place, messages in found.items()
    ]


def _message(kind: str, text: str, context: Mapping[str, Any], place: str, sources: Sources) -> str:
    if kind in _NOT_A_COLLECTION and place in Settings.model_fields:
        return _example(place, sources)
    if kind == "string_pattern_mismatch":
        for beginning, message in _PATTERNS.items():
            if place.startswith(beginning):
                return message
    if kind in _PLAIN:
        return _PLAIN[kind].format(**context)
    return text.removeprefix("Value error, ")


def _example(name: str, sources: Sources) -> str:
    """How a list or table is written in the source of the invalid value."""
    is_list = get_origin(Settings.model_fields[name].annotation) is tuple
    default = Settings.model_fields[name].default
    example = _EXAMPLES.get(name) or (list(default[:2]) if default else ["10.0.0.0/8"])
    origin = sources.of(name)
    written = toml_text(example) if origin.place == str(TOML_FILE) else f"'{json.dumps(example)}'"
    return f"must be a {'list' if is_list else 'table'}, such as {origin.beginning}{written}"
