"""Write docs/transforms.md and its pictures, and the picture of the README, made by the service.

Run it again with `make docs`. It paints a landscape, starts a server on a temporary directory,
uploads the painting, and keeps what the service answers to each example.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx2
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from imagesvc.imaging.transforms.keys import KEYS

DOCS = Path(__file__).resolve().parent.parent / "docs"
PICTURES = DOCS / "pictures"
SIZE = (1500, 1000)
SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/avif": "avif"}


@dataclass(frozen=True)
class Example:
    """One picture of the page: its query and what it shows."""

    query: str
    says: str


EXAMPLES = (
    Example("w=300", "The width alone keeps the ratio."),
    Example("w=200&h=200", "`fit=inside`: within the box."),
    Example("w=200&h=200&fit=cover", "Fills the box, and crops what is over."),
    Example("w=200&h=200&fit=fill", "Stretched to the box."),
    Example("w=200&h=200&fit=pad&bg=e8e0d0", "Padded to exactly the box, on a colour."),
    Example("w=150&dpr=2", "`dpr` multiplies the box: 300 pixels wide."),
    Example("w=200&h=200&fit=cover&gravity=west", "`gravity` says what a crop keeps."),
    Example("w=200&h=200&fit=cover&gravity=smart", "The part that draws the eye."),
    Example("w=200&h=200&fit=cover&gravity=entropy", "The part with the most detail."),
    Example("w=200&h=200&fit=cover&gravity=fp:0.74,0.3", "Around a focal point, here the sun."),
    Example("crop=0.5,0.1,0.45,0.5&w=300", "A region by fractions, then resized."),
    Example("crop=900,120,420,320&w=300", "A region in pixels of the original."),
    Example("trim=20&w=300", "A border near the colour of the corner is cut: the upper sky."),
    Example("w=300&rotate=90", "A quarter turn."),
    Example("w=260&rotate=12&bg=e8e0d0", "Any angle; the corners take the background."),
    Example("w=300&flip=h", "Mirrored left to right."),
    Example("w=300&blur=6", "A Gaussian blur by its sigma."),
    Example("w=300&sharpen=2", "An unsharp mask by its sigma."),
    Example("w=300&brightness=1.4", "Brighter."),
    Example("w=300&contrast=1.5", "More contrast."),
    Example("w=300&saturation=0.3", "Less saturated."),
    Example("w=300&gray=1", "Shades of gray."),
    Example("w=300&radius=40&format=png", "Rounded corners, transparent where the format can."),
    Example("w=200&h=200&fit=cover&radius=max&format=webp", "A circle."),
    Example("w=300&wm=note", "A watermark from the settings."),
    Example("w=300&format=webp&q=40", "Another format, at a low quality."),
    Example("w=300&format=webp&lossless=1", "Lossless WebP."),
    Example("w=300&max_bytes=6000", "The best quality in 6,000 bytes."),
    Example("w=300&exact=1", "From the original, never from a mezzanine."),
    Example("preset=thumbnail", "A preset's values."),
    Example("w=1600&enlarge=1&crop=0.6,0.1,0.3,0.3&h=220", "Upscaling has to be asked for."),
    Example("w=300&frame=0", "One frame of an animation; of a still, the picture itself."),
)

OVERVIEW = (
    "w=240&h=160&fit=cover&gravity=smart",
    "w=160&h=160&fit=cover&radius=max",
    "w=200&h=160&fit=pad&bg=e8e0d0",
    "w=160&rotate=90",
    "h=160&gray=1",
    "h=160&blur=6",
    "h=160&wm=note",
    "crop=0.6,0.1,0.36,0.36&h=160",
)
"""Queries of what stands beside the original in the picture of the README."""

SIGNING = """## Signed URLs

A signature covers the path (without `base_path`), a `?`, and all parameters except `sig`, sorted by
name and then by value, percent-encoded as in RFC 3986: HMAC-SHA256, base64url without padding.
`kid` names the key, and `exp` is the time, in seconds since 1970, from which the URL is refused.
`imagesvc sign '/images/ID?w=400' --expires-in 1h` prints one; with the key `secret` under the id
`k1`, these give `qqwu3U1W8zFb6_vWQcq08JoHgECkArmxUZCk0fZOqzA`:

```python
import base64, hashlib, hmac
from urllib.parse import quote


def sign(key, path, parameters):
    pairs = sorted((quote(k, safe="-._~"), quote(v, safe="-._~")) for k, v in parameters.items())
    text = path + "?" + "&".join(f"{k}={v}" for k, v in pairs)
    mac = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


path = "/images/0190a1b2-0000-7000-8000-000000000000"
print(sign("secret", path, {"w": "400", "format": "webp", "exp": "1800000000", "kid": "k1"}))
```

