"""Signed URLs to download objects of S3, with the header fields that the response is to have.

obstore signs URLs without these fields, so its URLs are signed again (Signature Version 4 of
Amazon, in the query).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

from imagesvc.errors import Unavailable
from imagesvc.model.ids import BlobName, VariantKey
from imagesvc.store.objects.blobs import FOLDER as BLOBS
from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.variants import FOLDER as VARIANTS

KEY_ID, SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
MISSING = f"delivery_redirects requires {KEY_ID} and {SECRET} in the environment."
FIELDS = ("content-type", "content-disposition", "cache-control")
STEP_SECONDS = 300
"""URLs of one object are equal for so long, so that caches can use them again."""
LIFE_SECONDS = 900
"""From the beginning of such a step."""
LEAST_SECONDS = LIFE_SECONDS - STEP_SECONDS
"""For which a new URL can be used at least."""


@dataclass(frozen=True, slots=True)
class DownloadLinks:
    """Makes URLs to download what is in a bucket; they need no other credentials."""

    bucket: Bucket
    key_id: str
    secret: str
    clock: Callable[[], float] = time.time

    @classmethod
    def of(cls, bucket: Bucket) -> DownloadLinks:
        """Those that are signed with the credentials in the environment.

        Raises:
            Unavailable: there are none.
        """
        key_id, secret = os.environ.get(KEY_ID), os.environ.get(SECRET)
        if not key_id or not secret:
            raise Unavailable(MISSING)
        return cls(bucket, key_id, secret)

    async def original(self, name: BlobName, headers: Mapping[str, str]) -> str:
        """The URL of an original, whose response has those of `FIELDS` that are in `headers`."""
        return await self._url(f"{BLOBS}/{name}", headers)

    async def variant(self, key: VariantKey, headers: Mapping[str, str]) -> str:
        """The URL of a variant; the same."""
        return await self._url(f"{VARIANTS}/{key}", headers)

    async def _url(self, key: str, headers: Mapping[str, str]) -> str:
        signed = await self.bucket.sign("GET", key, timedelta(seconds=LIFE_SECONDS))
        now = self.clock()
        began = datetime.fromtimestamp(now - now % STEP_SECONDS, UTC)
        fields = {f"response-{name}": headers[name] for name in FIELDS if name in headers}
        return self._signed_again(signed, began, fields)

    def _signed_again(self, url: str, began: datetime, fields: Mapping[str, str]) -> str:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query)) | dict(fields)
        del query["X-Amz-Signature"]
        _, _, region, service, end = query["X-Amz-Credential"].rsplit("/", 4)
        scope = [f"{began:%Y%m%d}", region, service, end]
        instant = query["X-Amz-Date"] = f"{began:%Y%m%dT%H%M%SZ}"
        query["X-Amz-Credential"] = "/".join([self.key_id, *scope])
        text = "&".join(sorted(f"{_quoted(name)}={_quoted(query[name])}" for name in query))
        request = f"GET\n{parts.path}\n{text}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(request.encode()).hexdigest()
        to_sign = "\n".join([query["X-Amz-Algorithm"], instant, "/".join(scope), digest])
        key = f"AWS4{self.secret}".encode()
        for part in scope:
            key = _hmac(key, part)
        return f"{parts.scheme}://{parts.netloc}{parts.path}?{text}&X-Amz-Signature=" + (
            _hmac(key, to_sign).hex()
        )


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
