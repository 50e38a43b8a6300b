"""Delivery: the bytes of originals and variants, their headers, and their errors."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from PIL import Image
from sqlalchemy import update

from imagesvc.store.db.schema.images import blobs
from tests import databases
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, damaged, noise, picture
from tests.server import Server
from tests.waiting import until
from tests.workers.processes import workers

pytestmark = pytest.mark.joint

IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def image(server: Server) -> dict[str, Any]:
    """A public image whose job is done."""
    uploaded = server.upload(picture(1), "beach.jpg")
    server.finished(uploaded["job"]["id"])
    return uploaded


@pytest.fixture(scope="module")
def private(server: Server) -> dict[str, Any]:
    """An image that shared caches may not keep."""
    return server.upload(picture(2), "diary.jpg", visibility="private")


def steady(answer: httpx2.Response) -> dict[str, str]:
    """The headers that are the same in every response."""
    passing = {"date", "server-timing", "x-request-id"}
    return {name: value for name, value in answer.headers.items() if name not in passing}


def size_of(answer: httpx2.Response) -> tuple[int, int]:
    """Width and height of the picture in a response."""
    return Image.open(io.BytesIO(answer.content)).size


def stored(server: Server, image_id: str) -> list[dict[str, Any]]:
    """The stored variants of an image."""
    found: list[dict[str, Any]] = server.client.get(f"/api/v1/images/{image_id}/variants").json()[
        "data"
    ]
    return found


def test_the_original_comes_back_byte_for_byte(server: Server, image: dict[str, Any]) -> None:
    """The upload is stored unchanged, including its metadata."""
    answer = server.client.get(f"/images/{image['id']}")

    assert answer.status_code == 200
    assert answer.content == picture(1)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-length"] == str(len(picture(1)))
    assert answer.headers["etag"] == f'"{image["sha256"]}"'


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/images/{id}?w=100", (100, 63)),
        ("/images/{id}?w=100&h=100&fit=cover", (100, 100)),
        ("/images/{id}?preset=thumbnail", (256, 160)),
        ("/images/{id}/thumbnail", (256, 160)),
        ("/images/{id}/thumbnail?w=50", (50, 31)),
        ("/images/{id}/thumbnail?fit=cover", (256, 256)),
        ("/images/{id}/preview", (640, 400)),
        ("/images/{id}/blurred", (640, 400)),
        ("/blurred-images/{id}", (640, 400)),
        ("/blurred-images/{id}?sigma=4&w=64", (64, 40)),
    ],
)
def test_a_variant_is_what_its_url_says(
    server: Server, image: dict[str, Any], path: str, size: tuple[int, int]
) -> None:
    """Parameters, presets, and presets with parameters that override theirs."""
    answer = server.client.get(path.format(**image))

    assert answer.status_code == 200
    assert size_of(answer) == size


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "gif"])
def test_the_type_and_the_name_follow_the_format(
    server: Server, image: dict[str, Any], name: str
) -> None:
    """A WebP that is called image/jpeg, or saved as .jpg, confuses users."""
    answer = server.client.get(f"/images/{image['id']}?w=80&format={name}&download=1")

    assert answer.headers["content-type"] == f"image/{name}"
    assert Image.open(io.BytesIO(answer.content)).format == name.upper()
    suffix = {"jpeg": "jpg"}.get(name, name)
    assert answer.headers["content-disposition"] == f'attachment; filename="beach.{suffix}"'


PATHS = ["/images/{id}", "/images/{id}?w=90", "/images/{id}/thumbnail", "/blurred-images/{id}"]


@pytest.mark.parametrize("path", PATHS)
def test_image_answers_carry_the_headers_of_files_from_strangers(
    server: Server, image: dict[str, Any], path: str
) -> None:
    """The response is cacheable without end, shown inline, never sniffed, never executed."""
    headers = server.client.get(path.format(**image)).headers

    assert headers["cache-control"] == IMMUTABLE
    assert headers["content-disposition"] == 'inline; filename="beach.jpg"'
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["accept-ranges"] == "bytes"
    assert headers["etag"].startswith('"')


@pytest.mark.parametrize("path", PATHS)
def test_a_private_image_is_kept_by_no_shared_cache(
    server: Server, private: dict[str, Any], path: str
) -> None:
    """This also holds for responses remembered by URL, the second time."""
    for _ in range(2):
        answer = server.client.get(path.format(**private))

        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(server: Server, image: dict[str, Any], path: str) -> None:
    """This holds for the first request and for a memory hit."""
    url = path.format(**image) + ("&" if "?" in path else "?") + "download=1"

    for _ in range(2):
        head = server.client.head(url)
        get = server.client.get(url)

        assert head.status_code == 200
        assert head.content == b""
        assert steady(head) == steady(get)
        assert int(head.headers["content-length"]) == len(get.content)


@pytest.mark.parametrize("query", ["w=91", "w=92&format=webp", "w=93&download=1"])
def test_an_answer_from_memory_is_the_answer(
    server: Server, image: dict[str, Any], query: str
) -> None:
    """The fast path differs only in speed: same status, headers and bytes."""
    cold, *hot = [server.client.get(f"/images/{image['id']}?{query}") for _ in range(3)]

    for answer in hot:
        assert answer.content == cold.content
        assert steady(answer) == steady(cold)
        assert answer.headers["x-request-id"] != cold.headers["x-request-id"]


def test_variants_outlive_the_process(make_server: MakeServer) -> None:
    """After a restart the same URL has the same ETag and bytes, read from disk."""
    server = make_server()
    image = server.upload(picture(3))
    urls = [f"/images/{image['id']}{rest}" for rest in ("", "/thumbnail", "?w=70&format=webp")]
    before = [server.client.get(url) for url in urls]

    server.stop()
    server.start()

    after = [server.client.get(url) for url in urls]
    assert [answer.content for answer in after] == [answer.content for answer in before]
    assert [steady(answer) for answer in after] == [steady(answer) for answer in before]


def test_each_transform_has_its_own_etag(server: Server, image: dict[str, Any]) -> None:
    """A cache that has one of them must not use it for another."""
    queries = ["", "?w=60", "?w=61", "?w=60&format=png", "?w=60&q=70", "?w=60&gray=1"]

    etags = {
        server.client.get(f"/images/{image['id']}{query}").headers["etag"] for query in queries
    }

    assert len(etags) == len(queries)


def test_images_of_the_same_bytes_have_names_of_their_own(server: Server) -> None:
    """They share blob and variants, and yet each answers under its own name, cold or hot."""
    twins = [server.upload(picture(4), name) for name in ("left.jpg", "right.jpg")]

    names = [
        server.client.get(f"/images/{twin['id']}?w=64").headers["content-disposition"]
        for twin in twins * 2
    ]

    assert names == ['inline; filename="left.jpg"', 'inline; filename="right.jpg"'] * 2


def test_equal_transforms_share_a_variant(server: Server) -> None:
    """Order, defaults and what has no effect make no new rendering."""
    image = server.upload(picture(5))
    server.finished(image["job"]["id"])
    server.client.delete(f"/api/v1/images/{image['id']}/variants")
    spellings = [
        "w=120&h=90",
        "h=90&w=120",
        "w=120&h=90&fit=inside&q=80",
        "w=120&h=90&gravity=north&enlarge=0&rotate=0",
        "format=jpg&w=120&h=90",
        "format=jpeg&h=90&w=120&gray=0",
        "w=%31%32%30&h=+90".replace("+", ""),
    ]

    answers = [server.client.get(f"/images/{image['id']}?{spelling}") for spelling in spellings]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert len({answer.content for answer in answers}) == 1
    assert len(stored(server, image["id"])) == 1


def test_a_preset_is_its_parameters(server: Server, image: dict[str, Any]) -> None:
    """It is one variant for every form of the request."""
    image_id = image["id"]
    ways = [f"{image_id}/thumbnail", f"{image_id}?preset=thumbnail", f"{image_id}?w=256&h=256"]

    etags = {server.client.get(f"/images/{way}").headers["etag"] for way in ways}

    assert len(etags) == 1


@pytest.mark.parametrize(
    ("query", "loc", "allowed"),
    [
        ("w=0", "w", "from 1 to 8192"),
        ("w=8193", "w", "from 1 to 8192"),
        ("w=-1", "w", "from 1 to 8192"),
        ("w=1.5", "w", "from 1 to 8192"),
        ("h=", "h", "from 1 to 8192"),
        ("w=99999999999999999999999", "w", "from 1 to 8192"),
        ("w=%D9%A3", "w", "from 1 to 8192"),
        ("fit=contain", "fit", "inside, cover, fill, pad"),
        ("gravity=up", "gravity", "center, north"),
        ("rotate=361", "rotate", "0 to 360"),
        ("flip=x", "flip", "h, v"),
        ("blur=0.2", "blur", "from 0.3 to 250"),
        ("blur=nan", "blur", "from 0.3 to 250"),
        ("blur=1e2", "blur", "from 0.3 to 250"),
        ("gray=yes", "gray", "1"),
        ("enlarge=2", "enlarge", "1"),
        ("format=bmp", "format", "jpeg"),
        ("format=svg", "format", "webp"),
        ("q=0", "q", "from 1 to 100"),
        ("q=101", "q", "from 1 to 100"),
        ("preset=nope", "preset", "thumbnail"),
        ("width=100", "width", "w, h"),
        ("w=1&w=2", "w", "more than once"),
        ("download=yes", "download", "0 or 1"),
        ("%00=1", "\\x00", "w, h"),
        ("w=%00", "w", "from 1 to 8192"),
    ],
)
def test_an_invalid_transform_is_answered_with_what_is_allowed(
    server: Server, image: dict[str, Any], query: str, loc: str, allowed: str
) -> None:
    """The message is all that someone who writes URLs by hand has to go by."""
    answer = server.client.get(f"/images/{image['id']}?{query}")

    document = assert_problem(answer, 400, "invalid_transform")
    assert [fault["loc"] for fault in document["errors"]] == [loc]
    assert allowed in document["errors"][0]["msg"]
    assert loc in document["detail"]


def test_every_error_of_a_transform_is_named(server: Server, image: dict[str, Any]) -> None:
    """So that three slips take one correction, not three."""
    answer = server.client.get(f"/images/{image['id']}/thumbnail?w=0&fit=no&colour=red")

    document = assert_problem(answer, 400, "invalid_transform")
    assert [fault["loc"] for fault in document["errors"]] == ["w", "fit", "colour"]


@pytest.mark.parametrize(
    "query", ["w=%FF", "&".join(f"k{number}=1" for number in range(80)), "x" * 7_000]
)
def test_an_invalid_query_gets_a_short_error(
    server: Server, image: dict[str, Any], query: str
) -> None:
    """Bytes that are no text, very many keys and a very long one; the answer echoes little."""
    answer = server.client.get(f"/images/{image['id']}?{query}")

    assert_problem(answer, 400, "invalid_transform")
    assert len(answer.content) < 16_000


@pytest.mark.parametrize("sigma", ["0", "251", "x", ""])
def test_an_invalid_sigma_is_named_as_in_the_request(
    server: Server, image: dict[str, Any], sigma: str
) -> None:
    """`blur` is not a word of that URL."""
    answer = server.client.get(f"/blurred-images/{image['id']}?sigma={sigma}")

    document = assert_problem(answer, 400, "invalid_transform")
    assert [fault["loc"] for fault in document["errors"]] == ["sigma"]


def test_sigma_overrides_the_blurred_preset(server: Server, image: dict[str, Any]) -> None:
    """`sigma=10` is the preset itself; another one is another variant."""
    base = f"/blurred-images/{image['id']}"
    etags = [server.client.get(f"{base}{query}").headers["etag"] for query in
             ("", "?sigma=10", "?sigma=3", "?blur=3")]  # fmt: skip

    assert etags[0] == etags[1]
    assert etags[1] != etags[2]
    assert etags[2] == etags[3]


@pytest.mark.parametrize(
    "path", ["/images/{id}/nope", "/images/{id}/THUMBNAIL", "/images/{id}/thumbnail/more"]
)
def test_a_preset_that_does_not_exist_is_not_found(
    server: Server, image: dict[str, Any], path: str
) -> None:
    """A name is part of the URL, so a wrong one names nothing."""
    assert_problem(server.client.get(path.format(**image)), 404, "not_found")


def test_presets_are_a_setting(make_server: MakeServer) -> None:
    """The operator's presets have URLs at once, and those that are removed are gone."""
    own = {"card": "w=60&h=60&fit=cover&format=webp"}
    presets = own | {"thumbnail": False, "blurred": False, "preview": "w=50"}
    server = make_server(presets=json.dumps(presets), eager_presets='["card"]', workers=1)
    image = server.upload(picture(6, (120, 90)))

    answer = server.client.get(f"/images/{image['id']}/card")

    assert size_of(answer) == (60, 60)
    assert answer.headers["content-type"] == "image/webp"
    assert image["urls"]["thumbnail"] is None
    assert image["urls"]["preview"] == image["urls"]["presets"]["preview"]
    assert set(image["urls"]["presets"]) == {"card", "preview", "grid", "viewer"}
    for name, width in (("card", 60), ("preview", 50)):
        url = image["urls"]["presets"][name]
        assert re.fullmatch(f"/images/{image['id']}/{name}[?]v=[0-9a-f]{{8}}", url)
        assert size_of(server.client.get(url))[0] == width
    assert_problem(server.client.get(f"/images/{image['id']}/thumbnail"), 404, "not_found")
    assert_problem(server.client.get(f"/blurred-images/{image['id']}"), 404, "not_found")