```javascript
const { createHmac } = require("node:crypto");

function sign(key, path, parameters) {
  const pairs = Object.entries(parameters).map((p) => p.map(encodeURIComponent).join("=")).sort();
  return createHmac("sha256", key).update(path + "?" + pairs.join("&")).digest("base64url");
}

const path = "/images/0190a1b2-0000-7000-8000-000000000000";
console.log(sign("secret", path, { w: "400", format: "webp", exp: "1800000000", kid: "k1" }));
```
"""


def landscape() -> bytes:
    """A painting of hills under an evening sun, as JPEG."""
    sky = Image.linear_gradient("L").resize(SIZE)
    picture = Image.composite(
        Image.new("RGB", SIZE, (250, 190, 120)), Image.new("RGB", SIZE, (70, 110, 170)), sky
    )
    draw = ImageDraw.Draw(picture)
    draw.ellipse((1020, 210, 1200, 390), fill=(255, 240, 190))
    picture = picture.filter(ImageFilter.GaussianBlur(3))
    draw = ImageDraw.Draw(picture)
    for depth, colour in enumerate(((96, 120, 110), (62, 96, 78), (34, 66, 50))):
        base = 560 + depth * 120
        hills = [
            (x, base - 60 * abs(((x / (260 + 90 * depth)) + depth * 0.4) % 2 - 1))
            for x in range(0, SIZE[0] + 20, 20)
        ]
        draw.polygon([(0, SIZE[1]), *hills, (SIZE[0], SIZE[1])], fill=colour)
    for number in range(60):
        x, y = (number * 97) % SIZE[0], 830 + (number * 53) % 150
        draw.polygon([(x, y), (x - 14, y + 50), (x + 14, y + 50)], fill=(20, 44 + number % 30, 34))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92)
    return out.getvalue()


def fetch_examples() -> list[tuple[Example, str]]:
    """The file name of each example's picture, written to docs/pictures."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    watermarks = {"note": {"text": "evening hills", "scale": 0.4, "opacity": 0.8, "margin": 8}}
    given = {"IMAGESVC_AUTH": "off", "IMAGESVC_WATERMARKS": json.dumps(watermarks)}
    environment = {**os.environ, **given}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "imagesvc", "serve", "--port", str(port)]
        server = subprocess.Popen(  # our own command
            [*command, "--data-dir", f"{folder}/data"], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            return _fetched(httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
        finally:
            server.terminate()
            server.wait()


def _fetched(client: httpx2.Client) -> list[tuple[Example, str]]:
    _wait_until_ready(client)
    image = client.post("/api/v1/images", content=landscape()).raise_for_status().json()
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.iterdir():
        old.unlink()
    made = []
    for example in EXAMPLES:
        answer = client.get(f"/images/{image['id']}?{example.query}").raise_for_status()
        name = f"{_words(example.query)}.{SUFFIXES[answer.headers['content-type']]}"
        (PICTURES / name).write_bytes(answer.content)
        made.append((example, name))
    variants = [
        (query, client.get(f"/images/{image['id']}?{query}").raise_for_status().content)
        for query in OVERVIEW
    ]
    overview(landscape(), variants).save(PICTURES / "overview.jpg", quality=88)
    return made


def _words(query: str) -> str:
    """A query as a file name: its letters, digits and points, with hyphens between."""
    return "-".join(re.findall("[a-z0-9.]+", query))


def overview(original: bytes, variants: list[tuple[str, bytes]]) -> Image.Image:
    """The original on the left, and on the right two columns of variants with their queries."""
    sheet = Image.new("RGB", (1320, 860), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    left = Image.open(io.BytesIO(original)).resize((630, 420))
    sheet.paste(left, (20, 200))
    draw.text((20, 630), "/images/ID", "black", font)
    for number, (query, content) in enumerate(variants):
        x, y = 690 + number % 2 * 320, 14 + number // 2 * 212
        variant = Image.open(io.BytesIO(content)).convert("RGBA")
        sheet.paste(variant, (x, y), variant)
        draw.text((x, y + 166), f"?{query}", "black", font)
    return sheet


def _wait_until_ready(client: httpx2.Client) -> None:
    for _ in range(200):
        try:
            if client.get("/readyz").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server does not come up")


def page(made: list[tuple[Example, str]]) -> str:
    """The page: the keys, then the pictures, each with its URL."""
    keys = "\n".join(f"| `{key.name}` | {key.meaning} | {key.allowed} |" for key in KEYS.values())
    pictures = "\n".join(
        f"| [![{example.query}](pictures/{name})](pictures/{name}) "
        f"| `/images/{{id}}?{example.query}` | {example.says} |"
        for example, name in made
    )
    return f"""# Transforms

This page is made by `make docs`: a script draws the painting, and the service makes every picture
from it. Delivery URLs, presets and jobs have the same transform parameters.

Transforms are always applied in this order: orient, crop, trim, resize, rotate and flip, colour,
blur and sharpen, radius and pad, watermark, encode. Output is sRGB with 8 bits a band and without
metadata.

## Keys

| key | what it does | must be |
|---|---|---|
{keys}
| `preset` | stands for a preset's values, overridden by those beside it | the name of a preset |

## Pictures

| picture | URL | what it shows |
|---|---|---|
{pictures}

{SIGNING}"""


if __name__ == "__main__":
    (DOCS / "transforms.md").write_text(page(fetch_examples()))
