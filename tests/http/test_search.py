"""Search over HTTP: every row of the grammar, folding, ranks, filters, errors."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import ExifTags, Image

from tests.breadth import represented
from tests.http.asking import assert_problem, picture
from tests.server import Server

MAKE, MODEL = 0x010F, 0x0110


def photo(
    color: str,
    size: tuple[int, int] = (64, 48),
    kind: str = "JPEG",
    taken: str = "",
    camera: tuple[str, str] = ("", ""),
) -> bytes:
    """A picture of one colour, with EXIF of a camera."""
    exif = Image.Exif()
    exif[MAKE], exif[MODEL] = camera
    if taken:
        exif.get_ifd(ExifTags.IFD.Exif)[0x9003] = taken
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, kind, exif=exif)
    return out.getvalue()


BEACH: dict[str, Any] = {
    "content": photo(
        "#2f6b9a", (64, 48), taken="2016:03:24 12:00:00", camera=("FUJIFILM", "X100V")
    ),
    "filename": "IMG_2041.jpg",
    "title": "Sunset at the beach",
    "description": "Warm sand; the golden hour. #sea #sand",
}
NIGHT: dict[str, Any] = {
    "content": photo("#101018", (48, 64), "PNG", "2018:12:24 23:59:59", ("Canon", "EOS 5D")),
    "filename": "night.png",
    "title": "Night",
    "description": "A beach after sunset, the hour of golden lamps",
    "tags": "sea,New York",
}
CAFE: dict[str, Any] = {
    "content": photo("#c02020", (400, 400), "PNG", "2022:05:17 12:00:00"),
    "filename": "Cafe\u0301 Zo\u00eb.png",
    "title": "Caf\u00e9 crème",
    "tags": "na\u00efve,\u6d77",
}
SUNRISE: dict[str, Any] = {
    "content": photo("#f0a040", (80, 40), "WEBP", "2020:12:24 06:00:00"),
    "filename": "z.webp",
    "title": "\U0001f305 dawn",
    "description": "sunset? no: sunrise! AND 100% \u201ceasy\u201d",
}
NAMES = {"beach": BEACH, "night": NIGHT, "cafe": CAFE, "sunrise": SUNRISE}


@pytest.fixture(scope="module")
def ids(server: Server) -> dict[str, str]:
    """The names of four images by their ids, in the order of upload; their jobs have ended."""
    found: dict[str, str] = {}
    for name, upload in NAMES.items():
        image = server.upload(**upload)
        server.finished(image["job"]["id"])
        found[image["id"]] = name
    return found


def search(server: Server, ids: dict[str, str], **query: str) -> list[str]:
    """The names that a search finds, in order."""
    answer = server.client.get("/api/v1/images", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_cursor"] is None
    return [ids[image["id"]] for image in answer.json()["data"]]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("", "sunrise cafe night beach"),
        ("sunset beach", "beach night"),
        ("suns beac", "beach night"),
        ("SUNSET", "beach sunrise night"),
        ('"suns"', ""),
        ('"golden hour"', "beach"),
        ('"hour golden"', ""),
        ("sunset -night", "beach sunrise"),
        ('sunset -"golden hour"', "sunrise night"),
        ("-sun", "sunrise cafe night beach"),
        ("-sunset", "cafe"),
        ("sunset -tags:sea", "sunrise"),
        ("-format:png", "sunrise beach"),
        ("-size:>1MB -sunset", "cafe"),
        ("tags:sea", "night beach"),
        ("tags:sea,sand", "beach"),
        ('tags:"new york"', "night"),
        ("tags:new", ""),
        ("tags:se", ""),
        ("tags:naive", "cafe"),
        ("tags:\u6d77", "cafe"),
        ("\u6d77", "cafe"),
        ("york", "night"),
        ("desc:sunset", "sunrise night"),
        ("title:sunset", "beach"),
        ('title:"sunset at the"', "beach"),
        ("-title:night", "sunrise cafe beach"),
        ("filename:img", "beach"),
        ("2041", "beach"),
        ("cafe", "cafe"),
        ("caf\u00e9", "cafe"),
        ("cafe\u0301 cr\u00c8me ZOE", "cafe"),
        ("date:2016", "beach"),
        ("date:03-2016", "beach"),
        ("date:2018-12", "night"),
        ("date:24-12-2020", "sunrise"),
        ("date:2020-12-24", "sunrise"),
        ("date:24-*-*", "sunrise night beach"),
        ("date:24-12-*", "sunrise night"),
        ("date:*-12-*", "sunrise night"),
        ("date:2018-*-24", "night"),
        ("-date:24-*-* format:png", "cafe"),
        ("from:2018 to:24-12-2020", "sunrise night"),
        ("from:25-03-2016 to:2018-12-23", ""),
        ("from:24-03-2016 to:2018-12-24", "night beach"),
        ("to:2016", "beach"),
        ("from:2021", "cafe"),
        ("-from:2018", "beach"),
        ("from:2019 to:2018", ""),
        ("format:png", "cafe night"),
        ("format:JPG", "beach"),
        ("size:>1KB", "cafe"),
        ("size:<=1KiB format:jpeg", "beach"),
        ("size:>1MB", ""),
        ("width:>=80", "sunrise cafe"),
        ("width:48..64 height:<64", "beach"),
        ("height:=64", "night"),
        ("-width:400", "sunrise night beach"),
        ("orientation:landscape", "sunrise beach"),
        ("orientation:portrait", "night"),
        ("orientation:square", "cafe"),
        ("camera:x100", "beach"),
        ("camera:fuji", "beach"),
        ('camera:"eos 5d"', "night"),
        ("fujifilm", ""),
        ("color:#2f6b9a", "beach"),
        ("color:336e98", "beach"),
        ("color:#0f0", ""),
        ("-color:#2f6b9a", "sunrise cafe night"),
        ("color:#c02020 format:png", "cafe"),
        ("\U0001f305", "sunrise"),
        ("AND", "sunrise"),
        ("100%", "sunrise"),
        ("sunset AND beach", ""),
        ("dawn OR night", "sunrise night"),
        ("tags:na\u00efve OR dawn OR camera:x100", "sunrise cafe beach"),
        ("title:beach OR title:night tags:sea", "night beach"),
        ("tags:sea title:beach OR title:dawn", "beach"),
        ("sunset beach OR lamps", "beach night"),
        ("format:webp OR format:png -orientation:square", "sunrise night"),
        ("date:2016 OR date:2018", "night beach"),
        ("dawn OR !!", "sunrise"),
        ("!! OR ??", "sunrise cafe night beach"),
        ("nothing OR nowhere", ""),
        ("nil OR keys:vpublic OR x) OR v", ""),
        ("sunset OR", ""),
        ("NEAR(sunset", ""),
        ("sunset ^beach", "beach night"),
        ("sunset* beach", "beach night"),
        ("title:sunset:at", "beach"),
        ("sunset - & !!", "beach sunrise night"),
        ("vpublic", ""),
        ("keys:vpublic", ""),
        ("fjpeg", ""),
        ("'; DROP TABLE images", ""),
        ('sunset"beach', ""),
    ],
)
def test_a_search_finds(server: Server, ids: dict[str, str], q: str, names: str) -> None:
    """It finds exactly those images, the best first."""
    assert search(server, ids, q=q) == names.split()


@pytest.mark.parametrize(
    ("escaped", "status"),
    [("%ED%A0%80", 200), ("%FF%FE", 200), ("%F0%9F", 200), ("%00", 400), ("sea%00sand", 400)],
)
def test_invalid_text_is_not_a_bug(server: Server, escaped: str, status: int) -> None:
    """Bytes that are not UTF-8 find nothing; NUL is refused as in every parameter."""
    answer = server.client.get(f"/api/v1/images?q={escaped}")

    assert answer.status_code == status, answer.text


def test_ranks_are_whole_words_before_beginnings_and_titles_before_the_rest(
    server: Server,
) -> None:
    """Images of equal rank are sorted newest first; `order=asc` reverses the whole list."""
    fields = [
        {"title": "x", "description": "quokkas"},
        {"title": "quokkas"},
        {"title": "x", "description": "quokka"},
        {"title": "x", "tags": "quokka"},
        {"title": "Quokka"},
        {"title": "a quokka again"},
    ]
    made = [server.upload(picture(70 + n), "x.jpg", **some)["id"] for n, some in enumerate(fields)]

    best = server.client.get("/api/v1/images?q=quokka").json()["data"]
    worst = server.client.get("/api/v1/images?q=quokka&order=asc").json()["data"]
    newest = server.client.get("/api/v1/images?q=quokka&sort=created").json()["data"]

    assert [made.index(image["id"]) for image in best] == [5, 4, 3, 2, 1, 0]
    assert [image["id"] for image in worst] == [image["id"] for image in best[::-1]]
    assert [image["id"] for image in newest] == made[::-1]


def resized(content: bytes, size: tuple[int, int], kind: str) -> bytes:
    """The same picture, smaller and in another format."""
    out = io.BytesIO()
    Image.open(io.BytesIO(content)).resize(size).save(out, kind)
    return out.getvalue()


@pytest.fixture(scope="module")
def alike(server: Server) -> list[dict[str, Any]]:
    """A picture, a copy of it, a smaller version, and another picture."""
    motif = _motif(0)
    contents = [motif, motif, resized(motif, (200, 150), "WEBP"), _motif(1)]
    images = [
        server.upload(content, f"alike-{place}.png", tags="alike")
        for place, content in enumerate(contents)
    ]
    for image in images:
        server.finished(image["job"]["id"])
    return images


def _motif(seed: int) -> bytes:
    image = Image.new("RGB", (400, 300), "#888")
    for place in range(12):
        x, y = (37 * place * (3 + seed)) % 350, (53 * place * (2 + 3 * seed)) % 250
        image.paste((20 * place, 255 - 20 * place, 128), (x, y, x + 60, y + 60))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_similar_images_are_found_nearest_first(
    server: Server, alike: list[dict[str, Any]]
) -> None:
    """Copies of every size and format are found, but not the image itself, nor other pictures."""
    model, copy, smaller, other = (image["id"] for image in alike)

    found = server.client.get("/api/v1/images", params={"q": f"similar:{model}"}).json()["data"]
    webp = server.client.get(
        "/api/v1/images", params={"q": f"similar:{model} format:webp tags:alike"}
    ).json()["data"]

    assert found[0]["id"] == copy
    assert {image["id"] for image in found} == {copy, smaller}
    assert other not in {image["id"] for image in found}
    assert [image["id"] for image in webp] == [smaller]


def test_an_image_that_is_not_there_has_nothing_similar(server: Server) -> None:
    """The error names the column, since the id is a part of the query."""
    unknown = "sea similar:0190c0de-0000-7000-8000-000000000000"

    answer = server.client.get("/api/v1/images", params={"q": unknown})

    document = assert_problem(answer, 400, "invalid_query")
    assert document["errors"] == [{"loc": "q:5", "msg": "there is no image with this id"}]


def test_a_broken_query_is_answered_with_its_column(server: Server) -> None:
    """A search box can mark the position."""
    answer = server.client.get("/api/v1/images", params={"q": "sunset date:tomorrow"})

    document = assert_problem(answer, 400, "invalid_query")
    assert document["detail"].startswith("Column 13 of q: expected a date such as 2016")
    assert document["errors"][0]["loc"] == "q:13"


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("created", "sunrise cafe night beach"),
        ("taken", "cafe sunrise night beach"),
        ("name", "cafe beach night sunrise"),
        ("relevance", "sunrise cafe night beach"),
    ],
)
def test_a_list_is_sorted(server: Server, ids: dict[str, str], sort: str, names: str) -> None:
    """Each sort has a default direction, and the other one."""
    query = {"q": "-tags:alike -quokka -quokkas", "sort": sort}
    both = {"asc": names.split(), "desc": names.split()}
    usual = "asc" if sort == "name" else "desc"
    both["desc" if usual == "asc" else "asc"].reverse()

    for order, expected in {**both, "": both[usual]}.items():
        given = {**query, "order": order} if order else query
        answer = server.client.get("/api/v1/images", params={**given, "limit": "200"})
        found = [ids[one["id"]] for one in answer.json()["data"] if one["id"] in ids]

        assert found == expected, order


def test_sizes_descend_and_names_are_folded(server: Server, ids: dict[str, str]) -> None:
    """The largest is first; Émile is next to emil."""
    images = server.client.get("/api/v1/images?sort=size&limit=200").json()["data"]

    sizes = [image["bytes"] for image in images]
    assert sizes == sorted(sizes, reverse=True)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with nine images, some of which have equal sort keys."""
    server = Server(tmp_path_factory.mktemp("many") / "data", workers=1).start()
    for place in range(9):
        server.upload(picture(place % 4), f"{place % 3}.jpg", title=f"wave {place}", tags="w")
    yield server
    server.close()