@dataclass(frozen=True, slots=True)
class Changed:
    """A server whose presets were changed, and what it answered before."""

    server: Server
    image: dict[str, Any]
    again: dict[str, Any]
    """A further job of the image."""
    jobs: list[dict[str, Any]]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changed]:
    """An image of before, and the jobs that made its variants."""
    server = Server(
        tmp_path_factory.mktemp("changed") / "data", workers=1,
        presets='{"card": "w=60", "gone": "w=50"}', eager_presets='["thumbnail", "card", "gone"]',
    ).start()  # fmt: skip
    image = server.upload(picture(6, (300, 200)))
    (again,) = server.client.post(
        "/api/v1/images/actions/process", json={"id": image["id"], "operations": ["card", "w=40"]}
    ).json()["data"]
    jobs = [server.finished(job_id) for job_id in (image["job"]["id"], again["id"])]
    server.stop()
    server.settings |= {
        "presets": '{"card": "w=70"}', "eager_presets": None, "quality_jpeg": 70,
        "ignored_parameters": "[]",
    }  # fmt: skip
    server.start()
    yield Changed(server, image, again, jobs)
    server.close()


def test_a_changed_preset_has_another_url_and_the_old_one_works(changed: Changed) -> None:
    """Browsers and caches keep what they have for a year."""
    client, image = changed.server.client, changed.image
    before = image["urls"]["presets"]

    after = client.get(f"/api/v1/images/{image['id']}").json()["urls"]["presets"]

    assert before["thumbnail"] == f"/images/{image['id']}/thumbnail"
    assert before.keys() - after.keys() == {"gone"}
    assert [name for name in after if after[name] == before[name]] == []
    for url in (before["card"], after["card"]):
        assert size_of(client.get(url))[0] == 70


