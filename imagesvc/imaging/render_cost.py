"""What a variant is predicted to cost: decoding, the steps, and encoding.

Memory was measured as growth of the peak resident size of a worker. On 15.9 MP at full size, bytes
a pixel of output beyond the decoder's: JPEG and PNG up to 4 (rows are streamed), WebP 6 to 12,
AVIF 22, GIF 13; turned by a quarter 4 more, blurred 3, sharpened 6, both with transparency up to 12
more. Frames of an animation are decoded and developed one at a time, and held as they come out of
the steps: 4 bytes a pixel of all frames, in GIF 5 to 9 with their indices and the file.

Processor time was measured on one core of a server of 2025 (x86-64, 2.5 GHz) with photographs and
noise of 2 to 12 MP. It depends on the content: flat pictures take a fifth of it.
"""

from __future__ import annotations

from imagesvc.imaging.cost import FIXED_BYTES, MEGA, Cost
from imagesvc.imaging.decoding_cost import COPIED_BYTES
from imagesvc.imaging.transforms.effective import ANIMATED, moves
from imagesvc.imaging.transforms.geometry import QUARTER, Plan
from imagesvc.imaging.transforms.normal import FROM_PIXELS
from imagesvc.model.formats import Format, Size
from imagesvc.model.images import Original
from imagesvc.model.transforms import Transform

ENCODER_BYTES = {
    Format.JPEG: 4,
    Format.PNG: 4,
    Format.WEBP: 14,
    Format.AVIF: 24,
    Format.GIF: 13,
}
LOSSLESS_BYTES = 48
TURNED_WEBP_BYTES = 30
"""WebP of a picture whose corners became transparent: up to 28 were measured."""
ALPHA_WEBP_BYTES = 36
"""WebP of a picture with transparency, which is kept without loss: 12 to 35 were measured."""
ENCODER_SECONDS = {
    Format.JPEG: 0.014,
    Format.PNG: 0.055,
    Format.WEBP: 0.12,
    Format.AVIF: 0.10,
    Format.GIF: 0.45,
}
"""A megapixel of output; noise in lossless WebP takes as long as a photograph."""
MOVING_GIF_SECONDS = 0.25
"""A megapixel of a GIF of several frames: from 0.05 for what changes little to 0.6 for noise that
is tried in ever fewer colours."""
LOSSLESS_SECONDS = 0.5
LOSSLESS_ATTEMPTS = 2
"""How often a frame of an animation is encoded: as it is, and as changes."""
FITTED_ATTEMPTS = 5
"""How often `max_bytes` encodes, on average."""
STEP_SECONDS = 0.01
"""A megapixel in a step that processes each pixel once, and in the resize to it."""
READ_SECONDS = 0.004
"""A megapixel of a scaled-down picture."""
TURN_SECONDS = 0.04
COMPOSITE_SECONDS = 0.10
EXACT_SIGMA = 1.0
"""Below it a kernel has exact coefficients, which takes longer than the fast ones beyond it."""
REDUCED_SIGMA = 5.0
"""From here on a blur works on a reduced picture, and takes no longer for a larger sigma."""
EXACT_BLUR_SECONDS = 0.035
BLUR_SECONDS = 0.015
TRANSPARENT_BLUR_SECONDS = 0.08
"""A megapixel, and with transparency also for each pixel of sigma, until pictures are reduced."""
FLOATING_BYTES = 12
"""A pixel of a blurred picture with transparency, whose pixels are then in floating point."""
START_SECONDS = 0.01
FRAME_SECONDS = 0.002
"""Of building the pipeline of one frame."""


def render_cost(
    transform: Transform, original: Original, geometry: Plan | None, decoder: Cost
) -> Cost:
    """The predicted cost of a variant of an original.

    With `trim` it is the cost for the original without any border. A variant that cannot be made,
    and so has no geometry, costs only opening the original.

    Args:
        transform: an effective one, its format concrete.
        original: as probed.
        geometry: of the variant.
        decoder: the cost of decoding what it is made from: the original or its mezzanine.
    """
    if geometry is None:
        return decoder
    frames = frames_of(transform, original)
    shown = Size(original.width, original.height)
    has_alpha = original.has_alpha or bool(transform.rotate % QUARTER)
    return Cost(
        decoder.memory
        + FIXED_BYTES
        + working_bytes(transform, geometry, shown, frames)
        + original.has_alpha * _alpha_bytes(transform, geometry, frames)
        + has_alpha * _floating_bytes(transform, geometry.turned),
        decoder.seconds + _working_seconds(transform, geometry, shown, frames, has_alpha=has_alpha),
    )


def frames_of(transform: Transform, original: Original) -> int:
    """How many frames a variant has."""
    is_animated = transform.format in ANIMATED and transform.frame is None
    return original.frames if is_animated and moves(original) else 1


