"""Which of many cases of one kind are representatives, and which are the breadth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def represented(cases: Iterable[Any], *representatives: Any) -> list[Any]:
    """Parameters of a test: all cases but the representatives have the marker `breadth`.

    A case that is a tuple has a value for each name of `parametrize`.
    """
    found = list(cases)
    assert all(case in found for case in representatives)
    return [case if case in representatives else _further(case) for case in found]


def _further(case: Any) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.breadth)