def test_the_urls_of_a_job_are_those_of_its_image(changed: Changed) -> None:
    """And lead to what the job made, also when the preset is another one by then."""
    client, image, again = changed.server.client, changed.image, changed.again
    before = image["urls"]["presets"]
    places = [[made["url"] for made in job["operations"]] for job in changed.jobs]

    job = client.get(f"/api/v1/jobs/{image['job']['id']}").json()

    assert places == [
        [before["thumbnail"], before["card"], before["gone"]],
        [before["card"], f"/images/{image['id']}?w=40"],
    ]
    assert [made["url"] for made in again["operations"]] == places[1]
    now = client.get(f"/api/v1/images/{image['id']}").json()["urls"]["presets"]
    urls = [made["url"] for made in job["operations"]]
    assert urls == [
        now["thumbnail"], f"/images/{image['id']}?w=60", f"/images/{image['id']}?w=50",
    ]  # fmt: skip
    assert [size_of(client.get(url))[0] for url in urls] == [256, 60, 50]
    listed = client.get("/api/v1/jobs", params={"image": image["id"]}).json()["data"]
    assert job in listed


def test_many_requesters_of_one_new_variant_get_the_same_bytes(server: Server) -> None:
    """A page that goes viral must not render its picture once for each visitor."""
    image = server.upload(picture(7, (1600, 1200)))
    server.finished(image["job"]["id"])
    with ThreadPoolExecutor(16) as threads:
        url = f"/images/{image['id']}?w=901&blur=2"

        answers = list(threads.map(lambda _: server.client.get(url), range(16)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_a_large_variant_is_streamed_like_any_other(server: Server) -> None:
    """Those too large for memory have the same headers, and ranges, too."""
    image = server.upload(noise((1800, 1200)))
    url = f"/images/{image['id']}?w=1790&format=png"

    first, again = server.client.get(url), server.client.get(url)
    part = server.client.get(url, headers={"range": "bytes=100-199"})

    assert len(first.content) > 4 << 20
    assert int(first.headers["content-length"]) == len(first.content)
    assert again.content == first.content
    assert steady(again) == steady(first)
    assert part.status_code == 206
    assert part.content == first.content[100:200]
    assert server.client.get(url, headers={"if-none-match": first.headers["etag"]}).content == b""


def test_a_rendering_over_its_time_is_503_and_is_not_kept(make_server: MakeServer) -> None:
    """The requester is told to come again; nothing half done is stored or remembered."""
    server = make_server(transform_timeout="2s", workers=1)
    image = server.upload(noise((500, 400)))
    server.finished(image["job"]["id"])
    before = stored(server, image["id"])

    for _ in range(2):
        for worker in workers(server):
            os.kill(worker, signal.SIGSTOP)
        answer = server.client.get(f"/images/{image['id']}?w=300")

        assert_problem(answer, 503, "timed_out")
        assert int(answer.headers["retry-after"]) >= 1
    assert stored(server, image["id"]) == before
    assert server.client.get(f"/images/{image['id']}/thumbnail").status_code == 200


@pytest.mark.breadth
def test_more_renderings_than_may_wait_are_503(make_server: MakeServer) -> None:
    """A bounded number waits; who comes after is told so at once, and later served."""
    server = make_server(queue_size=2, workers=1)
    image = server.upload(noise((1200, 800)))
    server.finished(image["job"]["id"])
    widths = range(1000, 1010)
    (worker,) = workers(server)
    with ThreadPoolExecutor(10) as threads:
        ask = f"/images/{image['id']}?blur=9&w={{}}".format

        os.kill(worker, signal.SIGSTOP)  # until some have been refused
        asked = [threads.submit(server.client.get, ask(width)) for width in widths]
        until(lambda: any(answer.done() for answer in asked))
        os.kill(worker, signal.SIGCONT)
        answers = [answer.result() for answer in asked]

    refused = [answer for answer in answers if answer.status_code != 200]
    assert 3 <= len(answers) - len(refused) < 10
    for answer in refused:
        assert_problem(answer, 503, "overloaded")
        assert int(answer.headers["retry-after"]) >= 1
    assert all(server.client.get(ask(width)).status_code == 200 for width in widths)


def test_an_image_that_cannot_be_decoded_has_an_original_only(server: Server) -> None:
    """Its header was fine, so it was taken; the failure is told each time and never stored."""
    image = server.upload(damaged(), "damaged.png")

    for _ in range(2):
        answer = server.client.get(f"/images/{image['id']}?w=100")

        assert_problem(answer, 422, "corrupt_image")
    assert server.client.get(f"/images/{image['id']}").content == damaged()
    assert stored(server, image["id"]) == []


@pytest.mark.parametrize(("number", "query"), [(61, ""), (62, "?w=30&exact=1")])
def test_an_original_that_another_node_has_replaced_is_found_at_the_next_request(
    server: Server, number: int, query: str
) -> None:
    """It has a new name then; a node that has not heard of it knows the old one."""
    image = server.upload(picture(number))
    server.finished(image["job"]["id"])
    assert server.client.get(f"/images/{image['id']}").status_code == 200
    digest = image["sha256"]
    name = server.rename_blob(digest)
    with databases.opened(server.data_dir) as connection:
        connection.execute(update(blobs).where(blobs.c.sha256 == digest).values(name=name))

    url = f"/images/{image['id']}{query}"
    first, second = (server.client.get(url).status_code for _ in range(2))

    assert first in {200, 404}
    assert second == 200
