"""The nouns of the service: frozen data classes and typed ids; no I/O.

Words as in the glossary of `docs/architecture.md`: an *image* is a row that points at one
*blob*; a *variant* is the bytes of one *transform* of one original; a *job* is the durable
request to make some variants.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any, ClassVar, NewType
from uuid import UUID

from uuid_utils import compat as uuid_compat

from imagesvc.errors import NO_SUCH_ID, NotFound

ImageId = NewType("ImageId", UUID)
JobId = NewType("JobId", UUID)
UserId = NewType("UserId", UUID)
CollectionId = NewType("CollectionId", UUID)
KeyId = NewType("KeyId", UUID)
LoginId = NewType("LoginId", UUID)
Digest = NewType("Digest", str)
"""The SHA-256 of a blob, 64 lower-case hexadecimal digits."""
VariantKey = NewType("VariantKey", str)
"""The image and what a variant's bytes depend on, hashed: original, canonical transform, engine."""


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): ids sort by the time they were made."""
    return uuid_compat.uuid7()


def least_id(instant: datetime, *, slack: timedelta = timedelta()) -> UUID:
    """An id below all that were made at this millisecond or later, or `slack` after it."""
    since_epoch = instant - datetime(1970, 1, 1, tzinfo=UTC) + slack  # no calendar has an end here
    milliseconds = since_epoch // timedelta(milliseconds=1)
    return UUID(int=max(milliseconds, 0) << 80)


def parse_id(text: str) -> UUID:
    """The id that a URL names; one spelling each, so that each thing has one URL.

    Raises:
        NotFound: no id looks like this.
    """
    if re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is None:
        raise NotFound(NO_SUCH_ID)
    return UUID(text)


def utc_now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)


class Status(StrEnum):
    """How far an image, a job or one of its operations has come."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more unless someone asks."""
        return self in {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}


class Visibility(StrEnum):
    """Who may see an image or a collection."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose images a list may show: those of `owner_id` and public ones, or everyone's."""

    owner_id: UserId | None
    sees_all: bool = False


class Lane(IntEnum):
    """Who waits for a piece of work; lower goes first."""

    INTERACTIVE = 0  # someone waits for these bytes now
    UPLOAD = 1  # the job of an upload
    BACKFILL = 2  # work that nobody waits for


class Format(StrEnum):
    """A file format, as stored (`Image.format`) or as asked for (`Transform.format`)."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    TIFF = "tiff"
    HEIC = "heic"
    BMP = "bmp"
    JP2 = "jp2"
    ICO = "ico"

    @property
    def media_type(self) -> str:
        """The registered media type, such as `image/jpeg`."""
        return "image/vnd.microsoft.icon" if self is Format.ICO else f"image/{self.value}"

    @property
    def extension(self) -> str:
        """The usual file suffix, without its dot."""
        return {"jpeg": "jpg", "tiff": "tif"}.get(self.value, self.value)


@dataclass(frozen=True, slots=True)
class Size:
    """A width and a height in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture: in pixels, or in millionths of its sides."""

    x: int
    y: int
    w: int
    h: int
    is_fraction: bool = False

    MILLION: ClassVar[int] = 1_000_000

    def __str__(self) -> str:
        """As in a transform: `10,20,300,200`, or with a decimal point `0.25,0,0.5,1`."""
        numbers = (self.x, self.y, self.w, self.h)
        if not self.is_fraction:
            return ",".join(map(str, numbers))
        return ",".join(f"{n / self.MILLION:.6f}".rstrip("0").rstrip(".") for n in numbers)


@dataclass(frozen=True, slots=True)
class Watermark:
    """What `wm` puts over a variant: an image or a text, and where.

    It holds the bytes of its files, so that what is drawn is always what `fingerprint` tells.
    """

    image: bytes | None = None
    """A PNG, WebP, JPEG, AVIF or GIF file; None for a text."""
    text: str = ""
    font: bytes | None = None
    """A TrueType or OpenType file; None for the built-in font, which has Latin letters."""
    color: str = "ffffff"
    """Of a text: RRGGBB."""
    position: str = "southeast"
    """A gravity: center, north … northwest."""
    scale: float = 0.25
    """Width as a fraction of the variant's, above 0 up to 1; the ratio is kept."""
    opacity: float = 1.0
    """From 0 to 1, beside the image's own transparency."""
    margin: int = 0
    """Pixels to the edges of the variant; between tiles when tiled."""
    tile: bool = False
    """Repeat it over the whole variant, from the top left corner."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change whenever anything of the watermark does."""
        return _fingerprint(self)


