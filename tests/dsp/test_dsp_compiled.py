"""The short transforms and the compiled loops, against NumPy."""

from dataclasses import dataclass

import numba
import numpy as np
import pytest

from seisflow.dsp.compiling import call, compiled
from seisflow.dsp.kernel.medians import find_middle, middle_two
from seisflow.dsp.kernel.transforms import RADICES, Point, inverse_dft, times
from seisflow.dsp.linear import filtered, solved
from seisflow.dsp.neighbours import count_neighbours, near_an_edge


@dataclass
class Number:
    """An array that can do what a transform asks of a number."""

    x: np.ndarray

    def __add__(self, other: "Number") -> "Number":
        return Number(self.x + other.x)

    def __sub__(self, other: "Number") -> "Number":
        return Number(self.x - other.x)

    def __neg__(self) -> "Number":
        return Number(-self.x)

    def __mul__(self, other: "Number | float") -> "Number":
        return Number(self.x * (other.x if isinstance(other, Number) else other))

    def fused(self, factor: "Number | float", addend: "Number") -> "Number":
        return self * factor + addend


def as_points(values: np.ndarray) -> list[Point[Number]]:
    return [Point(Number(v.real), Number(v.imag)) for v in values]


@pytest.mark.parametrize("radix", RADICES)
def test_a_short_transform_equals_numpy(radix: int) -> None:
    parts = np.random.default_rng(radix).standard_normal((2, radix, 50))
    values = parts[0] + 1j * parts[1]
    found = np.array([p.re.x + 1j * p.im.x for p in inverse_dft(as_points(values))])
    np.testing.assert_allclose(found, np.fft.ifft(values, axis=0) * radix, rtol=0, atol=1e-13)


def test_a_product_equals_numpy() -> None:
    values = np.random.default_rng(0).standard_normal((3, 2)) @ [1, 1j]
    (product,) = (times(p, -0.3, 1.7) for p in as_points(values[np.newaxis]))
    np.testing.assert_allclose(product.re.x + 1j * product.im.x, values * (-0.3 + 1.7j))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_columns", [1, 2, 3, 24, 25, 26, 27, 100, 399, 400])
@pytest.mark.parametrize("kind", ["noise", "few values", "all equal", "sorted", "one huge"])
def test_middle_two_equals_a_sort(n_columns: int, kind: str, dtype: type[np.floating]) -> None:
    rng = np.random.default_rng(n_columns)
    matrix = {
        "noise": lambda: rng.standard_normal((20, 400)),
        "few values": lambda: rng.integers(0, 3, (20, 400)),
        "all equal": lambda: np.full((20, 400), 0.25),
        "sorted": lambda: np.sort(rng.random((20, 400)), axis=1),
        "one huge": lambda: np.where(np.arange(400) == 7, 1e30, rng.random((20, 400))),
    }[kind]().astype(dtype)
    columns = rng.permutation(400)[:n_columns]
    expected = np.sort(matrix[:, columns], axis=1)
    lower, upper = middle_two(matrix, columns)
    np.testing.assert_array_equal(lower, expected[:, (n_columns - 1) // 2])
    np.testing.assert_array_equal(upper, expected[:, n_columns // 2])


@pytest.mark.parametrize("margin", [1e-9, 0.01, 0.1, 2.0])
def test_what_is_near_the_middle_is_found(margin: float) -> None:
    rng = np.random.default_rng(1)
    matrix = rng.random((30, 200))
    matrix[4, :150] = 0.5  # more than are kept
    columns = np.sort(rng.permutation(200)[:120])
    found = find_middle(matrix, columns, margin, 40)
    for row, numbers in enumerate(matrix[:, columns]):
        low, high = found.lower[row] - margin, found.upper[row] + margin
        near = columns[(numbers >= low) & (numbers < high)]
        assert found.n_below[row] == (numbers < low).sum()
        assert found.n_near[row] == near.size
        if near.size <= 40:
            assert list(found.near[row, : near.size]) == list(near)
    assert found.n_near[4] > 40


def test_neighbours_are_counted_to_the_edge() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 12, (2, 300)) / 4  # so that many lie on an edge exactly
    near_x = np.abs(x - x[:, np.newaxis]) <= 0.5
    away = np.abs(y - y[:, np.newaxis])
    np.testing.assert_array_equal(
        count_neighbours(x, y, 0.5, 0.75), (near_x & (away <= 0.75)).sum(axis=1)
    )


def test_points_near_an_edge_are_found() -> None:
    x = np.array([0.0, 0.0, 0.0, 5.0])
    y = np.array([0.0, 1.0 + 1e-7, 0.4, 1.0])
    found = near_an_edge(x, y, 0.5, 1.0, 1e-6)
    np.testing.assert_array_equal(found, [True, True, False, False])
    assert not near_an_edge(x, y, 0.5, 1.0, 1e-8).any()


def test_loops_compile_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    njit = numba.njit

    def refusing(**options: object) -> object:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", refusing)
    twice = compiled()(lambda x: 2 * x)
    assert twice(21) == 42


def test_a_full_disk_does_not_stop_what_was_compiled() -> None:
    attempts = []

    def compiles_two_functions(x: int) -> int:
        attempts.append(x)
        if len(attempts) <= 2:
            raise OSError("no space left on device")
        return 2 * x

    assert call(compiles_two_functions, 21) == 42

    def never() -> None:
        raise OSError("no such device")

    with pytest.raises(OSError, match="no such device"):
        call(never)


def test_a_system_is_solved_as_numpy_solves_it() -> None:
    rng = np.random.default_rng(0)
    half = rng.standard_normal((9, 20))
    matrix, right = half @ half.T, rng.standard_normal((9, 3))
    before = matrix.copy()
    np.testing.assert_allclose(solved(matrix, right), np.linalg.solve(matrix, right), rtol=1e-10)
    np.testing.assert_array_equal(matrix, before)
    assert np.isnan(solved(-np.eye(2), np.ones((2, 1)))).all()


@pytest.mark.parametrize("n_samples", [3, 17, 4096, 4097, 9000])
def test_a_record_is_filtered_as_numpy_filters_it(n_samples: int) -> None:
    samples, taps = np.random.default_rng(1).standard_normal((2, n_samples)).astype(np.float32)
    taps = taps[:17]
    expected = np.convolve(samples.astype(np.float64), taps)[:n_samples]
    np.testing.assert_allclose(filtered(samples, taps), expected, atol=1e-4)
