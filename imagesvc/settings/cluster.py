"""Several machines: what they share, and the secret that they have in common."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ByteSize, Field, SecretStr, ValidationInfo, field_validator

from imagesvc.settings.quantities import Seconds
from imagesvc.syntax.bucket_url import OPTIONS, S3, parse_bucket_url, parse_endpoint
from imagesvc.syntax.postgres_url import with_one_host

SECRET_DIGITS = 64
NO_URL = (
    "must be a URL such as postgresql://user:password@host/name, or, with a standby, "
    "postgresql://user:password@host-a:5432,host-b:5432/name, with special characters of the "
    "password percent-encoded: / is %2F, and @ is %40"
)
_ADDRESS = re.compile(r"([^\s:\[\]/]+|\[[0-9A-Fa-f:.]+\]):([1-9][0-9]{0,4})")


class ClusterSettings(BaseModel):
    """What nodes share; without it, all is in the data directory of one server."""

    secret_key: SecretStr | None = Field(
        None,
        description="With database_url: the secret that signs tokens and URLs, 64 hexadecimal "
        "digits or more.",
    )
    secret_key_file: Path | None = Field(
        None, description="File with this secret instead, such as a mounted one."
    )
    database_url: SecretStr | None = Field(
        None,
        validate_default=True,
        description="PostgreSQL for the metadata, postgresql://user:password@host/name; none: "
        "SQLite in the data directory.",
    )

    job_lease: Seconds = Field(
        30.0,
        description="With database_url: time without a sign of life of a worker after which its "
        "jobs are given to others.",
    )

    worker_metrics: str = Field(
        "off",
        validate_default=True,
        description="Address at which imagesvc worker serves its metrics, such as 127.0.0.1:9101; "
        "or off.",
    )

    blob_url: str | None = Field(
        None,
        validate_default=True,
        description="With database_url: the bucket of originals and variants, "
        "s3://bucket/prefix?endpoint=URL; none: the data directory.",
    )
    original_cache_size: ByteSize = Field(
        ByteSize(2 << 30), description="With blob_url: bytes of originals kept on this machine."
    )

    direct_uploads: bool = Field(
        False,
        validate_default=True,
        description="With blob_url: upload URLs lead straight to the bucket, whose files are "
        "checked when the client completes the upload.",
    )
    delivery_redirects: bool = Field(
        False,
        validate_default=True,
        description="With blob_url in S3: GET of originals and of large variants is redirected to "
        "the bucket.",
    )
    blob_public_endpoint: str | None = Field(
        None,
        description="With blob_url: the endpoint of the bucket in URLs for clients, if they "
        "cannot reach the one in blob_url.",
    )

    @field_validator("direct_uploads")
    @classmethod
    def _has_bucket(cls, is_on: bool, info: ValidationInfo) -> bool:
        if is_on and info.data.get("blob_url", "") is None:
            raise ValueError("requires blob_url")
        return is_on

    @field_validator("delivery_redirects")
    @classmethod
    def _is_of_s3(cls, is_on: bool, info: ValidationInfo) -> bool:
        if is_on and not (info.data.get("blob_url", S3) or "").startswith(S3):
            raise ValueError("requires a blob_url that begins with s3://")
        return is_on

    @field_validator("blob_public_endpoint")
    @classmethod
    def _is_endpoint(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None or "blob_url" not in info.data:
            return text
        blob_url = info.data["blob_url"]
        if blob_url is None or "endpoint" not in OPTIONS[blob_url.partition("://")[0]]:
            raise ValueError("requires a blob_url of a service with an endpoint")
        return parse_endpoint(text)

    @field_validator("blob_url")
    @classmethod
    def _is_of_bucket(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            return None
        parse_bucket_url(text, tuple(OPTIONS))
        if "database_url" in info.data and info.data["database_url"] is None:
            raise ValueError("requires database_url")
        return text

    @field_validator("worker_metrics")
    @classmethod
    def _is_address(cls, text: str) -> str:
        if text != "off" and not _ADDRESS.fullmatch(text):
            raise ValueError("must be an address with a port, such as 127.0.0.1:9101, or off")
        return text

    @property
    def worker_metrics_address(self) -> tuple[str, int] | None:
        """Host and port of the metrics of a worker."""
        match = _ADDRESS.fullmatch(self.worker_metrics)
        return None if match is None else (match[1].strip("[]"), int(match[2]))

    @property
    def is_embedded(self) -> bool:
        """Whether the database is in the data directory."""
        return self.database_url is None

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            check_secret(secret.get_secret_value())
        return secret

    @field_validator("database_url")
    @classmethod
    def _is_of_postgres(cls, url: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if "secret_key" not in info.data:  # it is invalid, which is reported
            return url
        names = [name for name in ("secret_key", "secret_key_file") if info.data.get(name)]
        if url is None:
            if names:
                raise ValueError(f"is required with {names[0]}")
            return None
        try:
            with_one_host(url.get_secret_value())
        except ValueError:
            raise ValueError(NO_URL) from None  # its text could show a part of the password
        if len(names) != 1:
            raise ValueError("requires either secret_key or secret_key_file")
        return url


def check_secret(text: str) -> bytes:
    """The bytes of a secret in hexadecimal digits.

    Raises:
        ValueError: it is something else, or short.
    """
    if not re.fullmatch(r"([0-9a-fA-F]{2})+", text) or len(text) < SECRET_DIGITS:
        raise ValueError(
            f"must be at least {SECRET_DIGITS} hexadecimal digits, such as those of: "
            "openssl rand -hex 32"
        )
    return bytes.fromhex(text)
