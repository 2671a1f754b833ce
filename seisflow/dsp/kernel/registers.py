"""Vector registers as numbers, for code that numba compiles.

`Lanes` stands for a value of the compiler LLVM: a vector of floating-point numbers, one lane for
each of many computations that do the same. Arithmetic on it writes instructions. Memory is
addressed by bytes from an integer, as ``array.ctypes.data`` gives it inside compiled functions.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from llvmlite import binding, ir
from numba.core import cgutils

from seisflow.dsp.kernel.transforms import Point

__all__ = ["Lanes", "Memory", "lanes_of"]


def lanes_of(dtype: npt.DTypeLike) -> int:
    """Count the numbers of a type that fit a vector register of this processor."""
    features = binding.get_host_cpu_features()
    sizes = {"avx512f": 64, "avx2": 32}
    n_bytes = max((n for name, n in sizes.items() if features.get(name)), default=16)
    return n_bytes // np.dtype(dtype).itemsize


@dataclass(frozen=True, slots=True)
class Lanes:
    """A vector of numbers in a register; see `seisflow.dsp.kernel.transforms.Real`."""

    builder: ir.IRBuilder
    value: ir.Value

    def __add__(self, other: Self) -> Self:
        return self._new(self.builder.fadd(self.value, other.value))

    def __sub__(self, other: Self) -> Self:
        return self._new(self.builder.fsub(self.value, other.value))

    def __neg__(self) -> Self:
        return self._new(self.builder.fneg(self.value))

    def __mul__(self, other: Self | float) -> Self:
        return self._new(self.builder.fmul(self.value, self._value_of(other)))

    def fused(self, factor: Self | float, addend: Self) -> Self:
        """Return ``self * factor + addend``, rounded once."""
        return self._call("fma", self._value_of(factor), addend.value)

    def larger_magnitude(self, other: Self) -> Self:
        """Return the larger of ``abs(self)`` and `other`, which is not negative."""
        magnitude = self._call("fabs")
        below = self.builder.fcmp_ordered(">", other.value, magnitude.value, flags=("nnan",))
        return self._new(self.builder.select(below, other.value, magnitude.value))

    def where(self, condition: ir.Value, other: Self) -> Self:
        """Return self if the condition, one for all lanes, holds, else `other`."""
        return self._new(self.builder.select(condition, self.value, other.value))

    def interleaved(self, other: Self) -> Self:
        """Return a vector twice as long: self's first, other's first, self's second, ..."""
        n = self.value.type.count
        order = [place for lane in range(n) for place in (lane, n + lane)]
        indices = ir.Constant(ir.VectorType(ir.IntType(32), 2 * n), order)
        return self._new(self.builder.shuffle_vector(self.value, other.value, indices))

    def _new(self, value: ir.Value) -> Self:
        return type(self)(self.builder, value)

    def _value_of(self, number: Self | float) -> ir.Value:
        if isinstance(number, Lanes):
            return number.value
        kind = self.value.type
        return ir.Constant(kind, [number] * kind.count)

    def _call(self, name: str, *more: ir.Value) -> Self:
        kind = self.value.type
        arguments = [self.value, *more]
        full = f"llvm.{name}.v{kind.count}{kind.element.intrinsic_name}"
        signature = ir.FunctionType(kind, [kind] * len(arguments))
        function = cgutils.get_or_insert_function(self.builder.module, signature, full)
        return self._new(self.builder.call(function, arguments))


@dataclass(frozen=True, slots=True)
class Memory:
    """Vectors in memory: how they are loaded and stored.

    Parameters
    ----------
    builder : llvmlite.ir.IRBuilder
        Where the instructions go.
    dtype : numpy.dtype
        float32 or float64.
    n_lanes : int
        Numbers in a vector.
    """

    builder: ir.IRBuilder
    dtype: np.dtype[np.floating]
    n_lanes: int

    def load(self, base: ir.Value, offset: int) -> Lanes:
        """Load a vector `offset` numbers after `base`, which lies on a vector's boundary."""
        return Lanes(self.builder, self._load(base, offset, self._vector, self._vector_bytes))

    def load_point(self, base: ir.Value, index: int) -> Point[Lanes]:
        """Load the complex point with this index: a vector of real, one of imaginary parts."""
        first = 2 * index * self.n_lanes
        return Point(self.load(base, first), self.load(base, first + self.n_lanes))

    def spread(self, base: ir.Value, offset: int) -> Lanes:
        """Load one number into all lanes."""
        number = self._load(base, offset, self._number, self.dtype.itemsize)
        nothing = ir.Constant(self._vector, ir.Undefined)
        vector = self.builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.n_lanes), [0] * self.n_lanes)
        return Lanes(self.builder, self.builder.shuffle_vector(vector, nothing, zeros))

    def store(self, base: ir.Value, offset: int, lanes: Lanes, *, aligned: bool = True) -> None:
        """Store a vector `offset` numbers after `base`."""
        place = self._place(base, offset, lanes.value.type)
        align = self._vector_bytes if aligned else self.dtype.itemsize
        self.builder.store(lanes.value, place, align=align)

    def store_point(self, base: ir.Value, index: int, point: Point[Lanes]) -> None:
        """Store a complex point where `load_point` finds it."""
        first = 2 * index * self.n_lanes
        self.store(base, first, point.re)
        self.store(base, first + self.n_lanes, point.im)

    @property
    def _number(self) -> ir.Type:
        return ir.FloatType() if self.dtype.itemsize == 4 else ir.DoubleType()

    @property
    def _vector(self) -> ir.Type:
        return ir.VectorType(self._number, self.n_lanes)

    @property
    def _vector_bytes(self) -> int:
        return self.n_lanes * self.dtype.itemsize

    def _place(self, base: ir.Value, offset: int, kind: ir.Type) -> ir.Value:
        n_bytes = ir.Constant(ir.IntType(64), offset * self.dtype.itemsize)
        return self.builder.inttoptr(self.builder.add(base, n_bytes), kind.as_pointer())

    def _load(self, base: ir.Value, offset: int, kind: ir.Type, align: int) -> ir.Value:
        return self.builder.load(self._place(base, offset, kind), align=align)
