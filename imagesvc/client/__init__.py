"""A client of the service for Python programs: `Client`, and `AsyncClient` with the same methods.

Its `__init__` names what is elsewhere, as that of the errors: both are what programs import.
"""

from .clients import AsyncClient, Client
from .flows import JobFailed, NotInTime
from .links import Share, UploadLink
from .models import (
    Collection,
    CountedImagePage,
    DeleteEntry,
    Image,
    Job,
    Me,
    Session,
    SignedUrl,
    SignedUrls,
    UploadEntry,
    UploadUrl,
    Variant,
)

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
    "Session",
    "Share",
    "SignedUrl",
    "SignedUrls",
    "UploadEntry",
    "UploadLink",
    "UploadUrl",
    "Variant",
]
