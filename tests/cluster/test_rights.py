"""Credentials that lack a right in the bucket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imagesvc.store.objects.opening import open_blob_bucket
from imagesvc.store.objects.permissions import refused_in
from imagesvc.store.objects.upload_rights import COPIES
from tests import commands
from tests.cluster.conftest import Nodes
from tests.cluster.storage import Storage
from tests.http.asking import picture
from tests.radosgw import Radosgw
from tests.waiting import until

pytestmark = pytest.mark.cluster


def deny(radosgw: Radosgw, bucket: str, *actions: str) -> None:
    """Permit all but these."""
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    rule = {"Effect": "Deny", "Principal": "*", "Action": actions, "Resource": resources}
    policy = {"Version": "2012-10-17", "Statement": [rule]}
    radosgw.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def test_without_the_right_to_delete_images_are_deleted_and_objects_stay(
    nodes: Nodes, radosgw: Radosgw, tmp_path: Path
) -> None:
    """Operators learn of it from the log, the collection of orphans and `imagesvc doctor`."""
    bucket = radosgw.make_bucket()
    server = nodes.node(blob_url=radosgw.url(bucket), eager_presets="[]").start()
    shared = {name: server.settings[name] for name in ("database_url", "secret_key", "blob_url")}
    storage = Storage(tmp_path / "beside", shared)
    image = server.upload(picture(1))
    server.finished(image["job"]["id"])
    url = f"/images/{image['id']}"
    assert server.client.get(f"{url}?w=20").status_code == 200
    until(lambda: len(storage.rows()) == 2)
    deny(radosgw, bucket, "s3:DeleteObject")

    assert server.client.delete(f"/api/v1{url}").status_code == 204

    assert [server.client.get(path).status_code for path in (url, f"{url}?w=20")] == [404, 404]
    (line,) = server.lines(action="bucket.objects_left")
    assert "do not permit" in line["error"]
    assert server.upload(picture(2))["id"] != server.upload(picture(2))["id"]
    server.client.close()
    found = storage.collect()
    assert (found.blobs, found.variants, found.refused) == (0, 0, 3)
    assert doctor(tmp_path, shared) == "the credentials do not permit this: delete."

    radosgw.client().delete_bucket_policy(Bucket=bucket)
    assert doctor(tmp_path, {**shared, "direct_uploads": True}) == f"{COPIES}."
    found = storage.collect()
    assert (found.blobs, found.variants, found.refused) == (2, 1, 0)
    assert doctor(tmp_path, shared) == "objects can be listed, stored, read and removed"
    assert storage.objects() == storage.rows()


def doctor(place: Path, settings: dict[str, Any]) -> str:
    """What `imagesvc doctor` says about the bucket."""
    examined = commands.run("doctor", "--json", "--data-dir", str(place / "beside"), **settings)
    (finding,) = [it for it in json.loads(examined.stdout) if it["name"] == "bucket"]
    return str(finding["text"])


@pytest.mark.anyio
async def test_the_rights_that_are_missing_are_found_one_by_one(radosgw: Radosgw) -> None:
    """What is stored to find out is removed."""
    name = radosgw.make_bucket()
    bucket = open_blob_bucket(radosgw.url(name))
    found = {}
    for action in ("PutObject", "GetObject", "ListBucket", "DeleteObject"):
        deny(radosgw, name, f"s3:{action}")
        found[action] = await refused_in(bucket)
    radosgw.client().delete_bucket_policy(Bucket=name)

    assert found == {
        "PutObject": ["put", "put in parts"], "GetObject": ["get"], "ListBucket": ["list"],
        "DeleteObject": ["delete"],
    }  # fmt: skip
    assert await refused_in(bucket) == []
    assert [page async for page in bucket.list()] == []
