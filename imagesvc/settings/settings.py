"""Every knob, typed, with its unit and default.

Sources, strongest first: command-line flags, environment `IMAGESVC_*`, a `.env` file,
`imagesvc.toml`, the defaults here.
"""

from __future__ import annotations

import json
import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    PositiveInt,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from imagesvc.syntax.prefixes import prefix_of
from imagesvc.syntax.units import (
    read_pixels,
    read_seconds,
    written_bytes,
    written_pixels,
    written_seconds,
)

PREFIX = "IMAGESVC_"
ENV_FILE = Path(".env")
TOML_FILE = Path("imagesvc.toml")
CLIENT_VARIABLES = frozenset({f"{PREFIX}KEY", f"{PREFIX}URL"})
"""Variables of `imagesvc upload`, which are no settings."""
DEFAULT_PRESETS = {"thumbnail": "w=256&h=256", "preview": "w=720", "blurred": "blur=10"}
YEAR_SECONDS = 31_536_000.0
NOT_DECODED = "not_decoded"
"""The kind of fault of a list or table that is none."""
REMOVED = {
    "allowed_hosts": (
        "it was removed: without accounts the service answers to loopback names only. Set "
        f"{PREFIX}AUTH=required to serve another name"
    ),
}
"""Former settings, and what to set instead."""


_PUBLIC_URL = re.compile(
    r"https?://(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?P<path>/.+)?/?"
)


def _origin(value: object) -> object:
    """Read `https://app.example.org`, as browsers send it, or `*`."""
    if not isinstance(value, str) or value == "*":
        return value
    match = re.fullmatch(r"([a-z][a-z0-9+.-]*)://([^/?#@\s]+)", value.lower())
    if match is None:
        raise ValueError(
            f"an origin is a scheme, a host and a port that is not the usual one, such as "
            f"https://app.example.org, or *; not {value[:60]!r}"
        )
    usual = {"http": ":80", "https": ":443"}.get(match[1], "")
    return f"{match[1]}://{match[2].removesuffix(usual)}"


