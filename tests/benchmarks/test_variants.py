"""No variant of a bench is asked for twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import client, plan
from benchmarks.limits import Render
from benchmarks.variants import ExhaustedError, Variants
from tests.http.asking import picture
from tests.server import Server

PHOTO = Path("photo.jpg")


def test_variants_are_given_once_and_then_there_are_none() -> None:
    """They do not wrap around: the batch that is too large raises."""
    variants = Variants.resized(PHOTO)
    seen: set[Render] = set()

    for _ in range(4):
        batch = variants.take(1_000)
        assert len(batch) == 1_000
        assert not seen.intersection(batch)
        seen.update(batch)

    with pytest.raises(ExhaustedError, match="1000 variants are wanted, and 221 are left"):
        variants.take(1_000)


def test_variants_average_400_px_and_quality_80() -> None:
    """A part of them is like another: their order is random, and always the same."""
    batch = Variants.resized(PHOTO).take(400)

    assert batch == Variants.resized(PHOTO).take(400)
    assert sum(render.width for render in batch) / len(batch) == pytest.approx(400, abs=10)
    assert sum(render.quality for render in batch) / len(batch) == pytest.approx(80, abs=1)


def test_equal_variants_are_refused() -> None:
    """The second one would come from a cache."""
    with pytest.raises(ValueError, match="are the same"):
        Variants([Render("a.jpg", 400), Render("a.jpg", 400)])


def test_a_cold_rate_of_cached_variants_is_refused(server: Server) -> None:
    """The server's count of calls in workers says that a variant was made for its request."""
    image = server.upload(picture())
    server.finished(image["job"]["id"])
    requests = tuple(plan.get(f"/images/{image['id']}?w={width}") for width in (100, 101))

    assert client.cold_rate(server.port, requests, 2) > 0
    with pytest.raises(RuntimeError, match="2 variants were answered, and only 0 made"):
        client.cold_rate(server.port, requests, 2)
