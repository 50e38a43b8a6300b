"""The methods of the Python client for pages with many images."""

from __future__ import annotations

import hashlib
import io
import zipfile

from imagesvc.client import Client
from tests.http.asking import picture
from tests.server import Server
from tests.waiting import PATIENCE


def test_the_methods_of_grids_work(server: Server) -> None:
    """Each once, with what the others have made."""
    content = picture(77)
    with Client(f"http://127.0.0.1:{server.port}") as client:
        image = client.upload(content, filename="grid.jpg", tags="grid")
        assert image.job is not None
        client.wait(image.job.id, timeout=PATIENCE)

        changed = client.update_images([image.id], add_tags=["new"], is_favourite=True)
        found = client.update_images(q="tags:new", taken_at="2001-02-03T04:05:06")
        timeline = client.timeline("tags:new", favourite=True)
        month = client.timeline_month("2001-02", "tags:new")
        facets = client.facets("tags:new")
        digest = hashlib.sha256(content).hexdigest()
        (entry,) = client.check_images([digest])
        archive = client.create_archive(q="tags:new", preset="thumbnail")
        names = zipfile.ZipFile(io.BytesIO(client.fetch_archive(archive.id))).namelist()
        search = client.create_search("New", "tags:new")
        renamed = client.update_search(search.id, name="Newer")
        searches = [one.name for one in client.searches()]
        client.delete_search(search.id)
        summary = client.jobs_summary()
        retried = client.retry_jobs([image.job.id])

        assert (changed.changed, found.changed) == (1, 1)
        assert (timeline.months, timeline.counts) == (["2001-02"], [1])
        assert (month.ids, month.flags) == ([image.id], [17])
        assert {value.value for value in facets.tags} == {"grid", "new"}
        assert (entry.image_id, entry.is_trashed) == (image.id, False)
        assert (archive.count, names) == (1, ["grid.jpg"])
        assert (renamed.name, searches) == ("Newer", ["Newer"])
        assert list(client.searches()) == []
        assert summary.counts["succeeded"] == 1
        assert (retried.retried, retried.problems[0].status) == (0, 409)
