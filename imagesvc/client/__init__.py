"""A client of the service for Python programs: `Client`, and `AsyncClient` with the same methods.

The one `__init__` here that names what is elsewhere, since this package is what others import.
"""

from .asynchronous import AsyncClient
from .flows import JobFailed, NotInTime
from .models import (
    Collection,
    CountedImagePage,
    DeleteEntry,
    Image,
    Job,
    Me,
    SignedUrl,
    SignedUrls,
    UploadEntry,
    UploadUrl,
    Variant,
)
from .synchronous import Client

__all__ = [
    "AsyncClient",
    "Client",
    "Collection",
    "CountedImagePage",
    "DeleteEntry",
    "Image",
    "Job",
    "JobFailed",
    "Me",
    "NotInTime",
    "SignedUrl",
    "SignedUrls",
    "UploadEntry",
    "UploadUrl",
    "Variant",
]
