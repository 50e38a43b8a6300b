"""What admins see of the whole, and the removal of many variants."""

from __future__ import annotations

import json

from imagesvc.client import Client
from imagesvc.client.statistics import Statistics
from tests.http.asking import picture
from tests.server import Server
from tests.waiting import until


def test_statistics_count_owners_formats_trash_and_files(server: Server) -> None:
    """The command reads the same from the data directory and from the service."""
    first = server.upload(picture(1))
    same = server.upload(picture(1), "same.jpg")
    png = server.upload(picture(2, kind="PNG"), "b.png")
    for image in (first, same, png):
        server.finished(image["job"]["id"])
    server.client.post("/api/v1/images/actions/trash", json={"ids": [png["id"]]})

    with Client(str(server.client.base_url)) as client:
        found = until(lambda: counted(client))
    read = server.cli("stats", "--json")
    table = server.cli("stats", "--to", str(server.client.base_url))

    (jpeg,) = [row for row in found.storage if row.format == "jpeg"]
    assert jpeg.originals.count == 2
    assert jpeg.originals.bytes == 2 * first["bytes"]
    assert (found.images.count, found.trash.count, found.trash.bytes) == (2, 1, png["bytes"])
    assert found.files.originals.count == 2
    assert found.files.originals.bytes == first["bytes"] + png["bytes"]
    assert found.files.variants.count == 6
    assert found.images_by_status == {"succeeded": 3}
    assert found.jobs == {"succeeded": 3}
    assert found.files.database_bytes > 100_000
    assert (found.cdn.provider, found.cdn.waiting) == (None, 0)
    assert json.loads(read.stdout)["storage"] == json.loads(found.model_dump_json())["storage"]
    assert f"{2 * first['bytes']:,}" in table.stdout
    for image in (first, same, png):  # the next test counts variants
        server.client.delete(f"/api/v1/images/{image['id']}").raise_for_status()


def counted(client: Client) -> Statistics | None:
    """The statistics once the variants of all jobs have rows."""
    found = client.statistics()
    return found if found.files.variants.count == 6 else None


def test_variants_of_a_tag_are_removed_in_steps(server: Server) -> None:
    """A request names the images by ids, by a tag or by a search."""
    tagged = server.upload(picture(3), tags="sea")
    other = server.upload(picture(4), tags="seal")
    for image in (tagged, other):
        server.finished(image["job"]["id"])

    with Client(str(server.client.base_url)) as client:
        for image in (tagged, other):
            until(lambda: len(client.variants(image["id"])) == 2)  # noqa: B023  # is called here
        done = client.purge_many_variants(tag="sea")
        assert (done.images, done.variants, done.next_cursor) == (1, 2, None)
        assert client.variants(tagged["id"]) == []
        assert len(client.variants(other["id"])) == 2
        assert client.purge_many_variants(q="").variants == 2
        assert client.purge_many_variants([tagged["id"]]).images == 1

    refused = server.client.post("/api/v1/variants/actions/purge", json={"tag": "a", "q": "b"})
    foreign = server.client.post("/api/v1/variants/actions/purge", json={"q": "", "cursor": "x"})
    assert refused.status_code == foreign.status_code == 400
