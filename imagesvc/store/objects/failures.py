"""The errors of the library for buckets, as errors of this service."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from imagesvc.errors import BucketForbids, BucketFull, BucketUnavailable, NotFound, Unavailable
from imagesvc.syntax.bucket_url import CREDENTIALS

METADATA_SERVICE = "169.254.169.254"
"""Where a machine in a cloud has the credentials of its role; asked when there are no others."""
STATUS = re.compile(r"status code: ([0-9]{3})\b")
CODE = re.compile(r"(?:<Code>|\(code: )([A-Za-z]+)")
"""What an answer names as its reason, or the library of one object of many; only the known names
below are repeated.
"""
FULL = "507"
FULL_CODES = {
    "QuotaExceeded",
    "XMinioAdminBucketQuotaExceeded",
    "XMinioStorageFull",
}
"""Of Ceph and MinIO; Amazon's buckets have no quota."""
FORBIDDEN = "the credentials do not permit this"
KNOWN_CODES = {
    "AccessDenied": FORBIDDEN,
    "AuthorizationPermissionMismatch": FORBIDDEN,
    "ExpiredToken": "the credentials have expired",
    "InvalidAccessKeyId": "the credentials are refused: there is no such access key",
    "RequestTimeTooSkewed": "the clock of this machine differs too much from that of the service; "
    "set it (timedatectl)",
    "SignatureDoesNotMatch": "the credentials are refused: the secret is wrong",
}
"""Amazon's, and one of Azure.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""
KNOWN_STATUSES = {
    "401": "the credentials are refused, or do not permit this (status 401)",
    "403": "the credentials are refused, or do not permit this (status 403)",
    "404": "there is no such bucket",
}
"""Of a list, where 404 is no missing object."""
NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
"""Amazon's, Azure's and Google's texts. The answer to HEAD has no text."""


@contextlib.contextmanager
def named_failures(name: str, scheme: str, library: Any) -> Iterator[None]:
    """Turn the library's errors into ours; the library's is the cause.

    Args:
        name: the bucket, as readers of the message may know it.
        scheme: of its URL.
        library: obstore.
    """
    try:
        yield
    except FileNotFoundError as error:
        if any(text in str(error) for text in NO_BUCKET):
            raise BucketUnavailable(f"{name}: there is no such bucket.") from error
        raise NotFound(f"{name} does not have this object.") from error
    except (ValueError, OverflowError) as error:  # such as a time that no date can have
        raise Unavailable(f"{name}: its answer has a value out of range.") from error
    except library.exceptions.BaseError as error:
        if _is_full(str(error)):
            raise BucketFull(f"{name}: it is full, or its quota is used up.") from error
        reason = _reason(error, scheme)
        kind = BucketForbids if reason == FORBIDDEN else BucketUnavailable
        raise kind(f"{name}: {reason}.") from error


def _is_full(text: str) -> bool:
    code, status = CODE.search(text), STATUS.search(text)
    return bool((code and code[1] in FULL_CODES) or (status and status[1] == FULL))


def _reason(error: Exception, scheme: str) -> str:
    """What failed, without any text of the answer: the host may be any, and the reader too."""
    text = str(error)
    if METADATA_SERVICE in text:
        return f"there are no credentials. Set {CREDENTIALS[scheme]} in the environment"
    if (code := CODE.search(text)) and code[1] in KNOWN_CODES:
        return KNOWN_CODES[code[1]]
    if status := STATUS.search(text):
        other = f"the service answers with status {status[1]}"
        return KNOWN_STATUSES.get(status[1], other)
    if "HTTP error: " in text:
        return "the service cannot be reached, or breaks the connection"
    return "the request failed"
