"""The texts of the gallery: a catalogue for each language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from starlette.requests import Request

from imagesvc.syntax.header_fields import joined_field, weights_of

Texts = Mapping[str, str]
LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch"}
"""The names of the languages in themselves; the first is the default."""
DEFAULT = next(iter(LANGUAGES))
COOKIE = "imagesvc_language"
"""The choice of the user."""
FOLDER = Path(__file__).parent / "texts"


@cache
def catalogues() -> Mapping[str, Texts]:
    """The texts of all languages by key; reads files at the first call."""
    return {name: json.loads((FOLDER / f"{name}.json").read_bytes()) for name in LANGUAGES}


@cache
def problem_texts(language: str) -> Texts:
    """The texts of errors by code, in which `{detail}` stands for the English detail.

    There are none in English.
    """
    path = FOLDER / "problems" / f"{language}.json"
    return {} if language == DEFAULT else json.loads(path.read_bytes())


def explained(language: str, code: str, detail: str) -> str:
    """The detail of an error in a language."""
    return problem_texts(language).get(code, "{detail}").replace("{detail}", detail)


def language_of(request: Request) -> str:
    """The language for a request: the user's choice, or the best that the browser accepts."""
    chosen = request.cookies.get(COOKIE)
    if chosen is not None and chosen in LANGUAGES:
        return chosen
    accepted = weights_of(joined_field(request.headers.raw, b"accept-language") or "")
    weights = dict.fromkeys(LANGUAGES, 0.0)
    for tag, weight in accepted.items():
        name = tag.partition("-")[0]
        if name in weights:
            weights[name] = max(weights[name], weight)
    return max(weights, key=lambda name: weights[name])
