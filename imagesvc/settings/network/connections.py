"""Connections: limits on the speed, the data and the number of clients."""

from __future__ import annotations

from pydantic import BaseModel, ByteSize, Field, PositiveInt

from imagesvc.settings.quantities import Seconds


class ConnectionSettings(BaseModel):
    """Limits of connections and of their data."""

    header_timeout: Seconds = Field(10.0, description="Time a request's header may take.")
    body_timeout: Seconds = Field(
        20.0, description="Time that the next piece of a request's body may take."
    )
    send_timeout: Seconds = Field(
        30.0, description="Time after which a client that reads nothing is disconnected."
    )
    keep_alive_timeout: Seconds = Field(
        20.0, description="Time a connection may be idle between requests."
    )
    max_header_size: ByteSize = Field(
        ByteSize(64 << 10), ge=1 << 10, description="Bytes of a request's URL and header fields."
    )
    max_url_size: ByteSize = Field(
        ByteSize(32 << 10), ge=256, description="Bytes of a request's URL."
    )
    max_connections: PositiveInt = Field(
        1000, description="Connections at once; more are answered 503."
    )
    max_connections_per_address: PositiveInt = Field(
        500, description="Connections at once from one address, except trusted proxies."
    )
    max_unsent_size: ByteSize = Field(
        ByteSize(128 << 20),
        description="Bytes of responses that all clients together have not read;"
        " beyond it, the slowest clients are disconnected.",
    )
    shutdown_timeout: Seconds = Field(20.0, description="Time for running work after SIGTERM.")
