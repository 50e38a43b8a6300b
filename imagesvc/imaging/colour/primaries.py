"""Matrices between the primaries of colour spaces."""

from __future__ import annotations

from collections.abc import Sequence

from imagesvc.imaging.containers.cicp import SRGB, Chromaticities

Vector = Sequence[float]
Matrix = Sequence[Vector]

BRADFORD: Matrix = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)
"""From XYZ to cones (ICC.1:2022, annex E)."""


def to_srgb(primaries: Chromaticities) -> Matrix:
    """From light of some primaries to that of sRGB, white to white."""
    cones, wanted = (_times(BRADFORD, _white(it)) for it in (primaries, SRGB))
    factors = [to / of for of, to in zip(cones, wanted, strict=True)]
    stretched = [[by * it for it in row] for by, row in zip(factors, BRADFORD, strict=True)]
    adapted = _product(_inverse(BRADFORD), stretched)
    return _product(_inverse(to_xyz(SRGB)), _product(adapted, to_xyz(primaries)))


def to_xyz(primaries: Chromaticities) -> Matrix:
    """From light of some primaries to XYZ, with a Y of 1 for their white (SMPTE RP 177)."""
    columns = list(zip(*primaries[:3], strict=True))
    shares = _times(_inverse(columns), _white(primaries))
    return [[it * share for it, share in zip(row, shares, strict=True)] for row in columns]


def _white(primaries: Chromaticities) -> Vector:
    x, y, z = primaries[3]
    return x / y, 1.0, z / y


def _inverse(matrix: Matrix) -> Matrix:
    """Of three rows and columns, by cofactors."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    cofactors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    whole = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0]
    return [[it / whole for it in row] for row in cofactors]


def _times(matrix: Matrix, vector: Vector) -> Vector:
    return [sum(it * by for it, by in zip(row, vector, strict=True)) for row in matrix]


def _product(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    return [_times(columns, row) for row in left]
