"""The routes of images: GET and HEAD of originals, variants and presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from imagesvc.auth.principals import Scope
from imagesvc.auth.signing import Signer
from imagesvc.delivery.access import Access
from imagesvc.delivery.originals import OriginalAnswers
from imagesvc.delivery.parameters import ABOUT_ANSWER, HEADERS, PRESET, SIGMA, TRANSFORM
from imagesvc.delivery.query import Pairs, read_query, split_extension
from imagesvc.delivery.rules import DeliveryRules, Kind
from imagesvc.delivery.variants import VariantAnswers
from imagesvc.errors import (
    CorruptImage,
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
    WorkerDied,
)
from imagesvc.http.bodies.declared import Content, Raw
from imagesvc.http.calls import Call
from imagesvc.http.operations import Answer, Grammar, operation
from imagesvc.imaging.transforms.transform import parse
from imagesvc.model.formats import Format
from imagesvc.model.noted import RouteClass, noted_in
from imagesvc.model.transforms import Transform

TAG = "delivery"
VERSION = {"ETag": "The version of the bytes."}
PICTURE = Answer(Raw(tuple(item.media_type for item in Format)), VERSION)
ANSWERS: Mapping[int, Answer | Content | None] = {
    200: PICTURE,
    206: PICTURE,
    304: Answer(None, VERSION),
    307: Answer(None, {"Location": "Where the bucket has the picture, for some minutes."}),
}
ERRORS = (
    InvalidTransform, SignatureInvalid, NotFound, PreconditionFailed, RangeNotSatisfiable,
    CorruptImage, ImageTooLarge, TooCostly, RateLimited, Unauthorized, InsufficientScope,
    TimedOut, WorkerDied,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delivery:
    """The routes that send image bytes; the fields are their dependencies."""

    access: Access
    originals: OriginalAnswers
    variants: VariantAnswers
    presets: Mapping[str, Transform]
    signer: Signer
    rules: DeliveryRules

    @operation(
        "get_picture", "GET", "/images/{image_id}", tag=TAG, scope_if_private=Scope.READ,
        query=Grammar((*TRANSFORM, PRESET, *ABOUT_ANSWER)), headers=HEADERS,
        answers=ANSWERS, errors=ERRORS,
    )  # fmt: skip
    async def image(self, call: Call[None, None]) -> Response:
        """The original, or with transform parameters a variant.

        An extension after the id, such as `.webp`, selects that format, like `format`.

        With accounts, requesters other than the owner get the original without the place where it
        was taken, unless the image has `share_location`.

        Raises:
            NotFound: the id names no image.
            InvalidTransform: a parameter is unknown or out of range.
            SignatureInvalid: the URL must be signed, or its signature is invalid.
        """
        request = call.request
        asked = read_query(request, self.signer)
        if not asked.transform:
            noted_in(request.scope).route = RouteClass.ORIGINAL
        self.rules.check(_kind_of(asked.transform), asked)
        image = await self.access.find_image(request, asked)
        if not asked.transform:
            return await self.originals.send(request, image, asked)
        transform = parse(asked.transform, self.presets)
        return await self.variants.send(request, image, transform, asked)

    @operation(
        "get_preset", "GET", "/images/{image_id}/{preset}", tag=TAG, scope_if_private=Scope.READ,
        query=Grammar((*TRANSFORM, *ABOUT_ANSWER)), headers=HEADERS,
        answers=ANSWERS, errors=ERRORS,
    )  # fmt: skip
    async def preset(self, call: Call[None, None]) -> Response:
        """A named transform; other parameters override the preset's.

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
        image = await self.access.find_image(request, asked)
        return await self.variants.send(request, image, transform, asked)

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
        image = await self.access.find_image(request, asked)
        return await self.variants.send(request, image, transform, asked)


def _kind_of(transform: Pairs) -> Kind:
    """`format=auto` with a preset is still one of a bounded set."""
    if not transform:
        return Kind.ORIGINAL
    chosen = [pair for pair in transform if pair != ("format", "auto")]
    is_preset = [key for key, _value in chosen] == ["preset"]
    return Kind.PRESET if is_preset and len(transform) - len(chosen) <= 1 else Kind.FREE_FORM


def _blurred(pairs: Pairs, presets: Mapping[str, Transform]) -> Transform:
    """The preset `blurred`, with `sigma` for `blur`; errors name the key of the request."""
    renamed = [("blur" if key == "sigma" else key, value) for key, value in pairs]
    try:
        return parse([("preset", "blurred"), *renamed], presets)
    except InvalidTransform as error:
        if renamed == pairs:
            raise
        faults = tuple(("sigma" if loc == "blur" else loc, msg) for loc, msg in error.fields)
        detail = "; ".join(f"{loc} {msg}" for loc, msg in faults[:3])
        raise InvalidTransform(f"{detail}.", faults) from None
