"""`make icons`: the icons of the installed gallery, drawn from its SVG."""

from __future__ import annotations

import re
from pathlib import Path

import pyvips

FOLDER = Path(__file__).parent.parent / "imagesvc" / "web" / "static" / "icons"
SIDE = 24
"""Of the view box of the SVG."""
SAFE = 0.76
"""Systems cut a maskable icon to shapes that keep at least its middle."""


def full_bleed(svg: str) -> str:
    """The drawing without its rounded tile, on a background that fills the square."""
    ((head, tile, drawing),) = re.findall(r"(<svg[^>]*>)(<rect[^>]*/>)(.*)</svg>", svg)
    (colour,) = re.findall(r'fill="(#[0-9a-f]{6})"', tile)
    middle = SIDE / 2
    place = f"translate({middle} {middle}) scale({SAFE}) translate(-{middle} -{middle})"
    background = f'<rect width="{SIDE}" height="{SIDE}" fill="{colour}"/>'
    return f'{head}{background}<g transform="{place}">{drawing}</g></svg>'


def draw(svg: str, size: int, name: str) -> None:
    """Write a square PNG."""
    drawn = pyvips.Image.svgload_buffer(svg.encode(), scale=size / SIDE)
    drawn.pngsave(str(FOLDER / name), palette=True, compression=9, strip=True)


def main() -> None:
    """Write all icons."""
    svg = (FOLDER / "icon.svg").read_text("utf-8")
    for size in (192, 512):
        draw(svg, size, f"icon-{size}.png")
    draw(full_bleed(svg), 512, "maskable-512.png")
    draw(full_bleed(svg), 180, "touch-180.png")


if __name__ == "__main__":
    main()
