"""The maximum of the correlations of one window with many: the compiled kernel.

Of each pair the product of two spectra is transformed back and only the largest magnitude among
the wanted lags is kept. What makes it fast:

- every lane of a vector register works on another pair, so a transform is straight arithmetic on
  vectors and nothing is shuffled;
- two pairs share one complex transform: the correlations are real, so one is made to come out in
  the real part and the other in the imaginary part;
- a transform is three passes of short ones (`seisflow.dsp.kernel.transforms`); the product is
  formed in the first, the maximum taken in the last, so spectra stay in the cache and lags are
  never stored;
- a transform of L + max_lag points is exact, and lags that nobody wants are not computed.

The route is that of PERFORMANCE section 1. Invariant: which windows share a transform, and in
what order numbers are added, depends on the order of the windows alone, not on the processor's
vectors or on threads.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import prod
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from seisflow.dsp.kernel.registers import Memory, lanes_of
from seisflow.dsp.kernel.transforms import RADICES, Point, inverse_dft, times

__all__ = ["LONGEST_TRANSFORM", "PairKernel", "Plan", "plan_transform"]

LONGEST_TRANSFORM = 16**3
"""Most points of a transform in three passes."""

PASS_COST = 14.0
"""Price of one load and store of a point, in vector operations: a guess with which the plan chosen
was within a tenth of the fastest of 40 for windows of 100, 200, 400 and 500 samples."""

ALIGNMENT_BYTES = 64

WINDOWS_AT_ONCE = 64
"""Windows transformed by one call."""

Radices = tuple[int, int, int]
FloatMatrix = npt.NDArray[np.float32] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """How pairs are transformed.

    Parameters
    ----------
    radices : tuple of int
        Points of the short transforms of the first, the middle and the last pass; their product
        is the number of points of the whole.
    max_lag_samples : int
        Largest lag wanted, on either side.
    dtype : str
        float32 or float64.
    n_lanes : int
        Numbers in a vector.
    """

    radices: Radices
    max_lag_samples: int
    dtype: str
    n_lanes: int

    @property
    def n_fft(self) -> int:
        """Points of the whole transform."""
        return prod(self.radices)

    @property
    def row_points(self) -> int:
        """Points from row to row of the work space.

        One more than a row has, or rows would compete for the same lines of the cache.
        """
        return self.n_fft // self.radices[0] + 1

    def wanted_outputs(self) -> list[tuple[int, tuple[int, ...]]]:
        """Say which outputs of the last pass are wanted lags.

        Output s of the butterfly at u is sample ``u + s n_fft / last`` of the inverse transform.

        Returns
        -------
        list of (int, tuple of int)
            Three ranges of u, one after the other: where each stops, and the outputs wanted in it.
        """
        last, lag = self.radices[2], self.max_lag_samples
        size = self.n_fft // last
        bounds = sorted({(lag + 1) % size, -lag % size} - {0})
        stops = [*bounds, size, size, size][:3]
        first = [min(start, size - 1) for start in (0, *stops[:2])]
        return [
            (stop, tuple(s for s in range(last) if self._is_wanted(u + s * size)))
            for u, stop in zip(first, stops, strict=True)
        ]

    def _is_wanted(self, sample: int) -> bool:
        return sample <= self.max_lag_samples or sample >= self.n_fft - self.max_lag_samples


@cache
def plan_transform(n_samples: int, max_lag_samples: int, dtype: str) -> Plan | None:
    """Choose the cheapest plan for windows of so many samples.

    Parameters
    ----------
    n_samples : int
        Samples in a window.
    max_lag_samples : int
        Largest lag.
    dtype : str
        float32 or float64.

    Returns
    -------
    Plan or None
        None if the transform is longer than `LONGEST_TRANSFORM`.
    """
    shortest = n_samples + max_lag_samples
    choices: Iterator[Radices] = product(sorted(RADICES), sorted(RADICES), sorted(RADICES))
    best = min((r for r in choices if prod(r) >= shortest), key=_cost, default=None)
    return None if best is None else Plan(best, max_lag_samples, dtype, lanes_of(dtype))


def _cost(radices: Radices) -> float:
    turns = sum(4 * (radix - 1) / radix for radix in radices[:2])
    return prod(radices) * (turns + sum(_cost_of_pass(radix) for radix in radices))


@cache
def _cost_of_pass(radix: int) -> float:
    return 0.0 if radix == 1 else _count_operations(radix) / radix + PASS_COST


class PairKernel:
    """Correlates blocks of windows with one window after the other.

    Parameters
    ----------
    plan : Plan
        What `plan_transform` chose.
    unit : ndarray, shape (n_windows, L)
        Windows of unit energy, in the type of the plan.

    Notes
    -----
    Spectra of all windows are held: 8 bytes (16 in float64) for each point. A kernel has work
    space of its own; use one in each thread. The interpreter lock is released while it runs.
    """

    def __init__(self, plan: Plan, unit: FloatMatrix) -> None:
        self._plan = plan
        self._dtype = np.dtype(plan.dtype)
        self._spectra = _spectra(unit, plan.n_fft)
        self._correlate = _compiled(plan)
        first = plan.radices[0]
        self._block = _aligned((first, plan.row_points, 2, plan.n_lanes), self._dtype)
        self._work = _aligned(self._block.shape, self._dtype)
        self._best = _aligned((2, plan.n_lanes), self._dtype)

    @property
    def block_size(self) -> int:
        """Windows in a block."""
        return 2 * self._plan.n_lanes

    def correlate(self, block: npt.NDArray[np.int64], n_windows: int, out: FloatMatrix) -> None:
        """Correlate the first `n_windows` windows with those of a block.

        Parameters
        ----------
        block : ndarray of int64, shape (m,)
            Indices of windows, no more than `block_size`.
        n_windows : int
            Windows to correlate them with, from the first one on.
        out : ndarray, shape (n_windows or more, block_size)
            Is given the maxima in its first m columns, and zeros in the others.
        """
        self._fill(block)
        spectra = self._spectra.view(self._dtype)[:n_windows]
        buffers = (self._block, self._work, self._best)
        self._correlate(spectra, buffers, _turns(self._plan), out)

    def _fill(self, block: npt.NDArray[np.int64]) -> None:
        """Lay out ``conj(F[2m]) + i conj(F[2m + 1])`` for lane m, over n_fft."""
        plan = self._plan
        spectra = np.zeros((self.block_size, plan.n_fft), self._spectra.dtype)
        spectra[: block.size] = self._spectra[block]
        spectra /= plan.n_fft
        even, odd = spectra[0::2], spectra[1::2]
        rows = (plan.radices[0], -1, plan.n_lanes)
        self._block[:, :-1, 0] = (even.real + odd.imag).T.reshape(rows)
        self._block[:, :-1, 1] = (odd.real - even.imag).T.reshape(rows)


def _spectra(unit: FloatMatrix, n_fft: int) -> npt.NDArray[np.complexfloating]:
    """Transform the windows, a few at a time: NumPy would copy them all first."""
    kind = np.complex64 if unit.dtype == np.float32 else np.complex128
    spectra = np.empty((len(unit), n_fft), kind)
    for start in range(0, len(unit), WINDOWS_AT_ONCE):
        some = slice(start, start + WINDOWS_AT_ONCE)
        np.fft.fft(unit[some], n_fft, axis=1, out=spectra[some])
    return spectra


def _aligned(shape: tuple[int, ...], dtype: np.dtype[np.floating]) -> FloatMatrix:
    """Return zeros that begin on the boundary of a vector."""
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(n_bytes + ALIGNMENT_BYTES, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT_BYTES
    aligned: FloatMatrix = memory[start : start + n_bytes].view(dtype).reshape(shape)
    return aligned


@cache
def _turns(plan: Plan) -> tuple[FloatMatrix, FloatMatrix]:
    """Return the factors after the first and after the middle pass, for column and output."""
    first, middle, last = plan.radices

    def table(n_columns: int, n_outputs: int, n_points: int) -> FloatMatrix:
        steps = np.outer(np.arange(n_columns), np.arange(n_outputs))
        factors = np.exp(2j * np.pi * steps / n_points)
        return np.stack([factors.real, factors.imag], axis=-1).astype(plan.dtype)

    return table(middle * last, first, plan.n_fft), table(last, middle, middle * last)


Write = Callable[..., None]


def _instructions(plan: Plan, write: Write) -> Any:
    """Make a function for compiled code whose instructions `write` emits in its place.

    It takes four addresses or indices as integers of 64 bits (numba wants their number fixed; those
    that a pass has no use for are 0) and returns nothing.
    """

    @intrinsic
    def written(_: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, _: Any, values: Any) -> Any:
            write(Memory(builder, np.dtype(plan.dtype), plan.n_lanes), *values)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4), generate

    return written


def _first_pass(plan: Plan) -> Any:
    """Multiply a column of the left spectrum with the block's, transform, turn."""
    n_rows, row = plan.radices[0], plan.n_fft // plan.radices[0]

    def write(m: Memory, left: ir.Value, block: ir.Value, work: ir.Value, turns: ir.Value) -> None:
        column = [
            times(
                m.load_point(block, r * plan.row_points),
                m.spread(left, 2 * r * row),
                m.spread(left, 2 * r * row + 1),
            )
            for r in range(n_rows)
        ]
        for q, point in enumerate(inverse_dft(column)):
            factor = m.spread(turns, 2 * q), m.spread(turns, 2 * q + 1)
            m.store_point(work, q * plan.row_points, times(point, *factor) if q else point)

    return _instructions(plan, write)


