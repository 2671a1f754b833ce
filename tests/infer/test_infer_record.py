"""Which windows stand for a second, to the sample: beside holes, and of records read slower."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisflow.archive.blocks import Record
from seisflow.stages.infer.record import LEAD_S, classify_seconds, margins_s

RATE, HALO, N_SECONDS = 20, 7, 6


@dataclass
class Counting:
    """In place of a network: says of each window where it begins."""

    time_scale: int
    halo_samples: int = HALO
    n_classes: int = 3

    @property
    def step_samples(self) -> int:
        return RATE // self.time_scale

    @property
    def window_samples(self) -> int:
        return 4 * self.step_samples

    def probabilities(self, samples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        n, rest = divmod(samples.size - self.window_samples - 2 * HALO, self.step_samples)
        assert rest == 0
        begins = samples[HALO :: self.step_samples][: n + 1]
        return np.stack([begins, begins, begins], axis=1).astype(np.float32)


@pytest.mark.parametrize("scale", [1, 2, 5])
@given(holes=st.lists(st.integers(0, 10**9), max_size=3))
def test_a_second_has_all_its_windows_or_no_data(scale: int, holes: list[int]) -> None:
    scorer = cast(Any, Counting(scale))
    step, window = scorer.step_samples, scorer.window_samples
    before, behind = margins_s(scorer, RATE)
    n_samples = (before + N_SECONDS + behind) * RATE
    filled = np.ones(n_samples, dtype=np.bool_)
    filled[[hole % n_samples for hole in holes]] = False
    coverage = np.ones(n_samples // RATE, dtype=np.float32)
    found = classify_seconds(scorer, Record(np.arange(n_samples), filled, coverage), RATE)
    for second in range(N_SECONDS):
        begins = (before + second) * RATE + (np.arange(scale) - LEAD_S) * step
        ready = all(filled[b - HALO : b + window + HALO].all() for b in begins)
        expected = begins[-1] if ready else np.nan  # it counts up: the last is the likeliest
        np.testing.assert_array_equal(found[second], expected)
