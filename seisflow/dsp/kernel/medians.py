"""The middle of many rows over some of their columns, compiled.

NumPy would gather all rows first and partition them after. Here each row is gathered into the
cache and the middle is found by halving, with counts at the width of the vector registers: less
than half of the time. One thread; the interpreter lock is released.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.dsp.compiling import call, compiled
from seisflow.dsp.kernel.pairs import FloatMatrix

__all__ = ["Middle", "find_middle", "middle_two"]

CHUNK = 32
"""So many numbers are looked at together for whether any lies in a range."""

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
    found = find_middle(matrix, columns, 0.0, 0)
    return found.lower, found.upper


@dataclass(frozen=True, eq=False, slots=True)
class Middle:
    """The middle two of n rows, and the entries near them.

    Parameters
    ----------
    lower, upper : ndarray of float64, shape (n,)
        The middle two.
    n_below, n_near : ndarray of int64, shape (n,)
        How many entries lie below the near ones, and how many are near.
    near : ndarray of int64, shape (n, most)
        Columns of the near ones, `n_near` of each row where that is `most` or fewer.
    """

    lower: Vector
    upper: Vector
    n_below: Indices
    n_near: Indices
    near: Indices


def find_middle(matrix: FloatMatrix, columns: Indices, margin: float, most: int) -> Middle:
    """Find the middle two of each row over some columns, and the entries near them.

    Parameters
    ----------
    matrix, columns
        As `middle_two` takes them.
    margin : float
        Near is what lies at or above the lower one less so much, and below the upper one plus so
        much.
    most : int
        Of a row with more of them the columns are not kept.

    Returns
    -------
    Middle
        Its arrays are new.
    """
    n = len(matrix)
    n_below, n_near = np.empty((2, n), np.int64)
    found = Middle(np.empty(n), np.empty(n), n_below, n_near, np.empty((n, most), np.int64))
    near = found.n_below, found.n_near, found.near
    call(_middle_two, matrix, columns, (found.lower, found.upper), matrix.dtype.type(margin), near)
    return found


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
    guess, step = low + (top - low) * number(0.5), 0
    while until - below > FEW:
        if guess <= low or guess >= high:
            guess = low + (high - low) * number(0.5)
            if guess <= low or guess >= high:
                break  # equal numbers
        count = _count_below(numbers, guess)
        if count <= first:
            low, below = guess, count
        elif count > second:
            high, until = guess, count
        else:
            break  # the middle two lie on either side
        step += 1
        guess = low + (high - low) * number(0.5)
        if step % 3:  # by the ranks, a few past the middle two on the side that has more
            beyond = FEW // 3 if until - second > first - below else -FEW // 3
            share = (first + beyond - below) / (until - below)
            guess = low + (high - low) * number(share)
    return low, high, below


@compiled(no_nan=True)
def _gather(row, columns, numbers):  # type: ignore[no-untyped-def]
    for i in range(columns.size):
        numbers[i] = row[columns[i]]


@compiled(no_nan=True)
def _within(numbers, low, high, places):  # type: ignore[no-untyped-def]
    """Write the places of the numbers in [low, high), and return how many there are."""
    n_found = np.int64(0)
    for start in range(0, numbers.size, CHUNK):
        stop = min(start + CHUNK, numbers.size)
        if _count_within(numbers[start:stop], low, high):
            for i in range(start, stop):
                places[n_found] = i
                n_found += np.int64((numbers[i] >= low) & (numbers[i] < high))
    return n_found


@compiled(no_nan=True)
def _count_within(numbers, low, high):  # type: ignore[no-untyped-def]
    count = np.int32(0)
    for i in range(numbers.size):
        count += np.int32((numbers[i] >= low) & (numbers[i] < high))
    return count


@compiled(no_nan=True)
def _sort(numbers):  # type: ignore[no-untyped-def]
    for i in range(1, numbers.size):
        number, place = numbers[i], i
        while place > 0 and numbers[place - 1] > number:
            numbers[place] = numbers[place - 1]
            place -= 1
        numbers[place] = number


@compiled(no_nan=True)
def _middle_two(matrix, columns, middle, margin, near):  # type: ignore[no-untyped-def]
    numbers = np.empty(columns.size, matrix.dtype)
    picked = np.empty(columns.size, matrix.dtype)
    places = np.empty(columns.size + 1, np.int64)
    first, second = (columns.size - 1) // 2, columns.size // 2
    for row in range(len(matrix)):
        _gather(matrix[row], columns, numbers)
        low, high, below = _bracket(numbers, first, second)
        n_picked = _within(numbers, low, high, places)
        for i in range(n_picked):
            picked[i] = numbers[places[i]]
        _sort(picked[:n_picked])
        lower, upper = picked[first - below], picked[second - below]
        middle[0][row], middle[1][row] = lower, upper
        if near[2].shape[1]:
            until = upper + margin
            if lower - margin < low or until > high:
                n_picked = _within(numbers, lower - margin, until, places)
            _keep_near(numbers, lower - margin, until, places[:n_picked], columns, near, row)


@compiled(no_nan=True)
def _keep_near(numbers, low, high, places, columns, near, row):  # type: ignore[no-untyped-def]
    n_below, n_near, kept = near
    n = 0
    for i in places:
        if low <= numbers[i] < high:
            if n < kept.shape[1]:
                kept[row, n] = columns[i]
            n += 1
    n_near[row] = n
    n_below[row] = _count_below(numbers, low)
