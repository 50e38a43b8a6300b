"""Bar charts as SVG: two bars for each line, which browsers show in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 780
LABEL_WIDTH = 310
VALUE_WIDTH = 80
TOP = 64
LINE = 44
BAR = 14
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2937}.title{font-weight:600;font-size:15px}"
    ".first{fill:#2563eb}.second{fill:#94a3b8}"
    "@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.first{fill:#60a5fa}.second{fill:#64748b}}"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart: its label, and the values of both bars."""

    label: str
    first: float
    second: float


def bar_chart(title: str, names: tuple[str, str], lines: Sequence[Line]) -> str:
    """The chart; the longest bar takes the whole width."""
    height = TOP + LINE * len(lines)
    longest = max(max(line.first, line.second) for line in lines)
    scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / longest
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<text class="title" x="0" y="18">{escape(title)}</text>',
        *_legend(names),
    ]
    for number, line in enumerate(lines):
        parts += _line(line, TOP + LINE * number, scale)
    return "\n".join([*parts, "</svg>", ""])


def _legend(names: tuple[str, str]) -> list[str]:
    parts = []
    for place, (kind, name) in enumerate(zip(("first", "second"), names, strict=True)):
        x = LABEL_WIDTH + 180 * place
        parts.append(f'<rect class="{kind}" x="{x}" y="32" width="12" height="12"/>')
        parts.append(f'<text x="{x + 18}" y="43">{escape(name)}</text>')
    return parts


def _line(line: Line, top: int, scale: float) -> list[str]:
    parts = [f'<text x="0" y="{top + BAR + 5}">{escape(line.label)}</text>']
    for place, (kind, value) in enumerate((("first", line.first), ("second", line.second))):
        y, width = top + (BAR + 2) * place, value * scale
        parts.append(
            f'<rect class="{kind}" x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{BAR}"/>'
        )
        text = f"{value:,.0f}" if value >= 100 else f"{value:.1f}"  # noqa: PLR2004 - digits
        parts.append(f'<text x="{LABEL_WIDTH + width + 6:.1f}" y="{y + 12}">{text}</text>')
    return parts
