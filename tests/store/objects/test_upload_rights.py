"""Upload URLs of services that obey fields that nobody has signed."""

from __future__ import annotations

import pytest

from imagesvc.errors import BucketTooOpen, BucketUnavailable
from imagesvc.store.objects.opening import open_blob_bucket
from imagesvc.store.objects.upload_rights import COPIES, OPENS, REFUSED, UploadRights
from tests.cut_proxy import cut_proxy
from tests.radosgw import Radosgw
from tests.store.objects.protected import deny_copies, ignore_public_objects, protected_bucket

pytestmark = [pytest.mark.cluster, pytest.mark.anyio]


def rights_of(url: str) -> UploadRights:
    """Those of a bucket, as of a server that has just started."""
    return UploadRights(open_blob_bucket(url), "incoming")


async def test_no_url_is_made_before_copies_and_publication_are_refused(
    radosgw: Radosgw, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bucket is protected in two steps; nothing is left in it."""
    bucket = radosgw.make_bucket()
    for reason, protect in ((COPIES, deny_copies), (OPENS, ignore_public_objects)):
        rights = rights_of(radosgw.url(bucket))
        with pytest.raises(BucketTooOpen, match=REFUSED):
            await rights.check()
        assert reason in capsys.readouterr().out
        protect(radosgw, bucket)
        with pytest.raises(BucketTooOpen, match=REFUSED):
            await rights.check()  # not examined again at once
        assert capsys.readouterr().out == ""

    await rights_of(radosgw.url(bucket)).check()

    assert radosgw.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


async def test_a_bucket_is_examined_once_and_later_if_it_was_away(radosgw: Radosgw) -> None:
    bucket = protected_bucket(radosgw)
    with cut_proxy(radosgw.port) as proxy:
        rights = rights_of(radosgw.url(bucket, endpoint=proxy.address))
        proxy.refuse()
        with pytest.raises(BucketUnavailable):
            await rights.check()
        proxy.heal()
        await rights.check()
        proxy.refuse()
        await rights.check()