@pytest.mark.parametrize("order", represented(("asc", "desc"), "desc"))
@pytest.mark.parametrize(
    "q",
    represented(("", "wave", "tags:w", "-sea", "width:>1", "date:*-*-31 -date:*-*-31"), "", "wave"),
)
@pytest.mark.parametrize("sort", ["relevance", "created", "taken", "size", "name"])
def test_pages_of_every_sort_show_each_image_once(
    many: Server, sort: str, q: str, order: str
) -> None:
    """The order is that of the whole list, for every page size."""
    query = {"sort": sort, "order": order, "q": q}
    whole = many.client.get("/api/v1/images", params=query).json()["data"]
    url: str | None = "/api/v1/images"
    seen: list[str] = []

    while url:
        answer = many.client.get(url, params={**query, "limit": "2"} if not seen else None)
        assert answer.status_code == 200, answer.text
        seen += [image["id"] for image in answer.json()["data"]]
        url = answer.links["next"]["url"] if "next" in answer.links else None

    assert seen == [image["id"] for image in whole]
    assert len(whole) == (0 if q.startswith("date") else 9)


@pytest.mark.parametrize(
    "query",
    represented(
        [
            "sort=created", "sort=taken", "sort=size", "sort=name", "q=wave", "q=wave&sort=size",
            "q=tags:w&sort=name",
        ],
        "sort=created", "sort=name", "q=wave",
    ),
)  # fmt: skip
def test_pages_do_not_shift_in_any_order(tmp_path_factory: pytest.TempPathFactory, query: str,
                                         many: Server) -> None:  # fmt: skip
    """A new image does not move others to the next page again; a deleted image leaves no gap."""
    first = many.client.get(f"/api/v1/images?{query}&limit=3")
    rest = many.client.get(first.links["next"]["url"].replace("limit=3", "limit=200"))
    expected = [image["id"] for image in rest.json()["data"]]

    new = [many.upload(picture(place), f"{place}.jpg", title="wave", tags="w")["id"]
           for place in range(2)]  # fmt: skip
    again = many.client.get(first.links["next"]["url"].replace("limit=3", "limit=200"))
    for image_id in new:
        many.client.delete(f"/api/v1/images/{image_id}")

    assert [one["id"] for one in again.json()["data"] if one["id"] not in new] == expected


