"""The two clients, with the same methods: one blocks, the other is for asyncio and trio."""

from __future__ import annotations

from .resources.accounts import Accounts
from .resources.administration import Administration
from .resources.bulk import Bulk
from .resources.collections import Collections
from .resources.images import Images
from .resources.jobs import Jobs
from .resources.saved import Saved
from .resources.sharing import Sharing
from .resources.sources import Sources
from .resources.timeline import Timelines
from .resources.uploads import Uploads
from .resources.variants import Variants
from .transports import AsyncTransport, Transport


class Client(
    Transport,
    Uploads,
    Images,
    Bulk,
    Timelines,
    Saved,
    Variants,
    Jobs,
    Collections,
    Sharing,
    Sources,
    Accounts,
    Administration,
):
    """A client for a service at a URL, with one request at a time.

    Args:
        base_url: such as `https://images.example.org`.
        key: an API key or an access token; None for a service without accounts.
        timeout: seconds that each step of a request may take.
    """


class AsyncClient(
    AsyncTransport,
    Uploads,
    Images,
    Bulk,
    Timelines,
    Saved,
    Variants,
    Jobs,
    Collections,
    Sharing,
    Sources,
    Accounts,
    Administration,
):
    """A client for concurrent requests to a service at a URL; the methods are those of `Client`.

    Args:
        base_url: such as `https://images.example.org`.
        key: an API key or an access token; None for a service without accounts.
        timeout: seconds that each step of a request may take.
    """
