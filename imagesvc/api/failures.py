"""Why some of several things could not be changed, in responses about many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagesvc.errors import ImagesvcError
from imagesvc.http.models import Model
from imagesvc.http.problems import problem

MAX_SHOWN = 1_000


class ItemProblem(Model):
    """Why one of several was not changed."""

    id: str
    status: int
    problem: dict[str, Any]


def problems_of(errors: Mapping[str, ImagesvcError]) -> list[ItemProblem]:
    """The problem of each, up to `MAX_SHOWN`."""
    return [
        ItemProblem(id=name, status=error.status, problem=problem(error))
        for name, error in list(errors.items())[:MAX_SHOWN]
    ]
