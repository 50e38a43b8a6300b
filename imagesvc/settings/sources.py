"""The sources of settings: their names, and how they write lists and tables."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_origin

from dotenv import dotenv_values
from pydantic_core import PydanticCustomError

PREFIX = "IMAGESVC_"
ENV_FILE = Path(".env")
TOML_FILE = Path("imagesvc.toml")
CLIENT_VARIABLES = frozenset({f"{PREFIX}KEY", f"{PREFIX}URL"})
"""Variables of `imagesvc upload` and `import`, which are not settings."""
NOT_DECODED = "not_decoded"
"""The kind of error of an invalid list or table."""
REMOVED = {
    "allowed_hosts": (
        "it was removed: without accounts the service answers to loopback names only. Set "
        f"{PREFIX}AUTH=required to serve another name"
    ),
}
"""Former settings, and what to set instead."""
OTHER_FLAGS = {"gc_grace": "--grace"}
"""Flags whose name differs from that of their setting."""
Kind = Literal["default", "file", "environment", "flag"]


class SettingsError(Exception):
    """Invalid settings; the text lists all of them."""


def decoded(value: object, annotation: object) -> object:
    """The value of a field with this annotation; lists and tables may be JSON in a text.

    Raises:
        ValueError: it is empty, or not JSON.
    """
    if isinstance(value, str) and not value.strip():
        raise ValueError("is empty; without this setting the default is in force")
    if not isinstance(value, str) or get_origin(annotation) not in {tuple, dict}:
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise PydanticCustomError(NOT_DECODED, "must be a list or a table") from error


def toml_text(value: object) -> str:
    """A value on one line of TOML; JSON is valid TOML, except for tables."""
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    pairs = (f"{json.dumps(key)} = {toml_text(item)}" for key, item in value.items())
    return f"{{ {', '.join(pairs)} }}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value of a setting comes from."""

    kind: Kind
    place: str
    """The flag, the file, or the kind."""
    beginning: str
    """How the name is written there before a value, such as `IMAGESVC_PORT=`."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The settings that each source names, the strongest source first."""

    flags: frozenset[str] = frozenset()
    assigned: frozenset[str] = frozenset()
    """Named by `--set`."""
    environment: dict[str, str] = field(default_factory=dict)
    """Variables by the setting that they name."""
    env_file: dict[str, str] = field(default_factory=dict)
    toml: frozenset[str] = frozenset()

    @classmethod
    def read(cls, flags: Iterable[str], assigned: Iterable[str]) -> Sources:
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

    def of(self, name: str) -> Origin:
        """The strongest source that names a setting."""
        if name in self.flags:
            flag = OTHER_FLAGS.get(name) or f"--{name.replace('_', '-')}"
            return Origin("flag", flag, f"{flag} ")
        if name in self.assigned:
            return Origin("flag", "--set", f"--set {name}=")
        if name in self.environment:
            return Origin("environment", "environment", f"{self.environment[name]}=")
        if name in self.env_file:
            return Origin("file", str(ENV_FILE), f"{self.env_file[name]}=")
        if name in self.toml:
            return Origin("file", str(TOML_FILE), f"{name} = ")
        return Origin("default", "default", f"{name} = ")

    def unknown_names(self, known: Collection[str]) -> list[str]:
        """Names in the sources that are not settings, probably misspelt."""
        variables = self.environment | self.env_file
        in_variables = sorted((variable, name, "") for name, variable in variables.items())
        in_file = [(name, name, f" ({TOML_FILE})") for name in sorted(self.toml)]
        return [
            f"{given}: {REMOVED.get(name, 'there is no such setting')}{place}"
            for given, name, place in in_variables + in_file
            if name not in known
        ]


def _by_setting(variables: Iterable[str]) -> dict[str, str]:
    return {
        variable.upper().removeprefix(PREFIX).lower(): variable
        for variable in variables
        if variable.upper().startswith(PREFIX) and variable not in CLIENT_VARIABLES
    }