@pytest.mark.parametrize(
    "other",
    [
        "sort=size",
        "order=asc",
        "q=sea",
        "visibility=public",
        "status=failed",
        "q=wave&sort=created",
    ],
)
def test_a_cursor_is_of_one_list(many: Server, other: str) -> None:
    """Its position has no meaning in another list."""
    cursor = many.client.get("/api/v1/images?q=wave&limit=2").json()["next_cursor"]

    answer = many.client.get(f"/api/v1/images?{other}&cursor={cursor}")

    document = assert_problem(answer, 400, "invalid_request")
    assert [fault["loc"] for fault in document["errors"]] == ["cursor"]


@pytest.mark.parametrize("rank", [-1, 9999, -(2**63)])
def test_a_cursor_with_a_rank_that_there_is_not_is_refused(many: Server, rank: int) -> None:
    """Cursors are not signed: a forged cursor reveals nothing and causes no error."""
    cursor = many.client.get("/api/v1/images?q=wave&limit=2").json()["next_cursor"]
    key, _rank, number = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    forged = base64.urlsafe_b64encode(json.dumps([key, rank, number]).encode()).decode()

    answer = many.client.get("/api/v1/images", params={"q": "wave", "cursor": forged.rstrip("=")})

    document = assert_problem(answer, 400, "invalid_request")
    assert [fault["loc"] for fault in document["errors"]] == ["cursor"]


