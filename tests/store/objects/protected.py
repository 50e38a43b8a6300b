"""Buckets of radosgw, where upload URLs permit an upload and nothing else, as the docs have it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.radosgw import Radosgw

DOCS = Path(__file__).parents[3] / "docs/scaling.md"
_DOCUMENTED = re.compile(
    r"^```json\n(\{[^`]*(?:copy-source|IgnorePublicAcls)[^`]*)```", re.MULTILINE
)


def deny_copies(radosgw: Radosgw, bucket: str) -> None:
    """Attach the documented policy to a bucket."""
    policy, _ = _DOCUMENTED.findall(DOCS.read_text())
    place = radosgw.url(bucket).partition("?")[0].removeprefix("s3://")
    radosgw.client().put_bucket_policy(Bucket=bucket, Policy=policy.replace("images/prod", place))


def ignore_public_objects(radosgw: Radosgw, bucket: str) -> None:
    """Attach the documented block of public access."""
    _, block = _DOCUMENTED.findall(DOCS.read_text())
    values = {name: value == "true" for name, value in re.findall(r'"(\w+)": (\w+)', block)}
    radosgw.client().put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=values)


def protected_bucket(radosgw: Radosgw) -> str:
    """The name of a new bucket with both."""
    bucket = radosgw.make_bucket()
    deny_copies(radosgw, bucket)
    ignore_public_objects(radosgw, bucket)
    return bucket
