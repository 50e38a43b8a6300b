"""A service with the interface of S3, in threads of the test's process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "a-secret"}


def new_s3_server(port: int = 0) -> ThreadedMotoServer:
    """A service that is not yet started."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  # slow, and few tests need it

    return ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """The URL of a running service; credentials are in the environment."""
    server = new_s3_server()
    server.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in CREDENTIALS.items():
                patch.setenv(name, value)
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_bucket(endpoint: str, name: str, prefix: str = "") -> str:
    """The URL of a new bucket."""
    import boto3  # noqa: PLC0415  # slow, and few tests need it

    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket=name)
    return f"s3://{name}/{prefix}?endpoint={endpoint}&region=us-east-1"