def test_plain_filters(many: Server) -> None:
    """They work with and without a query."""
    hidden = many.upload(picture(50), "h.jpg", title="hidden wave", visibility="private")["id"]
    many.finished(many.client.get(f"/api/v1/images/{hidden}").json()["job"]["id"])

    def count(query: str) -> int:
        return len(many.client.get(f"/api/v1/images?{query}").json()["data"])

    assert count("visibility=private") == 1
    assert count("visibility=private&q=wave") == 1
    assert count("visibility=unlisted") == 0
    assert count("visibility=public&q=hidden") == 0
    assert count("status=succeeded&visibility=private") == 1
    assert count("status=failed") == 0
    assert count("status=failed&q=wave") == 0
    assert count("collection=0190c0de-0000-7000-8000-000000000000") == 0
    assert count("collection=0190c0de-0000-7000-8000-000000000000&sort=size") == 0
    assert count("owner=0190c0de-0000-7000-8000-000000000000&q=wave") == 0
    many.client.delete(f"/api/v1/images/{hidden}")


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ("sort=date", "sort"),
        ("order=up", "order"),
        ("status=done", "status"),
        ("collection=1", "collection"),
        ("owner=me", "owner"),
        ("visibility=all", "visibility"),
        ("q=a&q=b", "q"),
        ("query=a", "query"),
        ("total=maybe", "total"),
    ],
)
def test_a_parameter_that_breaks_its_rules_is_named(many: Server, query: str, loc: str) -> None:
    """The parameter is not ignored."""
    answer = many.client.get(f"/api/v1/images?{query}")

    document = assert_problem(answer, 400, "invalid_request")
    assert [fault["loc"] for fault in document["errors"]] == [loc]