Origin = Annotated[str, BeforeValidator(_origin)]
Seconds = Annotated[float, BeforeValidator(read_seconds), Field(gt=0)]
Pixels = Annotated[int, BeforeValidator(read_pixels), Field(gt=0)]
RateText = Annotated[str, Field(pattern="^(off|[1-9][0-9]{0,5}/[smh]( burst [1-9][0-9]{0,5})?)$")]
Quality = Annotated[int, Field(ge=1, le=100)]
ParameterName = Annotated[str, Field(pattern=r"^[^\s*&=?#]+\*?$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class WatermarkSettings(BaseModel):
    """A watermark: an image file or a text, and where it goes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: Path | None = None
    text: str = Field("", max_length=500)
    font: Path | None = None
    color: str = Field("ffffff", pattern="^[0-9a-fA-F]{6}$")
    position: Literal[
        "center", "north", "northeast", "east", "southeast", "south", "southwest", "west",
        "northwest",
    ] = "southeast"  # fmt: skip
    scale: float = Field(0.25, gt=0, le=1)
    opacity: float = Field(1.0, ge=0, le=1)
    margin: int = Field(0, ge=0, le=8192)
    tile: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> WatermarkSettings:
        if (self.image is None) == (not self.text):
            raise ValueError("a watermark has either an image or a text")
        return self


class SettingsError(Exception):
    """Settings that cannot be used; the text lists every one that is wrong."""


class Settings(BaseSettings):
    """The settings in force; frozen once read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        toml_file=TOML_FILE,
        frozen=True,
        enable_decoding=False,  # `_decoded` does it, so that its faults are told with the others
        extra="ignore",
        env_parse_none_str="none",
    )

    host: str = Field(
        "127.0.0.1", description="Addresses to listen on, with commas between; :: is all of them."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    data_dir: Path = Field(Path("data"), description="Where database, blobs and variants live.")

    workers: PositiveInt = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)),
        description="Worker processes that touch pixels. Default: the number of cores.",
    )
    worker_memory: ByteSize = Field(
        ByteSize(2 << 30), ge=256 << 20, description="Address space one worker may use."
    )
    worker_jobs: PositiveInt = Field(
        2000, description="Calls after which a worker is replaced, so that memory comes back."
    )
    sandbox: Literal["auto", "strict", "off"] = Field(
        "auto",
        description="Whether workers lock themselves (Landlock, seccomp); strict: or no start.",
    )
    decode_memory: ByteSize = Field(
        ByteSize(2 << 30),
        ge=64 << 20,
        description="Decoded bytes, as predicted from headers, that may be in work at once.",
    )
    queue_size: PositiveInt = Field(
        256, description="On-demand renders that may wait; more are answered 503."
    )

    max_upload_size: ByteSize = Field(ByteSize(50 << 20), ge=1, description="Bytes of one file.")
    max_files: PositiveInt = Field(100, description="Files in one upload request.")
    max_pixels: Pixels = Field(
        100_000_000, description="Pixels of one frame; all frames together may have 4 x as many."
    )
    max_frames: PositiveInt = Field(500, description="Frames of an animation.")
    min_free_space: ByteSize = Field(
        ByteSize(64 << 20), description="Free disk space below which uploads are answered 507."
    )

    default_visibility: Literal["auto", "public", "unlisted", "private"] = Field(
        "auto", description="Visibility of an upload that names none; auto: private with accounts."
    )

    allow_url_import: bool = Field(
        default=False, description="Whether images may be imported from URLs, by this server."
    )
    url_import_timeout: Seconds = Field(10.0, description="Time one import may download.")
    url_import_ports: tuple[Port, ...] = Field(
        (80, 443), min_length=1, description="Ports that may be imported from."
    )
    url_import_allow: tuple[IPvAnyNetwork, ...] = Field(
        (), description="Networks that may be imported from besides public addresses."
    )

    event_retention: Seconds = Field(604800.0, description="How long events are kept.")

    webhook_timeout: Seconds = Field(10.0, description="Time a webhook may take to answer.")
    webhook_retry_delay: Seconds = Field(5.0, description="Delay after a first failed attempt.")
    webhook_disable_after: Seconds = Field(
        3 * 86_400.0, description="Time of nothing but failures that disables a webhook."
    )
    webhook_allow: tuple[IPvAnyNetwork, ...] = Field(
        (), description="Networks that webhooks may be in besides public addresses."
    )

    job_timeout: Seconds = Field(60.0, description="Time an operation of a job may take.")
    transform_timeout: Seconds = Field(30.0, description="Time an on-demand variant may take.")
    header_timeout: Seconds = Field(10.0, description="Time a request's header may take.")
    body_timeout: Seconds = Field(
        20.0, description="Time that the next piece of a request's body may take."
    )
    send_timeout: Seconds = Field(
        30.0, description="Time after which a client that reads nothing is cut off."
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
        500, description="Connections at once from one address that is no trusted proxy's."
    )
    max_unsent_size: ByteSize = Field(
        ByteSize(128 << 20),
        description="Bytes of answers that all clients together have still to read;"
        " beyond, the slowest clients are cut off.",
    )
    shutdown_timeout: Seconds = Field(20.0, description="Time SIGTERM leaves to work in flight.")
    max_attempts: PositiveInt = Field(3, description="Attempts of a job before it has failed.")
    retry_delay: Seconds = Field(2.0, description="Delay before the second attempt; doubles.")

    memory_cache_size: ByteSize = Field(
        ByteSize(256 << 20), description="Bytes of variants kept in memory."
    )
    variant_disk_size: ByteSize = Field(
        ByteSize(10 << 30), description="Bytes of variants kept on disk."
    )

    presets: dict[str, str] = Field(
        default=DEFAULT_PRESETS,
        description="Named transforms, added to the default ones; false removes one of these.",
    )
    eager_presets: tuple[str, ...] = Field(
        ("thumbnail", "preview"),
        validate_default=True,
        description="Presets made by the job of each upload.",
    )
    watermarks: dict[str, WatermarkSettings] = Field(
        default={}, description="Named watermarks: image or text, position, scale, opacity, tile."
    )
    quality_jpeg: Quality = Field(80, description="JPEG quality when q is not given.")
    quality_webp: Quality = Field(79, description="WebP quality when q is not given.")
    quality_avif: Quality = Field(60, description="AVIF quality when q is not given.")

    auto_formats: tuple[Literal["avif", "webp", "jpeg", "png", "gif"], ...] = Field(
        ("avif", "webp"), description="What format=auto prefers, the best first."
    )
    avif_max_pixels: Pixels = Field(
        2_000_000, description="Pixels up to which format=auto sends AVIF: it encodes slowly."
    )
    transform_policy: Literal["open", "presets", "signed"] = Field(
        "open",
        description="Which URLs must be signed: none; free-form transforms; these and originals.",
    )
    signing_keys: dict[str, SecretStr] = Field(
        default={},
        description="Keys for signed URLs by id, the first signs; default: one from secret.key.",
    )
    signed_url_max_lifetime: Seconds = Field(
        7 * 86_400.0, description="Time for which the API signs URLs of private images at most."
    )
    ignored_parameters: tuple[ParameterName, ...] = Field(
        (
            "utm_*", "fbclid", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "twclid", "yclid",
            "igshid", "mc_cid", "mc_eid", "_ga", "_gl", "v", "_",
        ),
        description="Parameters of image URLs that are ignored; a * at the end is any characters.",
    )  # fmt: skip
    allow_debug: bool = Field(
        default=False, description="Let debug=1 show the canonical transform of an answer."
    )
    sendfile: Literal["off", "x-accel-redirect", "x-sendfile"] = Field(
        "off", description="Let the proxy in front send files from the data directory."
    )
    sendfile_prefix: str = Field(
        "/_imagesvc/", description="Where nginx's internal location maps the data directory."
    )
    cache_tag_header: str = Field(
        "off", description="Header that names the image of an answer, such as Cache-Tag, or off."
    )
    max_age: Annotated[float, BeforeValidator(read_seconds)] = Field(
        YEAR_SECONDS, ge=0, description="How long caches may keep public images."
    )
    stale_while_revalidate: Annotated[float, BeforeValidator(read_seconds)] = Field(
        0.0, ge=0, description="How long shared caches may send what is stale; 0: not said."
    )
    cors_origins: tuple[Origin, ...] = Field(
        (),
        description="Origins whose pages may use this service from browsers; * is every origin.",
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks whose Forwarded and X-Forwarded-* fields are believed."
    )

    public_url: str = Field(
        "off", description="What URLs begin with, such as https://example.org/media, or off."
    )
    base_path: str = Field(
        "/", description="Path the service is served at; of public_url where only that is set."
    )

    auth: Literal["required", "off"] = Field(
        "required",
        validate_default=True,
        description="Whether requests need a key or token, except for what is public.",
    )
    admin_key_file: Path | None = Field(
        None,
        description="File with the API key of the admin that the first start makes; none: a new "
        "key, which is printed.",
    )
    access_token_lifetime: Seconds = Field(900.0, description="Time an access token is good.")
    refresh_token_lifetime: Seconds = Field(
        30 * 86400.0, description="Time a login lasts after its last use."
    )
    jwt_issuer: str = Field(
        "off", description="Issuer (iss) of the JWTs of an identity provider, or off."
    )
    jwt_audience: str = Field("off", description="Audience (aud) that they must be for.")
    jwt_jwks: str = Field(
        "off",
        validate_default=True,
        description="Where the provider's keys are: an https URL, or a file.",
    )

    rate_limits: Literal["auto", "on", "off"] = Field(
        "auto", description="Whether the rates hold; auto: where there are accounts."
    )
    rate_limit: RateText = Field("50/s burst 200", description="Requests of one user.")
    rate_limit_anonymous: RateText = Field(
        "10/s burst 50", description="Requests of one address without a credential that holds."
    )
    rate_limit_login: RateText = Field(
        "10/m", description="Attempts to log in from one address; ten times as many as one user."
    )
    rate_limit_render: RateText = Field(
        "2/s burst 100", description="New variants made for strangers at one address."
    )

    quota_images: PositiveInt | None = Field(
        None, description="Images that one owner may keep; none: any number."
    )
    quota_bytes: ByteSize | None = Field(
        None, description="Bytes of originals that one owner may keep; none: any number."
    )
    idempotency_key_lifetime: Seconds = Field(
        86400.0, description="How long the first answer to an Idempotency-Key is kept."
    )

    gc_interval: Seconds = Field(3600.0, description="Time between collections of orphans.")
    gc_grace: Annotated[float, BeforeValidator(read_seconds)] = Field(
        3600.0, ge=0, description="Age below which orphans are not collected."
    )

    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, JSON otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe level that is logged."
    )

    @field_validator("presets", mode="before")
    @classmethod
    def _with_the_defaults(cls, given: object) -> object:
        """The default presets and those of the setting; `false` stands for one that is not there.

        It is defined before `_decoded`: validators of this kind run from the last to the first.
        """
        if not isinstance(given, dict):
            return given
        presets = {**DEFAULT_PRESETS, **given}
        return {name: text for name, text in presets.items() if text is not False}

    @field_validator("*", mode="before")
    @classmethod
    def _decoded(cls, value: object, info: ValidationInfo) -> object:
        """Lists and tables as the environment gives them: JSON in a text."""
        if isinstance(value, str) and not value.strip():
            raise ValueError("is empty; without this setting the default is in force")
        annotation = cls.model_fields[info.field_name or ""].annotation
        if not isinstance(value, str) or get_origin(annotation) not in {tuple, dict}:
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise PydanticCustomError(NOT_DECODED, "must be a list or a table") from error

    @field_validator("host")
    @classmethod
    def _names_addresses(cls, host: str) -> str:
        if not all(re.fullmatch(r"[^\s\[\]\"']+", name) for name in split_hosts(host)):
            raise ValueError(
                "must be addresses or names with commas between, without quotes or brackets, "
                "such as 127.0.0.1, ::1"
            )
        return host

    @field_validator("signing_keys")
    @classmethod
    def _not_empty(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        empty = [name for name, key in keys.items() if not key.get_secret_value().strip()]
        if empty:
            raise ValueError(f"the key {', '.join(empty)} is empty: anyone could sign with it")
        return keys

    @field_validator("presets")
    @classmethod
    def _named(cls, presets: dict[str, str]) -> dict[str, str]:
        for name in presets:
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
                raise ValueError(f"{name!r} is no name: a-z, 0-9, - and _, at most 64")
        return presets

    @field_validator("eager_presets")
    @classmethod
    def _among_the_presets(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        missing = [name for name in names if name not in info.data.get("presets", names)]
        if missing:
            raise ValueError(
                f"there is no preset {', '.join(missing)}; name those to make with each upload"
            )
        return names

    @field_validator("auth", mode="before")
    @classmethod
    def _auto_is_gone(cls, auth: object) -> object:
        if auth == "auto":
            raise ValueError(
                f"the value auto was removed. Set {PREFIX}AUTH=required, which is the default, or "
                f"{PREFIX}AUTH=off for a server that only programs on this machine use."
            )
        return auth

    @field_validator("auth")
    @classmethod
    def _off_on_loopback_alone(cls, auth: str, info: ValidationInfo) -> str:
        host = info.data.get("host", "localhost")
        if auth == "off" and not all(map(is_loopback, split_hosts(host))):
            raise ValueError(
                f"refusing to listen on {host} without accounts, since anyone who reaches the "
                f"port could upload and delete. Set {PREFIX}AUTH=required, or "
                f"{PREFIX}HOST=127.0.0.1."
            )
        if auth == "off" and info.data.get("trusted_proxies"):
            raise ValueError(
                f"behind a proxy every visitor could upload and delete. Set {PREFIX}AUTH=required, "
                f"or no trusted_proxies."
            )
        return auth

    @field_validator("public_url")
    @classmethod
    def _begins_urls(cls, url: str) -> str:
        if url == "off":
            return url
        match = _PUBLIC_URL.fullmatch(url)
        if match is None or (match["path"] and prefix_of(match["path"]) is None):
            raise ValueError(
                "must be an http or https URL with a host and perhaps a path, such as "
                "https://example.org/media, or off"
            )
        return url.removesuffix("/")

    @field_validator("base_path")
    @classmethod
    def _is_prefix(cls, path: str) -> str:
        prefix = prefix_of(path)
        if path != "/" and prefix is None:
            raise ValueError("must be a path such as /media, of A-Z, a-z, 0-9, -, ., _ and ~")
        return prefix or "/"

    @field_validator("jwt_jwks")
    @classmethod
    def _all_or_none(cls, jwks: str, info: ValidationInfo) -> str:
        given = {"jwt_issuer": info.data.get("jwt_issuer"),
                 "jwt_audience": info.data.get("jwt_audience"), "jwt_jwks": jwks}  # fmt: skip
        missing = [name for name, value in given.items() if value == "off"]
        if missing and len(missing) < len(given):
            raise ValueError(
                f"jwt_issuer, jwt_audience and jwt_jwks are set together; {missing[0]} is not"
            )
        if re.search(r"\s", str(given["jwt_issuer"])):  # users are kept as "issuer subject"
            raise ValueError("jwt_issuer holds white space")
        if "://" in jwks and not _is_safe_url(jwks):
            raise ValueError("keys are fetched by https, or by http from this machine")
        return jwks

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, `.env`, `imagesvc.toml`: the first that names a setting wins."""
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, file_secret_settings, toml

    @property
    def has_accounts(self) -> bool:
        """Whether requests need a key or token, except for what is public."""
        return self.auth == "required"

    @property
    def prefix(self) -> str:
        """What paths of requests may begin with; empty at the root."""
        if self.base_path == "/" and self.public_url != "off":
            return urlsplit(self.public_url).path
        return self.base_path.removesuffix("/")

    @property
    def base_url(self) -> str:
        """What URLs begin with, where no request says more: an absolute URL, or a prefix."""
        return self.prefix if self.public_url == "off" else self.public_url

    @property
    def upload_visibility(self) -> str:
        """The visibility of uploads and collections that name none."""
        if self.default_visibility == "auto":
            return "private" if self.has_accounts else "public"
        return self.default_visibility

    def shown(self) -> dict[str, Any]:
        """The settings as plain values with units, secrets masked, for `imagesvc config`."""
        plain = self.model_dump(mode="json")
        values = {name: _written(name, value) for name, value in plain.items()}
        removed = dict.fromkeys(DEFAULT_PRESETS.keys() - self.presets.keys(), False)
        return {**values, "presets": {**values["presets"], **removed}}


def _written(name: str, value: Any) -> Any:
    """A value in the units that settings are written in."""
    field = Settings.model_fields[name]
    readers = {getattr(item, "func", None) for item in field.metadata}
    if value is None:
        return None
    if field.annotation in {ByteSize, ByteSize | None}:
        return written_bytes(value)
    if read_pixels in readers:
        return written_pixels(value)
    return written_seconds(value) if read_seconds in readers else value


def seconds(text: str) -> float:
    """The seconds of a duration such as `30s` or `1h`.

    Raises:
        SettingsError: it is none.
    """
    try:
        value = read_seconds(text)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return float(str(value))


def split_hosts(host: str) -> list[str]:
    """The addresses of the setting `host`."""
    return [part.strip() for part in host.split(",")]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_safe_url(url: str) -> bool:
    """Whether nobody on the way can change what is fetched from there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