def _middle_pass(plan: Plan) -> Any:
    """Transform a column of a row, in its place, and turn."""
    _, n_outputs, stride = plan.radices

    def write(m: Memory, row: ir.Value, turns: ir.Value, *_: ir.Value) -> None:
        column = [m.load_point(row, r * stride) for r in range(n_outputs)]
        for q, point in enumerate(inverse_dft(column)):
            factor = m.spread(turns, 2 * q), m.spread(turns, 2 * q + 1)
            m.store_point(row, q * stride, times(point, *factor) if q else point)

    return _instructions(plan, write)


def _last_pass(plan: Plan, outputs: tuple[int, ...]) -> Any:
    """Transform neighbours in a row and keep the maxima of these outputs."""

    def write(m: Memory, row: ir.Value, best: ir.Value, *_: ir.Value) -> None:
        lags = inverse_dft([m.load_point(row, c) for c in range(plan.radices[2])])
        found = m.load_point(best, 0)
        for output in outputs:
            found = Point(
                lags[output].re.larger_magnitude(found.re),
                lags[output].im.larger_magnitude(found.im),
            )
        m.store_point(best, 0, found)

    return _instructions(plan, write)


def _hand_over(plan: Plan) -> Any:
    """Write the maxima in the order of the windows."""

    def write(m: Memory, best: ir.Value, out: ir.Value, *_: ir.Value) -> None:
        found = m.load_point(best, 0)
        m.store(out, 0, found.re.interleaved(found.im), aligned=False)

    return _instructions(plan, write)


