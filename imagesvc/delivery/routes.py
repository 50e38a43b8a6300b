"""Images over HTTP: GET and HEAD of originals, variants and presets."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope as AsgiScope

from imagesvc.auth.authenticator import Authenticator
from imagesvc.auth.permissions import check_may_see, owns
from imagesvc.auth.principals import Scope
from imagesvc.auth.rates.limits import RateLimits, requester_of
from imagesvc.auth.signing import Signer
from imagesvc.cache.content import Fetched, StoredFile
from imagesvc.cache.identity import VariantRequest
from imagesvc.cache.images import ImageCache
from imagesvc.cache.memory import Entry
from imagesvc.cache.unlocated import Copy, UnlocatedOriginals, full_size
from imagesvc.cache.variants import Admit, VariantCache
from imagesvc.delivery.bodies import file_bytes, from_memory, is_fresh, not_modified, streamed
from imagesvc.delivery.headers import CREDENTIALS, Headers, Representation, image_headers
from imagesvc.delivery.hot import RawHeaders
from imagesvc.delivery.leaving import ClientLeft, unless_client_leaves
from imagesvc.delivery.negotiation import Accepted, negotiate
from imagesvc.delivery.parameters import ABOUT_ANSWER, HEADERS, PRESET, SIGMA, TRANSFORM
from imagesvc.delivery.query import Asked, Pairs, read_query, split_extension
from imagesvc.delivery.rules import DeliveryRules, Kind
from imagesvc.errors import (
    CorruptImage,
    ImagesvcError,
    ImageTooLarge,
    InsufficientScope,
    InvalidTransform,
    NotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    RateLimited,
    SignatureInvalid,
    TimedOut,
    TooCostly,
    Unauthorized,
    Unavailable,
    WorkerDied,
)
from imagesvc.http.bodies.declared import Content, Raw
from imagesvc.http.calls import Call
from imagesvc.http.operations import Answer, Grammar, operation
from imagesvc.imaging.messages import Removal
from imagesvc.imaging.transforms.effective import with_format
from imagesvc.imaging.transforms.geometry import predicted_size
from imagesvc.imaging.transforms.transform import canonical, parse
from imagesvc.model.formats import Format
from imagesvc.model.ids import ImageId, parse_id
from imagesvc.model.images import Image, Original, Visibility
from imagesvc.model.transforms import Transform
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.verified import VerifiedBlobs
from imagesvc.syntax.header_fields import joined_field

TAG = "delivery"
CLIENT_LEFT = 499
"""Of a request whose client has gone away, for the log alone; nginx calls it so, too."""
FETCH_ATTEMPTS = 3
VERSION = {"ETag": "The version of the bytes."}
PICTURE = Answer(Raw(tuple(item.media_type for item in Format)), VERSION)
ANSWERS: Mapping[int, Answer | Content | None] = {
    200: PICTURE,
    206: PICTURE,
    304: Answer(None, VERSION),
}
ERRORS = (
    InvalidTransform, SignatureInvalid, NotFound, PreconditionFailed, RangeNotSatisfiable,
    CorruptImage, ImageTooLarge, TooCostly, RateLimited, Unauthorized, InsufficientScope,
    TimedOut, WorkerDied,
)  # fmt: skip


class Remember(Protocol):
    """Takes an answer that may be given again from memory; `HotPath.remember`."""

    def __call__(
        self, scope: AsgiScope, image_id: ImageId, entry: Entry, headers: RawHeaders
    ) -> None:
        """Answer requests like this one with this entry from now on."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """The routes that send image bytes; the fields are their dependencies."""

    images: ImageCache
    blobs: BlobStore
    verified: VerifiedBlobs
    variants: VariantCache
    originals: UnlocatedOriginals
    presets: Mapping[str, Transform]
    signer: Signer
    authenticator: Authenticator
    limits: RateLimits
    rules: DeliveryRules
    remember: Remember

    @operation(
        "get_picture", "GET", "/images/{image_id}", tag=TAG, scope_if_private=Scope.READ,
        query=Grammar((*TRANSFORM, PRESET, *ABOUT_ANSWER)), headers=HEADERS,
        answers=ANSWERS, errors=ERRORS,
    )  # fmt: skip
    async def image(self, call: Call[None, None]) -> Response:
        """The original, or with transform parameters a variant.

        An extension behind the id, such as `.webp`, asks for that format, as `format` does.

        With accounts, others than its owner get the original without the place where it was taken,
        unless the image has `share_location`.

        Raises:
            NotFound: the id names no image.
            InvalidTransform: a parameter is unknown or out of range.
            SignatureInvalid: the URL must be signed, or its signature does not hold.
        """
        request = call.request
        asked = read_query(request, self.signer)
        self.rules.check(_kind_of(asked.transform), asked)
        image = await self._seen(request, asked)
        if not asked.transform:
            return await self._original(request, image, asked)
        transform = parse(asked.transform, self.presets)
        return await self._variant(request, image, transform, asked)

    @operation(
        "get_preset", "GET", "/images/{image_id}/{preset}", tag=TAG, scope_if_private=Scope.READ,
        query=Grammar((*TRANSFORM, *ABOUT_ANSWER)), headers=HEADERS,
        answers=ANSWERS, errors=ERRORS,
    )  # fmt: skip
    async def preset(self, call: Call[None, None]) -> Response:
        """A named transform; parameters beside it override the preset's.

        Raises:
            NotFound: the id names no image, or the name no preset.
        """
        request = call.request
        name = split_extension(request.path_params["preset"])[0]
        if name not in self.presets:
            raise NotFound("There is no preset with this name.")
        asked = read_query(request, self.signer)
        self.rules.check(_kind_of([("preset", name), *asked.transform]), asked)
        transform = parse([("preset", name), *asked.transform], self.presets)
        image = await self._seen(request, asked)
        return await self._variant(request, image, transform, asked)

    @operation(
        "get_blurred", "GET", "/blurred-images/{image_id}", tag=TAG, scope_if_private=Scope.READ,
        query=Grammar((SIGMA, *TRANSFORM, *ABOUT_ANSWER)), headers=HEADERS,
        answers=ANSWERS, errors=ERRORS,
    )  # fmt: skip
    async def blurred(self, call: Call[None, None]) -> Response:
        """The preset `blurred`; `sigma` overrides its strength."""
        request = call.request
        asked = read_query(request, self.signer)
        self.rules.check(_kind_of([("preset", "blurred"), *asked.transform]), asked)
        if "blurred" not in self.presets:
            raise NotFound("There is no preset with the name blurred.")
        transform = _blurred(asked.transform, self.presets)
        image = await self._seen(request, asked)
        return await self._variant(request, image, transform, asked)

    async def _seen(self, request: Request, asked: Asked) -> Image:
        """The image, if the requester may see it: a private one needs its owner or a URL that ends.

        Raises:
            NotFound: for this requester there is none.
        """
        try:
            image = await self.images.get(image_id_of(request))
        except NotFound:
            # A credential that does not hold is 401 for a private image, so for none, too.
            await self.authenticator.principal(request)
            raise
        if image.visibility is Visibility.PRIVATE and not asked.is_shared:
            principal = await self.authenticator.principal(request)
            check_may_see(principal, image)
            principal.check(Scope.READ)
        return image

    async def _original(self, request: Request, image: Image, asked: Asked) -> Response:
        """The stored bytes for owner and admins; for strangers a copy that tells no place."""
        if not self.authenticator.has_accounts or image.share_location:
            return await self._stored(request, image, asked)
        if await self._is_own(request, image):
            return await self._stored(request, image, asked, vary=CREDENTIALS, is_for_owner=True)
        admit, _ = await self._render_check(request, asked)
        for _ in range(FETCH_ATTEMPTS):
            copy = await self.originals.fetch(image, admit)
            with contextlib.suppress(FileNotFoundError):  # evicted since it was fetched
                return await self._for_strangers(request, image, asked, copy)
        raise _evicted()

    async def _is_own(self, request: Request, image: Image) -> bool:
        """Whether the owner or an admin asks, with a credential that may read."""
        with contextlib.suppress(ImagesvcError):  # what is public needs no credential
            principal = await self.authenticator.principal(request)
            may_read = principal.is_admin or Scope.READ in principal.scopes
            return may_read and owns(principal, image.owner_id)
        return False

    async def _for_strangers(
        self, request: Request, image: Image, asked: Asked, copy: Copy
    ) -> Response:
        began = time.perf_counter()
        if copy.removal is Removal.NOTHING:
            return await self._stored(request, image, asked, vary=CREDENTIALS)
        if copy.removal is Removal.UNCLEAR:
            transform = full_size(image.original)
            return await self._variant(request, image, transform, asked, is_original=True)
        etag = f'"{copy.fetched.variant.key[:32]}"'
        shown = Representation(image.original.format, etag, CREDENTIALS)
        headers = image_headers(image, shown, asked, self.rules)
        if is_fresh(request, headers):
            return not_modified(headers)
        headers["server-timing"] = _timing(copy.fetched, began)
        return await self._sent(request, copy.fetched, headers)

    async def _stored(
        self,
        request: Request,
        image: Image,
        asked: Asked,
        *,
        vary: str = "",
        is_for_owner: bool = False,
    ) -> Response:
        digest = image.original.digest
        shown = Representation(image.original.format, f'"{digest}"', vary, is_for_owner)
        headers = image_headers(image, shown, asked, self.rules)
        if is_fresh(request, headers):
            return not_modified(headers)
        if await self.verified.size(digest) is None:
            raise NotFound("The original is gone.")
        async with self.blobs.local(digest) as path:
            sent = self._by_proxy(headers, path)
        return sent or await streamed(
            request, headers, image.bytes, functools.partial(self.blobs.stream, digest)
        )

    async def _variant(
        self,
        request: Request,
        image: Image,
        transform: Transform,
        asked: Asked,
        *,
        is_original: bool = False,
    ) -> Response:
        """A variant; `is_original` where strangers get it instead of the original."""
        began = time.perf_counter()
        vary = CREDENTIALS if is_original else "Accept" if transform.auto else ""
        if transform.auto:
            transform = self._negotiated(request, image, transform)
        wanted = self.variants.identify(image.id, image.original, transform)
        concrete = wanted.transform
        if concrete.format is None:
            raise NotFound("This image has no format to show.")
        shown = Representation(concrete.format, f'"{wanted.key[:32]}"', vary)
        headers = image_headers(image, shown, asked, self.rules)
        if asked.debug and self.rules.allow_debug:
            headers["x-imagesvc-plan"] = canonical(concrete)
        if is_fresh(request, headers):
            return not_modified(headers)
        for _ in range(FETCH_ATTEMPTS):
            try:
                fetched = await self._fetched(request, image.original, wanted, asked)
            except ClientLeft:
                return Response(status_code=CLIENT_LEFT)
            headers["server-timing"] = _timing(fetched, began)
            with contextlib.suppress(FileNotFoundError):  # evicted since it was fetched
                response = await self._sent(request, fetched, headers)
                if not is_original:  # the owner gets other bytes at the same URL
                    self._remember(request, image, asked, fetched, response)
                return response
        raise _evicted()

    async def _fetched(
        self, request: Request, original: Original, wanted: VariantRequest, asked: Asked
    ) -> Fetched:
        """The variant, for as long as the client waits for it.

        Raises:
            ClientLeft: it went away.
        """
        found = self.variants.at_hand(wanted.key)
        if found is not None:
            return found
        admit, requester = await self._render_check(request, asked)
        work = self.variants.fetch(original, wanted, admit, requester)
        return await unless_client_leaves(request.receive, work)

    async def _render_check(self, request: Request, asked: Asked) -> tuple[Admit | None, str]:
        """What to ask before a variant is made, and whom it is made for.

        There is nothing to ask for users, and for URLs that are signed.
        """
        principal = None
        with contextlib.suppress(ImagesvcError):  # what is public needs no credential
            principal = await self.authenticator.principal(request)
        requester = requester_of(request, principal)
        is_user = principal is not None and principal.user_id is not None
        if self.limits.renders is None or asked.signature is not None or is_user:
            return None, requester
        return functools.partial(self.limits.check_render, request), requester

    async def _sent(self, request: Request, fetched: Fetched, headers: Headers) -> Response:
        content = fetched.content
        if isinstance(content, StoredFile):
            sent = self._by_proxy(headers, content.path)
            stream = functools.partial(file_bytes, content.path)
            return sent or await streamed(request, headers, content.variant.bytes, stream)
        return from_memory(request, headers, content.body)

    def _remember(
        self, request: Request, image: Image, asked: Asked, fetched: Fetched, response: Response
    ) -> None:
        """Have requests like this one answered from memory, if the answer is for everyone."""
        content = fetched.content
        if (
            isinstance(content, StoredFile)
            or response.status_code != 200  # noqa: PLR2004  # a range is not the whole
            or image.visibility is Visibility.PRIVATE
            or asked.is_shared
            or not self.images.holds(image)
        ):
            return
        hot = dict(response.headers) | {"server-timing": "cache;desc=memory"}
        raw = [(name.encode("latin-1"), hot[name].encode("latin-1")) for name in hot]
        self.remember(request.scope, image.id, content, raw)

    def _negotiated(self, request: Request, image: Image, transform: Transform) -> Transform:
        original = image.original
        best = negotiate(
            Accepted.of(joined_field(request.headers.raw, b"accept")),
            original,
            predicted_size(transform, original.width, original.height),
            preferred=self.rules.auto_formats,
            max_avif_pixels=self.rules.avif_max_pixels,
        )
        return with_format(transform, best)

    def _by_proxy(self, headers: Headers, path: Path) -> Response | None:
        """An empty answer that has the proxy in front send the file; None when there is none."""
        sendfile = self.rules.sendfile
        if sendfile is None:
            return None
        return Response(headers={**headers, sendfile.header: sendfile.value(path)})


def image_id_of(request: Request) -> ImageId:
    """The image that the path names."""
    return ImageId(parse_id(split_extension(request.path_params["image_id"])[0]))


def _kind_of(transform: Pairs) -> Kind:
    """`format=auto` beside a preset is still one of a bounded set."""
    if not transform:
        return Kind.ORIGINAL
    chosen = [pair for pair in transform if pair != ("format", "auto")]
    is_preset = [key for key, _value in chosen] == ["preset"]
    return Kind.PRESET if is_preset and len(transform) - len(chosen) <= 1 else Kind.FREE_FORM


def _evicted() -> Unavailable:
    return Unavailable("The image was evicted before it could be sent; try again soon.")


def _timing(fetched: Fetched, began: float) -> str:
    """Where the bytes came from and what it took (Server Timing, W3C)."""
    spans = {**fetched.seconds, "total": time.perf_counter() - began}
    timed = [f"{name};dur={seconds * 1000:.1f}" for name, seconds in spans.items() if seconds]
    return ", ".join([f"cache;desc={fetched.tier}", *timed])


def _blurred(pairs: Pairs, presets: Mapping[str, Transform]) -> Transform:
    """The preset `blurred`, where `sigma` means `blur`; faults name the key that was given."""
    renamed = [("blur" if key == "sigma" else key, value) for key, value in pairs]
    try:
        return parse([("preset", "blurred"), *renamed], presets)
    except InvalidTransform as error:
        if renamed == pairs:
            raise
        faults = tuple(("sigma" if loc == "blur" else loc, msg) for loc, msg in error.fields)
        detail = "; ".join(f"{loc} {msg}" for loc, msg in faults[:3])
        raise InvalidTransform(f"{detail}.", faults) from None
