"""Two users with the same bytes: the blob is shared, and no response reveals it.

An attacker who guesses another user's file uploads it and compares: which variants are cached,
their times, the speed, and what a delete by the attacker removes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.crash.pictures import large
from tests.http.asking import noise, picture
from tests.http.people import People, people_of
from tests.server import Server
from tests.waiting import until

SMALL = picture(77)
LARGE = large(7, 2600, 1800)
"""Large enough for a mezzanine."""
WARM = "w=91&format=webp"


@pytest.fixture(scope="module")
def owners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """Two users of a server whose uploads make a thumbnail."""
    place = tmp_path_factory.mktemp("owners") / "data"
    server = Server(
        place, auth="required", rate_limits="off", workers=1, eager_presets='["thumbnail"]',
        allow_debug="true",
    ).start()  # fmt: skip
    yield people_of(server)
    server.close()


def uploaded(client: httpx2.Client, content: bytes) -> dict[str, Any]:
    """A private image, before its job has run."""
    answer = client.post("/images", content=content)
    assert answer.status_code == 201, answer.text
    image: dict[str, Any] = answer.json()
    return image


def processed(client: httpx2.Client, image: dict[str, Any]) -> dict[str, Any]:
    """The image once its job has ended."""
    path = f"/api/v1/images/{image['id']}"

    def done() -> dict[str, Any] | None:
        found: dict[str, Any] = client.get(path).json()
        return found if found["status"] == "succeeded" else None

    return until(done)


def variants(client: httpx2.Client, image: dict[str, Any]) -> list[dict[str, Any]]:
    """The stored variants that the API lists for an image."""
    found: list[dict[str, Any]] = client.get(f"/api/v1/images/{image['id']}/variants").json()[
        "data"
    ]
    return found


def warmed(client: httpx2.Client, content: bytes) -> dict[str, Any]:
    """An image with variants in memory and on disk."""
    image = processed(client, uploaded(client, content))
    for query in (WARM, "w=92", "preset=blurred"):
        assert client.get(f"/images/{image['id']}?{query}").status_code == 200
    return image


def tier(answer: httpx2.Response) -> str:
    """The tier of the bytes of a response, from its header."""
    return answer.headers["server-timing"].split(",")[0]


@pytest.mark.parametrize(
    "content",
    [pytest.param(SMALL, id="small"), pytest.param(LARGE, id="large", marks=pytest.mark.breadth)],
)
def test_an_upload_of_the_same_bytes_starts_cold(owners: People, content: bytes) -> None:
    """Its list of variants is empty or its own, and the first request for each renders it."""
    warmed(owners.ann, content)

    mine = processed(owners.bob, uploaded(owners.bob, content))
    stored = variants(owners.bob, mine)
    first = owners.bob.get(f"/images/{mine['id']}?{WARM}")

    assert [item["transform"] for item in stored] == [stored[0]["transform"]]
    assert all(item["created_at"] > mine["created_at"] for item in stored)
    assert tier(first) == "cache;desc=rendered"
    assert tier(owners.bob.get(f"/images/{mine['id']}?{WARM}")) == "cache;desc=memory"


def test_deleting_variants_keeps_those_of_other_users(owners: People) -> None:
    """An attacker must not slow down another user's pages."""
    hers = warmed(owners.ann, noise((300, 200)))
    content = owners.ann.get(f"/images/{hers['id']}").content
    before = variants(owners.ann, hers)
    mine = warmed(owners.bob, content)

    purged = owners.bob.delete(f"/api/v1/images/{mine['id']}/variants")
    deleted = owners.bob.delete(f"/api/v1/images/{mine['id']}")

    assert purged.json()["deleted"] == len(before)
    assert deleted.status_code == 204
    kept = {item["transform"]: item["created_at"] for item in variants(owners.ann, hers)}
    assert kept == {item["transform"]: item["created_at"] for item in before}
    answer = owners.ann.get(f"/images/{hers['id']}?{WARM}")
    assert tier(answer) in {"cache;desc=memory", "cache;desc=disk"}
    assert owners.ann.get(f"/images/{hers['id']}").content == content


@pytest.mark.breadth
def test_the_analysis_appears_only_after_the_users_own_job(owners: People) -> None:
    """Colours, hashes and the mezzanine of a file appear after a job of the user's own image."""
    content = large(8, 2600, 1800)
    hers = warmed(owners.ann, content)
    hers = owners.ann.get(f"/api/v1/images/{hers['id']}").json()
    colour = hers["dominant_color"][1:]
    for number in range(12):  # keeps the job of the next upload waiting
        uploaded(owners.bob, large(20 + number, 2600, 1800))

    mine = uploaded(owners.bob, content)
    early, found_by_colour = [], []
    while (shown := owners.bob.get(f"/api/v1/images/{mine['id']}").json())["phash"] is None:
        early.append(shown)
        by_colour = owners.bob.get("/api/v1/images", params={"q": f"color:{colour}", "limit": 200})
        found_by_colour.append(mine["id"] in [item["id"] for item in by_colour.json()["data"]])

    assert early, "the analysis of another image is shown"
    assert found_by_colour[0] is False
    assert all(item["dominant_color"] is None and item["palette"] == [] for item in early)
    assert processed(owners.bob, mine)["phash"] == shown["phash"] == hers["phash"]


def test_two_images_of_one_owner_are_as_apart(owners: People) -> None:
    """Deleting one of two copies leaves the other as it was."""
    content = picture(78)
    first, second = warmed(owners.ann, content), warmed(owners.ann, content)
    before = variants(owners.ann, second)

    assert owners.ann.delete(f"/api/v1/images/{first['id']}").status_code == 204

    assert variants(owners.ann, second) == before
    assert owners.ann.get(f"/images/{second['id']}").content == content


def test_a_variant_is_rendered_for_the_second_owner(owners: People) -> None:
    """The time of the first request reveals nothing: it is as long for each owner."""
    hers = warmed(owners.ann, large(9, 2600, 1800))
    content = owners.ann.get(f"/images/{hers['id']}").content
    query = "w=500&blur=20&exact=1"
    mine = processed(owners.bob, uploaded(owners.bob, content))

    first = owners.ann.get(f"/images/{hers['id']}?{query}")
    second = owners.bob.get(f"/images/{mine['id']}?{query}")

    assert tier(first) == tier(second) == "cache;desc=rendered"
