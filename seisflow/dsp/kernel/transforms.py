"""Small inverse Fourier transforms, written out for any kind of number.

A transform is a function from a list of complex points to a list of complex points that does
nothing but add, multiply and fuse. Given numbers it computes; given values of a compiler
(`seisflow.dsp.kernel.registers`) it writes the code of the transform.

Convention: ``X[n] = sum_k x[k] exp(+2 pi i k n / N)``, not divided by N.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin, sqrt
from typing import Generic, Protocol, Self, TypeVar

__all__ = ["RADICES", "Point", "Real", "inverse_dft", "times"]

_FACTORS = {
    4: (2, 2), 6: (3, 2), 8: (4, 2), 9: (3, 3), 10: (5, 2), 12: (4, 3), 15: (5, 3), 16: (4, 4),
}  # fmt: skip

RADICES = (1, 2, 3, 5, *_FACTORS)
"""Numbers of points there is a transform for."""


class Real(Protocol):
    """What a real number must be able to do."""

    def __add__(self, other: Self, /) -> Self: ...

    def __sub__(self, other: Self, /) -> Self: ...

    def __neg__(self) -> Self: ...

    def __mul__(self, other: Self | float, /) -> Self: ...

    def fused(self, factor: Self | float, addend: Self, /) -> Self:
        """Return ``self * factor + addend``, rounded once."""
        ...


T = TypeVar("T", bound=Real)


@dataclass(frozen=True, slots=True)
class Point(Generic[T]):
    """A complex number."""

    re: T
    im: T

    def __add__(self, other: "Point[T]") -> "Point[T]":
        return Point(self.re + other.re, self.im + other.im)

    def __sub__(self, other: "Point[T]") -> "Point[T]":
        return Point(self.re - other.re, self.im - other.im)


def times(x: Point[T], re: T | float, im: T | float) -> Point[T]:
    """Multiply by ``re + i im``."""
    return Point(x.re.fused(re, -(x.im * im)), x.re.fused(im, x.im * re))


def inverse_dft(x: Sequence[Point[T]]) -> list[Point[T]]:
    """Transform a list of points; their number is one of `RADICES`.

    Composite numbers are split as Cooley and Tukey did, with the turns written in.
    """
    n = len(x)
    if n in _PRIME:
        return _PRIME[n](x)
    rows, columns = _FACTORS[n]
    inner = [inverse_dft(x[c::columns]) for c in range(columns)]
    result = list(x)
    for q in range(rows):
        turned = [_turned(inner[c][q], c * q, n) for c in range(columns)]
        result[q::rows] = inverse_dft(turned)
    return result


def _turned(x: Point[T], k: int, n: int) -> Point[T]:
    """Multiply by ``exp(2 pi i k / n)``; eighths of a turn without general products."""
    eighths, rest = divmod(8 * (k % n), n)
    if rest:
        return times(x, cos(2 * pi * k / n), sin(2 * pi * k / n))
    for _ in range(eighths // 2):
        x = Point(-x.im, x.re)
    if eighths % 2:
        x = Point((x.re - x.im) * sqrt(0.5), (x.re + x.im) * sqrt(0.5))
    return x


def _one(x: Sequence[Point[T]]) -> list[Point[T]]:
    return list(x)


def _two(x: Sequence[Point[T]]) -> list[Point[T]]:
    return [x[0] + x[1], x[0] - x[1]]


def _three(x: Sequence[Point[T]]) -> list[Point[T]]:
    total, half = x[1] + x[2], x[1] - x[2]
    middle = _plus(x[0], total, -0.5)
    return [x[0] + total, *_either_side(middle, half, sqrt(0.75))]


def _five(x: Sequence[Point[T]]) -> list[Point[T]]:
    a, b, c, d = x[1] + x[4], x[2] + x[3], x[1] - x[4], x[2] - x[3]
    c1, c2, s1, s2 = cos(0.4 * pi), cos(0.8 * pi), sin(0.4 * pi), sin(0.8 * pi)
    first, fourth = _either_side(
        _plus(_plus(x[0], b, c2), a, c1), _plus(_scaled(d, s2), c, s1), 1.0
    )
    second, third = _either_side(
        _plus(_plus(x[0], b, c1), a, c2), _plus(_scaled(d, -s1), c, s2), 1.0
    )
    return [x[0] + a + b, first, second, third, fourth]


_PRIME = {1: _one, 2: _two, 3: _three, 5: _five}


def _scaled(x: Point[T], factor: float) -> Point[T]:
    return Point(x.re * factor, x.im * factor)


def _plus(x: Point[T], y: Point[T], factor: float) -> Point[T]:
    """Return ``x + factor y``."""
    return Point(y.re.fused(factor, x.re), y.im.fused(factor, x.im))


def _either_side(x: Point[T], y: Point[T], factor: float) -> list[Point[T]]:
    """Return ``x + i factor y`` and ``x - i factor y``."""
    return [
        Point(y.im.fused(-factor, x.re), y.re.fused(factor, x.im)),
        Point(y.im.fused(factor, x.re), y.re.fused(-factor, x.im)),
    ]
