"""Tags: those that people give, and the #hashtags of a description."""

from __future__ import annotations

import re

MAX_TAGS = 100
HASHTAG = re.compile(r"(?<![\w&/#])#(\w[\w-]{0,63})")


def tags_of(given: tuple[str, ...], description: str) -> tuple[str, ...]:
    """The given tags and the description's #hashtags, folded, each once, in order.

    Hashtags beyond `MAX_TAGS` are ignored: they are words of a text.
    """
    found = (tag.strip().lstrip("#").casefold() for tag in (*given, *HASHTAG.findall(description)))
    return tuple(dict.fromkeys(tag for tag in found if tag))[:MAX_TAGS]


def kept_tags(tags: tuple[str, ...], description: str) -> tuple[str, ...]:
    """Those tags that stay when a description goes: not its #hashtags."""
    stale = tags_of((), description)
    return tuple(tag for tag in tags if tag not in stale)