@cache
def _compiled(plan: Plan) -> Any:
    """Compile the kernel of a plan: half a second, once in a process."""
    first_pass, middle_pass, hand_over = _first_pass(plan), _middle_pass(plan), _hand_over(plan)
    (early, early_outputs), (late, outputs), (_, late_outputs) = plan.wanted_outputs()
    last_pass, last_early = _last_pass(plan, outputs), _last_pass(plan, early_outputs)
    last_late = _last_pass(plan, late_outputs)
    n_rows, n_middle, n_last = plan.radices
    row, n_bytes = n_middle * n_last, np.dtype(plan.dtype).itemsize
    point_bytes = 2 * plan.n_lanes * n_bytes

    @numba.njit(nogil=True)
    def correlate(left, buffers, turns, out):  # type: ignore[no-untyped-def]
        (block, work, best), (first_turns, middle_turns) = buffers, turns
        for window in range(len(left)):
            spectrum = left.ctypes.data + window * left.strides[0]
            for c in range(row):
                offset = c * point_bytes
                first_pass(
                    spectrum + c * 2 * n_bytes,
                    block.ctypes.data + offset,
                    work.ctypes.data + offset,
                    first_turns.ctypes.data + c * 2 * n_rows * n_bytes,
                )
            best[:] = 0
            for q in range(n_rows):
                start = work.ctypes.data + q * (row + 1) * point_bytes
                if n_middle > 1:
                    for c in range(n_last):
                        factors = middle_turns.ctypes.data + c * 2 * n_middle * n_bytes
                        middle_pass(start + c * point_bytes, factors, 0, 0)
                for p in range(n_middle):
                    place, u = start + p * n_last * point_bytes, q + n_rows * p
                    if u < early:
                        last_early(place, best.ctypes.data, 0, 0)
                    elif u < late:
                        last_pass(place, best.ctypes.data, 0, 0)
                    else:
                        last_late(place, best.ctypes.data, 0, 0)
            hand_over(best.ctypes.data, out.ctypes.data + window * out.strides[0], 0, 0)

    return correlate


class _Counter:
    """A number that counts what is done with it and its like."""

    def __init__(self, count: list[int]) -> None:
        self.count = count

    def _done(self, *_: object) -> "_Counter":
        self.count[0] += 1
        return self

    __add__ = __sub__ = __mul__ = fused = _done

    def __neg__(self) -> "_Counter":
        return self  # becomes part of the next operation


def _count_operations(radix: int) -> int:
    """Count the vector operations of a short transform."""
    count = [0]
    inverse_dft([Point(_Counter(count), _Counter(count)) for _ in range(radix)])
    return count[0]
