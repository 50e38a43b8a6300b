"""Settings for a command: read from all sources, with all errors reported together."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_origin

from dotenv import dotenv_values
from pydantic import ValidationError

from imagesvc.service.engine.transforms import read_presets
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import (
    CLIENT_VARIABLES,
    ENV_FILE,
    NOT_DECODED,
    PREFIX,
    REMOVED,
    TOML_FILE,
    SettingsError,
)

Check = Callable[[Settings], object]
"""Raises SettingsError where the settings cannot be used."""

OTHER_FLAGS = {"gc_grace": "--grace"}
"""Flags whose name differs from that of their setting."""


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
    sources = _Sources.read(values, given)
    problems += sources.unknown_names()
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
    return settings


def _assignments(texts: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Settings written as `NAME=VALUE`, and the errors in such texts."""
    given: dict[str, str] = {}
    problems: list[str] = []
    for text in texts:
        name, is_given, value = text.partition("=")
        if not is_given:
            problems.append(f"--set {text}: name a setting and its value, such as max_frames=9")
        elif name not in Settings.model_fields:
            problems.append(
                f"--set {text}: {REMOVED.get(name, 'there is no such setting')}: {name}"
            )
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


@dataclass(frozen=True, slots=True)
class _Sources:
    """The settings that each source names, the strongest source first."""

    flags: frozenset[str]
    assigned: frozenset[str]
    environment: dict[str, str]
    """Variables by the setting that they name."""
    env_file: dict[str, str]
    toml: frozenset[str]

    @classmethod
    def read(cls, flags: Iterable[str], assigned: Iterable[str]) -> _Sources:
        """Read the names in all sources.

        Raises:
            SettingsError: `imagesvc.toml` is not TOML.
        """
        try:
            toml = tomllib.loads(TOML_FILE.read_text("utf-8")) if TOML_FILE.is_file() else {}
        except ValueError as error:
            raise SettingsError(f"{TOML_FILE}: {error}") from error
        return cls(
            frozenset(flags),
            frozenset(assigned),
            _by_setting(os.environ),
            _by_setting(dotenv_values(ENV_FILE)),
            frozenset(toml),
        )

    def of(self, name: str) -> tuple[str, str]:
        """The source of a setting, and how its name is written there before a value."""
        if name in self.flags:
            flag = OTHER_FLAGS.get(name) or f"--{name.replace('_', '-')}"
            return flag, f"{flag} "
        if name in self.assigned:
            return "--set", f"--set {name}="
        for variables, source in ((self.environment, "environment"), (self.env_file, ENV_FILE)):
            if name in variables:
                return str(source), f"{variables[name]}="
        return (str(TOML_FILE), f"{name} = ") if name in self.toml else ("default", f"{name} = ")

    def unknown_names(self) -> list[str]:
        """Names in the sources that are not settings, probably misspelt."""
        variables = self.environment | self.env_file
        in_variables = sorted((variable, name, "") for name, variable in variables.items())
        in_file = [(name, name, f" ({TOML_FILE})") for name in sorted(self.toml)]
        return [
            f"{given}: {REMOVED.get(name, 'there is no such setting')}{place}"
            for given, name, place in in_variables + in_file
            if name not in Settings.model_fields
        ]


def _by_setting(variables: Iterable[str]) -> dict[str, str]:
    return {
        variable.upper().removeprefix(PREFIX).lower(): variable
        for variable in variables
        if variable.upper().startswith(PREFIX) and variable not in CLIENT_VARIABLES
    }


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


def _faults(error: ValidationError, sources: _Sources) -> list[str]:
    """The errors, one line for each place; pydantic tries each member of a union."""
    found: dict[str, list[str]] = {}
    for item in error.errors(include_url=False):
        place = ".".join(str(part) for part in item["loc"] if "[" not in str(part))
        messages = found.setdefault(place, [])
        message = _message(item["type"], item["msg"], item.get("ctx", {}), place, sources)
        messages += [] if message in messages else [message]
    return [
        f"{place}: {' or '.join(messages)} ({sources.of(place.partition('.')[0])[0]})"
        for place, messages in found.items()
    ]


def _message(
    kind: str, text: str, context: Mapping[str, Any], place: str, sources: _Sources
) -> str:
    if kind in _NOT_A_COLLECTION and place in Settings.model_fields:
        return _example(place, sources)
    if kind == "string_pattern_mismatch":
        for beginning, message in _PATTERNS.items():
            if place.startswith(beginning):
                return message
    if kind in _PLAIN:
        return _PLAIN[kind].format(**context)
    return text.removeprefix("Value error, ")


def _example(name: str, sources: _Sources) -> str:
    """How a list or table is written in the source of the invalid value."""
    is_list = get_origin(Settings.model_fields[name].annotation) is tuple
    default = Settings.model_fields[name].default
    example = _EXAMPLES.get(name) or (list(default[:2]) if default else ["10.0.0.0/8"])
    source, beginning = sources.of(name)
    written = toml_text(example) if source == str(TOML_FILE) else f"'{json.dumps(example)}'"
    return f"must be a {'list' if is_list else 'table'}, such as {beginning}{written}"


def toml_text(value: object) -> str:
    """A value on one line of TOML; JSON is valid TOML, except for tables."""
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    pairs = (f"{json.dumps(key)} = {toml_text(item)}" for key, item in value.items())
    return f"{{ {', '.join(pairs)} }}"
