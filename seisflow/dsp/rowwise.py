"""The middle of many rows over some of their columns, compiled.

NumPy would gather all rows first and partition them after. Here each row is gathered into the
cache and the middle is found by halving, with counts at the width of the vector registers: less
than half of the time. One thread; the interpreter lock is released.
"""

import numpy as np
import numpy.typing as npt

from seisflow.dsp.compiling import call, compiled
from seisflow.dsp.pair_kernel import FloatMatrix

__all__ = ["middle_two", "near_middle"]

FEW = 24
"""So many numbers are sorted rather than halved again."""

Vector = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def middle_two(matrix: FloatMatrix, columns: Indices) -> tuple[Vector, Vector]:
    """Find the middle two of each row, over some columns.

    Parameters
    ----------
    matrix : ndarray of float32 or float64, shape (n, m)
        Finite numbers; a NaN would give nonsense.
    columns : ndarray of int64, shape (k,)
        Indices of columns, at least one.

    Returns
    -------
    tuple of ndarray of float64, shape (n,)
        The lower and the upper one of the two, whose mean is the median; where k is odd they are
        the same number.
    """
    lower, upper = np.empty(len(matrix)), np.empty(len(matrix))
    call(_middle_two, matrix, columns, lower, upper)
    return lower, upper


def near_middle(
    matrix: FloatMatrix,
    columns: Indices,
    rows: Indices,
    low: Vector,
    high: Vector,
    most: int,
) -> tuple[Indices, Indices, Indices]:
    """Find the entries of some rows that lie between two bounds of each.

    Parameters
    ----------
    matrix, columns
        As `middle_two` takes them.
    rows : ndarray of int64, shape (r,)
        Indices of rows.
    low, high : ndarray of float64, shape (r,)
        Bounds, taken to the type of the matrix; both belong to the range.
    most : int
        A row with more entries in its range gives none.

    Returns
    -------
    ndarray of int64, shape (r,)
        How many entries lie below the range.
    ndarray of int64, shape (found,)
        Of each entry in a range the place of its row in `rows`, ascending.
    ndarray of int64, shape (found,)
        Its column in the matrix.
    """
    n_below = np.empty(rows.size, np.int64)
    owner, column = np.empty((2, rows.size * most), np.int64)
    bounds = low.astype(matrix.dtype), high.astype(matrix.dtype)
    n = call(_near_middle, matrix, columns, rows, bounds, most, (n_below, owner, column))
    return n_below, owner[:n], column[:n]


@compiled(no_nan=True)
def _count_below(numbers, bound):  # type: ignore[no-untyped-def]
    count = np.int32(0)  # 32 bits: as many lanes as the numbers have
    for i in range(numbers.size):
        count += np.int32(numbers[i] < bound)
    return count


@compiled(no_nan=True)
def _extremes(numbers):  # type: ignore[no-untyped-def]
    low, high = numbers[0], numbers[0]
    for i in range(numbers.size):  # not min(): its rules for NaN keep a loop from being vectorised
        low = numbers[i] if numbers[i] < low else low
        high = numbers[i] if numbers[i] > high else high
    return low, high


@compiled(no_nan=True)
def _bracket(numbers, first, second):  # type: ignore[no-untyped-def]
    """Find low, high and the count below low: both ranks lie in [low, high), with few others."""
    number = numbers.dtype.type
    low, top = _extremes(numbers)
    high = number(top + (top - low) + number(1))
    below, until = 0, numbers.size
    while until - below > FEW:
        middle = number(low + (high - low) * number(0.5))
        if middle <= low or middle >= high:
            break  # equal numbers
        count = _count_below(numbers, middle)
        if count <= first:
            low, below = middle, count
        elif count > second:
            high, until = middle, count
        else:
            break  # the middle two lie on either side
    return low, high, below


@compiled(no_nan=True)
def _sort(numbers):  # type: ignore[no-untyped-def]
    for i in range(1, numbers.size):
        number, place = numbers[i], i
        while place > 0 and numbers[place - 1] > number:
            numbers[place] = numbers[place - 1]
            place -= 1
        numbers[place] = number


@compiled(no_nan=True)
def _middle_two(matrix, columns, lower, upper):  # type: ignore[no-untyped-def]
    numbers = np.empty(columns.size, matrix.dtype)
    picked = np.empty(columns.size + 1, matrix.dtype)
    first, second = (columns.size - 1) // 2, columns.size // 2
    for row in range(len(matrix)):
        for i in range(columns.size):
            numbers[i] = matrix[row, columns[i]]
        low, high, below = _bracket(numbers, first, second)
        n_picked = np.int64(0)
        for i in range(columns.size):
            picked[n_picked] = numbers[i]
            n_picked += np.int64((numbers[i] >= low) & (numbers[i] < high))
        _sort(picked[:n_picked])
        lower[row] = picked[first - below]
        upper[row] = picked[second - below]


@compiled(no_nan=True)
def _near_middle(matrix, columns, rows, bounds, most, found):  # type: ignore[no-untyped-def]
    n_below, owner, column = found
    numbers = np.empty(columns.size, matrix.dtype)
    near = np.empty(columns.size + 1, np.int64)
    total = 0
    for place in range(rows.size):
        low, high = bounds[0][place], bounds[1][place]
        for i in range(columns.size):
            numbers[i] = matrix[rows[place], columns[i]]
        n_below[place] = _count_below(numbers, low)
        n_near = np.int64(0)
        for i in range(columns.size):
            near[n_near] = i
            n_near += np.int64((numbers[i] >= low) & (numbers[i] <= high))
        if n_near <= most:
            for i in range(n_near):
                owner[total], column[total] = place, columns[near[i]]
                total += 1
    return total