@pytest.mark.parametrize(
    ("parameter", "right"),
    [
        ("extension=jpg", "q=format:jpg"), ("page=2", "cursor"), ("offset=50", "cursor"),
        ("per_page=9", "limit"), ("tags=sea", "q=tags:"), ("order_by=size", "sort"),
        ("Album=1", "collection"), ("per-page=9", "limit"), ("pageSize=9", "limit"),
        ("size=9", "limit, or q=size:"), ("search=sea", "q"), ("query=sea", "q"), ("q[]=sea", "q"),
        ("name=a.jpg", "q=filename:"), ("from=2016", "q=date:"), ("nextCursor=x", "cursor"),
        ("sortDirection=desc", "order"), ("desc=1", "order"), ("public=1", "visibility"),
    ],
)  # fmt: skip
def test_a_name_of_another_service_gives_the_right_parameter(
    many: Server, parameter: str, right: str
) -> None:
    """The message says which parameter to use."""
    document = assert_problem(
        many.client.get(f"/api/v1/images?{parameter}"), 400, "invalid_request"
    )

    assert re.search(rf"use {re.escape(right)}", document["detail"]), document["detail"]


def test_a_parameter_that_is_not_there_is_not_advised(many: Server) -> None:
    """A list without a search has no `q`."""
    for parameter in ("extension=jpg", "search=sea", "sort=name", "order=asc"):
        document = many.client.get(f"/api/v1/jobs?{parameter}").json()
        assert "known are" in document["detail"]
    for parameter, right in (
        ("size=9", "limit"), ("per_page=9", "limit"), ("offset=9", "cursor"), ("page=2", "cursor"),
        ("state=failed", "status"), ("since=2026-01-01", "created_from"),
    ):  # fmt: skip
        document = many.client.get(f"/api/v1/jobs?{parameter}").json()
        assert re.search(rf"use {right}[.,]", document["detail"]), document["detail"]


@pytest.mark.parametrize("name", ["q", "sort", "limit", "status", "total"])
def test_a_parameter_that_is_not_a_list_may_be_given_once(many: Server, name: str) -> None:
    """The server does not guess which of two values is meant."""
    answer = many.client.get("/api/v1/images", params=[(name, "1"), (name, "1")])

    document = assert_problem(answer, 400, "invalid_request")
    assert document["detail"] == f"{name} is given twice in the query."
    assert [fault["loc"] for fault in document["errors"]] == [name]


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ({}, 9), ({"q": "wave"}, 9), ({"q": "wave 3"}, 1), ({"q": "tags:w", "sort": "name"}, 9),
        ({"q": "nothing"}, 0), ({"visibility": "private"}, 0), ({"q": "title:1 OR title:2"}, 2),
        ({"collection": "01900000-0000-7000-8000-000000000000"}, 0),
    ],
)  # fmt: skip
def test_a_list_is_counted_on_request(many: Server, query: dict[str, str], total: int) -> None:
    """Each page has the number of the whole list, only if requested."""
    url: str | None = "/api/v1/images"
    params: dict[str, str] | None = {**query, "total": "true", "limit": "4"}
    while url:
        answer = many.client.get(url, params=params)
        page = answer.json()
        assert (page["total"], page["total_is_exact"]) == (total, True)
        url, params = answer.links.get("next", {}).get("url"), None

    assert set(many.client.get("/api/v1/images", params=query).json()) == {"data", "next_cursor"}


def test_a_cursor_is_valid_with_and_without_the_total(many: Server) -> None:
    """It is the same list."""
    first = many.client.get("/api/v1/images?limit=4").json()

    answer = many.client.get(f"/api/v1/images?total=true&cursor={first['next_cursor']}")

    assert len(answer.json()["data"]) == 5
    assert answer.json()["total"] == 9
