"""The errors of the library for buckets, as errors of this service."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from imagesvc.errors import NotFound, Unavailable
from imagesvc.syntax.bucket_url import CREDENTIALS, BucketUrl

METADATA_SERVICE = "169.254.169.254"
"""Where a machine in a cloud has the credentials of its role; asked when there are no others."""
STATUS = re.compile(r"status code: ([0-9]{3})\b")
REFUSED = {"401", "403"}
MISSING = "404"
NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
"""Amazon's, Azure's and Google's texts. The answer to HEAD has no text."""


@contextlib.contextmanager
def named_failures(url: BucketUrl, library: Any) -> Iterator[None]:
    """Turn the library's errors into ours; the library's is the cause."""
    try:
        yield
    except FileNotFoundError as error:
        if any(text in str(error) for text in NO_BUCKET):
            raise Unavailable(f"{url}: there is no such bucket.") from error
        raise NotFound(f"{url} does not have this object.") from error
    except (ValueError, OverflowError) as error:  # such as a time that no date can have
        raise Unavailable(f"{url}: its answer has a value out of range.") from error
    except library.exceptions.BaseError as error:
        raise Unavailable(f"{url}: {_reason(error, url)}.") from error


def _reason(error: Exception, url: BucketUrl) -> str:
    """What failed, without any text of the answer: the host may be any, and the reader too."""
    text = str(error)
    if METADATA_SERVICE in text:
        return f"there are no credentials. Set {CREDENTIALS[url.scheme]} in the environment"
    if status := STATUS.search(text):
        if status[1] in REFUSED:
            return f"the credentials are refused, or do not permit this (status {status[1]})"
        if status[1] == MISSING:  # of a list; that of an object is another error
            return "there is no such bucket"
        return f"the service answers with status {status[1]}"
    if "HTTP error: " in text:
        return "the service cannot be reached, or breaks the connection"
    return "the request failed"