def working_bytes(transform: Transform, laid: Plan, shown: Size, frames: int) -> int:
    """The memory after the decoder: copies and the encoder's."""
    output = laid.output.width * laid.output.height
    scaled = laid.scaled.width * laid.scaled.height
    region = laid.region or shown
    copied = 0
    if transform.trim or (laid.region and frames > 1):
        copied += region.width * region.height
    copied += scaled * _copies(transform, laid, frames)
    if transform.wm or transform.max_bytes or transform.radius or frames > 1:
        copied += output
    encoder = _encoder_bytes(transform)
    # Encoders of animations take frame after frame, and keep two.
    return COPIED_BYTES * copied * frames + encoder * output * min(frames, 2)


def _alpha_bytes(transform: Transform, laid: Plan, frames: int) -> int:
    """The memory of transparency beyond `working_bytes`; most of it is even, and takes little."""
    if transform.format is not Format.WEBP or transform.bg:
        return 0
    beyond = max(0, ALPHA_WEBP_BYTES - _encoder_bytes(transform))
    return beyond * laid.output.width * laid.output.height * min(frames, 2)


def _floating_bytes(transform: Transform, turned: Size) -> int:
    """The memory of a reduced picture with premultiplied colours while it is blurred."""
    blurs = sum(sigma >= REDUCED_SIGMA for sigma in (transform.blur, transform.sharpen))
    return blurs * FLOATING_BYTES * turned.width * turned.height


def _encoder_bytes(transform: Transform) -> int:
    """Bytes of the encoder for each pixel of output."""
    if transform.lossless:
        return LOSSLESS_BYTES
    if transform.format is Format.WEBP and transform.rotate % QUARTER:
        return TURNED_WEBP_BYTES
    return ENCODER_BYTES[transform.format or Format.JPEG]


def _copies(transform: Transform, laid: Plan, frames: int) -> int:
    """The number of copies of the scaled picture, for reading in another order than the decoder's.

    The frames of an animation are blurred one after the other.
    """
    is_placed = laid.crop is not None and transform.gravity in FROM_PIXELS
    turns = transform.rotate or transform.flip == "v"
    blurs = bool(transform.blur) + 2 * bool(transform.sharpen) if frames == 1 else 0
    return bool(is_placed or turns or frames > 1) + blurs


def _working_seconds(
    transform: Transform, laid: Plan, shown: Size, frames: int, *, has_alpha: bool
) -> float:
    """The time after the decoder: resize, steps and encoder."""
    region = Size(laid.region.width, laid.region.height) if laid.region else shown
    seconds = READ_SECONDS * _area(region) * (1 + 3 * bool(transform.trim))
    seconds += 2 * STEP_SECONDS * _area(laid.scaled)
    seconds += _blurs_seconds(transform, laid.turned, has_alpha=has_alpha)
    seconds += _step_seconds(transform, has_alpha=has_alpha) * _area(laid.turned)
    seconds += _encoder_seconds(transform, frames) * _area(laid.output)
    if transform.wm:
        seconds += COMPOSITE_SECONDS * _area(laid.output)
    return START_SECONDS + frames * (seconds + FRAME_SECONDS)


def _step_seconds(transform: Transform, *, has_alpha: bool) -> float:
    """A megapixel through the steps between resize and encoder."""
    seconds = TURN_SECONDS if transform.rotate % QUARTER else 0.0
    steps = (transform.saturation != 1, transform.brightness != 1, transform.contrast != 1)
    seconds += STEP_SECONDS * sum((*steps, bool(transform.radius), has_alpha))
    if transform.bg and has_alpha:
        seconds += COMPOSITE_SECONDS
    return seconds


def _blurs_seconds(transform: Transform, size: Size, *, has_alpha: bool) -> float:
    """Blur and sharpen."""
    sigmas = [sigma for sigma in (transform.blur, transform.sharpen) if sigma]
    return sum(_blur_seconds(sigma, has_alpha=has_alpha) for sigma in sigmas) * _area(size)


def _blur_seconds(sigma: float, *, has_alpha: bool) -> float:
    """A megapixel; premultiplied pixels are floating point, which takes a wide kernel long."""
    if has_alpha:
        return TRANSPARENT_BLUR_SECONDS * (sigma if EXACT_SIGMA < sigma < REDUCED_SIGMA else 1)
    return EXACT_BLUR_SECONDS if sigma < EXACT_SIGMA else BLUR_SECONDS


def _encoder_seconds(transform: Transform, frames: int) -> float:
    kind = transform.format or Format.JPEG
    if transform.lossless:
        return LOSSLESS_SECONDS * (LOSSLESS_ATTEMPTS if frames > 1 else 1)
    if kind is Format.GIF and frames > 1:
        return MOVING_GIF_SECONDS
    return ENCODER_SECONDS[kind] * (FITTED_ATTEMPTS if transform.max_bytes else 1)


def _area(size: Size) -> float:
    return size.width * size.height / MEGA
