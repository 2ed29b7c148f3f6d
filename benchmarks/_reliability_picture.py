"""
A reliability diagram as SVG text: what confidences said against what came true.
"""

from __future__ import annotations

from typing import Final

from _reliability import BINS, Reliability
from _shares import wilson

WIDTH, HEIGHT = 420, 480
_LEFT, _TOP, _SIDE = 56, 44, 330
_BARS: Final = 40
"""Height of the counts below the diagram, which the fullest bin takes."""


def reliability_picture(title: str, measured: Reliability) -> str:
    """
    *measured* as a picture: a point for each bin with its 95% interval, the diagonal, and how many reports there are.

    Args:
        title: Above the picture; plain text without ``<`` and ``&``.

        measured: Of the reports.
    """
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    text = 'font-family="sans-serif" font-size="12" fill="#333"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" {text}>',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 20, title, size=14),
        _text(_LEFT, 36, f"{measured.n:,} reports, expected calibration error {measured.error:.3f}"),
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#888"/>',
        *_grid(),
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#888" stroke-dasharray="5 4"/>',
        *_points(measured),
        *_counts(measured),
        _text(_LEFT + _SIDE / 2, HEIGHT - 6, "confidence", anchor="middle"),
        _text(14, _TOP + _SIDE / 2, "share that was right", anchor="middle", turned=True),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(share: float) -> float:
    return round(_LEFT + _SIDE * share, 1)


def _y(share: float) -> float:
    return round(_TOP + _SIDE * (1 - share), 1)


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", turned: bool = False) -> str:
    turn = f' transform="rotate(-90 {x:g} {y:g})"' if turned else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{turn}>{text}</text>'


def _grid() -> list[str]:
    parts = []
    for tenths in range(0, 11, 2):
        share = tenths / 10
        parts.append(f'<line x1="{_x(0)}" y1="{_y(share)}" x2="{_x(1)}" y2="{_y(share)}" stroke="#eee"/>')
        parts.append(_text(_LEFT - 6, _y(share) + 4, f"{share:.1f}", anchor="end"))
        parts.append(_text(_x(share), HEIGHT - 22, f"{share:.1f}", anchor="middle"))
    return parts


def _points(measured: Reliability) -> list[str]:
    parts = []
    for one in measured.bins:
        x = _x(one.said)
        low, high = (_y(end) for end in wilson(one.right, one.n))
        parts.append(f'<line x1="{x}" y1="{low}" x2="{x}" y2="{high}" stroke="#1f6fb4" stroke-width="1.5"/>')
        parts.append(f'<circle cx="{x}" cy="{_y(one.observed)}" r="4" fill="#1f6fb4"/>')
    return parts


def _counts(measured: Reliability) -> list[str]:
    fullest = max((one.n for one in measured.bins), default=1)
    bottom, width = HEIGHT - 38, _SIDE / BINS
    parts = []
    for one in measured.bins:
        height = round(_BARS * one.n / fullest, 1)
        left, top = _x(one.low) + 1, round(bottom - height, 1)
        parts.append(f'<rect x="{left:.1f}" y="{top}" width="{width - 2:.1f}" height="{height}" fill="#b9cfe4"/>')
    return parts