@lru_cache(maxsize=256)
def _fingerprint(watermark: Watermark) -> str:
    return hashlib.sha256(repr(astuple(watermark)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Transform:
    """A canonical set of operations; every field at its default is the identity.

    `imaging.transform` turns text into this and back. Two transforms that would make the
    same bytes of every original are equal. The fields are the keys of the grammar, but for
    `auto`: that is `format=auto`, which has no format until someone negotiates it.
    """

    w: int | None = None
    h: int | None = None
    dpr: float = 1.0  # 1 once normal: the box is multiplied
    fit: str = "inside"
    gravity: str = "center"
    enlarge: bool = False
    crop: Region | None = None
    trim: int = 0
    rotate: float = 0.0
    flip: str = ""
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    gray: bool = False
    blur: float = 0.0
    sharpen: float = 0.0
    bg: str = ""
    radius: int | str = 0  # "max": half of the shorter side
    wm: str = ""  # a name, once effective with the fingerprint: `logo:0123456789abcdef`
    frame: int | None = None
    format: Format | None = None
    auto: bool = False
    q: int | None = None
    lossless: bool = False
    max_bytes: int | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What the header of an uploaded file says, checked against the limits.

    `width` and `height` are as shown, after EXIF orientation. `decode_bytes` predicts what a
    worker will hold in memory while it decodes the file at full size, `decode_seconds` what it
    takes of processor time, all frames together. `gps` is kept apart from the rest of the EXIF,
    since it is for the owner alone.
    """

    format: Format
    width: int
    height: int
    frames: int
    has_alpha: bool
    decode_bytes: int
    decode_seconds: float
    exif: dict[str, Any] = field(default_factory=dict)
    gps: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a picture looks like, found out when it comes in.

    `palette` has up to five colours, the most frequent first; that is `dominant_color`, too.
    `thumbhash` is base64 of a ThumbHash, a placeholder of some 25 bytes. `phash` is a perceptual
    hash of 64 bits, 16 hexadecimal digits: like pictures differ in few bits.
    """

    dominant_color: str
    palette: tuple[str, ...]
    thumbhash: str
    phash: str


@dataclass(frozen=True, slots=True)
class Mezzanine:
    """A reduced, high-quality copy of an original, a blob of its own."""

    digest: Digest
    format: Format
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Original:
    """What making a variant needs to know of an image: the blob, and how it is shaped."""

    digest: Digest
    format: Format
    width: int
    height: int
    frames: int
    has_alpha: bool
    decode_bytes: int
    mezzanine: Mezzanine | None = None
    decode_seconds: float | None = None
    """As predicted when it was uploaded; None of uploads from before there was a prediction."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a user uploaded: mutable metadata over immutable pixels."""

    id: ImageId
    original: Original
    bytes: int
    filename: str
    title: str
    description: str
    tags: tuple[str, ...]
    visibility: Visibility
    status: Status
    exif: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None
    gps: dict[str, float] = field(default_factory=dict)
    share_location: bool = False
    """Whether strangers get the original with the place where it was taken."""
    is_analysed: bool = False
    """Whether a job of this image has analysed its original; another image's job does not count."""
    job_id: JobId | None = None
    job_status: Status | None = None
    facts: Facts | None = None
    owner_id: UserId | None = None
    collection_id: CollectionId | None = None
    version: int = 1
    """Of the metadata that people edit; each change adds one."""


@dataclass(frozen=True, slots=True)
class UploadSlot:
    """The promise to take one file from whoever has its URL, and to make it an image."""

    id: ImageId
    """Of the image."""
    owner_id: UserId | None
    filename: str
    content_type: str | None
    """That the file must have, also by its bytes; None for any that is taken."""
    max_bytes: int
    fields: dict[str, str]
    """What was said about the image beforehand, as in the form of an upload."""
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Collection:
    """Images that belong together; each is in one collection at most."""

    id: CollectionId
    title: str
    description: str
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    image_count: int = 0
    owner_id: UserId | None = None
    version: int = 1
    """Of what people edit; putting images in and taking them out leaves it."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much an owner may keep; None for any number."""

    images: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """How much an owner keeps, and may keep."""

    images: int
    bytes: int
    quota: Quota


@dataclass(frozen=True, slots=True)
class Receipt:
    """The first answer to a request with an Idempotency-Key, for those who ask again."""

    principal: str
    key: str
    fingerprint: str
    """What the request asked for; another request must not have its answer."""
    status: int
    headers: dict[str, str]
    body: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Operation:
    """One variant that a job is to make, and what came of it."""

    position: int
    name: str | None  # the preset it was asked for as, if any
    transform: str  # canonical text
    status: Status = Status.PENDING
    error_code: str | None = None
    error_detail: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """The durable request to make some variants of one image."""

    id: JobId
    image_id: ImageId
    lane: Lane
    status: Status
    attempts: int
    operations: tuple[Operation, ...]
    error_code: str | None
    error_detail: str | None
    due_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    owner_id: UserId | None = None


@dataclass(frozen=True, slots=True)
class User:
    """Someone with images of their own."""

    id: UserId
    name: str
    password_hash: str | None  # of argon2; None: keys or an identity provider alone
    is_admin: bool
    is_disabled: bool
    created_at: datetime
    image_count: int = 0
    image_bytes: int = 0
    quota_images: int | None = None  # instead of those in the settings
    quota_bytes: int | None = None
    subject: str | None = None
    """Issuer and subject of a user whom an identity provider knows."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential for programs; of its secret only the hash is kept."""

    id: KeyId
    user_id: UserId
    name: str
    secret_sha256: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """One use of a password: a family of tokens, of whose refresh tokens the newest is good."""

    id: LoginId
    user_id: UserId
    refresh_sha256: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Variant:
    """A stored variant: the row about its bytes.

    `crc32` is of the bytes on disk, so that what a power cut tore is noticed and made anew.
    """

    key: VariantKey
    image_id: ImageId
    transform: str  # canonical text
    format: Format
    width: int
    height: int
    bytes: int
    crc32: int
    created_at: datetime
    last_used_at: datetime
