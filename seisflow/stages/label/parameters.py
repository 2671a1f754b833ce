"""The numbers of the labelling methods, each with its default and its source."""

from dataclasses import dataclass, fields
from typing import ClassVar, Literal

from seisflow.errors import ConfigError

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "CalibratedParameters",
    "Parameters",
    "ReferenceParameters",
]

Rule = tuple[str, str, bool]
"""Name of a number, what it must be, and whether it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Windowing:
    """What the methods share: the window, the filter before it, and the correlation.

    ``METHOD`` is the name of the method, ``FIRST`` are the numbers that most users may want.
    """

    METHOD: ClassVar[str]
    FIRST: ClassVar[tuple[str, ...]] = ()

    window_s: float = 1.0
    highpass_corner_windows: float = 2.0
    highpass_poles: int = 2
    warm_up_s: float = 20.0
    max_lag_fraction: float = 0.5

    @property
    def highpass_corner_hz(self) -> float:
        """Corner of the high-pass, in Hz."""
        return self.highpass_corner_windows / self.window_s

    def max_lag_samples(self, window_samples: int) -> int:
        """Largest lag of the cross-correlations for windows of so many samples."""
        return int(window_samples * self.max_lag_fraction)

    def __post_init__(self) -> None:
        problems = [
            f"{name} = {getattr(self, name)} (must be {what})"
            for name, what, fits in self._rules()
            if not fits
        ]
        if problems:
            raise ConfigError(f"parameters of method {self.METHOD!r}: " + "; ".join(problems))

    def _rules(self) -> list[Rule]:
        """List what must hold."""
        raise NotImplementedError

    @classmethod
    def bounds(cls) -> dict[str, str]:
        """Return what each number must be, in words."""
        found: dict[str, list[str]] = {}
        for name, what, _ in cls()._rules():
            found.setdefault(name, []).append(what)
        return {name: " and ".join(whats) for name, whats in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceParameters(_Windowing):
    """The numbers of `reference`, METHOD section 1; defaults are the published ones.

    Source: Meng, Ben-Zion & Johnson 2019, GJI 219(3), 1463-1473, and its
    first author's scripts; [own] marks what they leave open.

    Parameters
    ----------
    window_s : float
        Length of a window, in s.
    highpass_corner_windows : float
        Corner of the high-pass applied first, in cycles per window: 2 Hz for 1 s.
    highpass_poles : int
        Number of poles of that filter.
    warm_up_s : float
        Seconds of preceding record, where there are any, in which the filter settles.
    max_lag_fraction : float
        Largest lag of the cross-correlation, as a fraction of the window.
    candidate_fraction : float
        Fraction of the windows, quietest first, that are candidates for noise: 1000 of 3600.
    candidate_variance_factor : float
        Candidates are kept whose correlations with the others have at most this many times the
        median variance.
    candidate_cc_low : float
        Candidates are kept whose median correlation with the others is at least this many times the
        median of all.
    candidate_cc_high : float
        Candidates are kept whose median correlation with the others is at most this many times the
        median of all.
    min_candidates : int
        Fewest candidates; with fewer the hour is undetermined [own]. 50 take 180 usable windows,
        three minutes.
    min_set_windows : int
        Fewest windows in a set that a round compares with [own].
    n_rounds : int
        Rounds after the choice of candidates.
    box_fraction : float
        Half the side of the box in which neighbours are counted, in standard deviations.
    first_rn_density : float
        Round 1: random noise from this density on.
    first_nrn_density : float
        Round 1: not random noise up to this density.
    rn_weighted_density : float
        Later rounds: random noise from this weighted density on.
    nrn_weighted_density : float
        Later rounds: not random noise up to this weighted density.
    second_nrn_by_density : bool
        Round 2 compares the density, not the weighted density, with `nrn_weighted_density`, as the
        published script does.

    Raises
    ------
    ConfigError
        A number cannot be used; all such are named at once.

    Notes
    -----
    From `min_candidates` = 50 on nearly every stretch of two golden hours gets through all rounds,
    while of stretches of 120 windows many and of 60 most do not. It does not promise the labels of
    the whole hour, which are relative: 180 windows labelled alone agree in 41-63 % and swap random
    noise for not in 3-11 %, 360 in 45-76 % and 0.3-11 %, 1800 in 75-91 % and 0-0.9 %. Three is what
    a standard deviation without its largest entry takes (`min_set_windows`).
    """

    METHOD: ClassVar[str] = "reference"

    candidate_fraction: float = 1000 / 3600
    candidate_variance_factor: float = 1.1
    candidate_cc_low: float = 0.9
    candidate_cc_high: float = 1.1
    min_candidates: int = 50
    min_set_windows: int = 3
    n_rounds: int = 4
    box_fraction: float = 1 / 5
    first_rn_density: float = 0.6
    first_nrn_density: float = 0.1
    rn_weighted_density: float = 0.45
    nrn_weighted_density: float = 0.15
    second_nrn_by_density: bool = True

    def _rules(self) -> list[Rule]:
        """List what must hold."""
        first, later = self.first_nrn_density, self.nrn_weighted_density
        names = (field.name for field in fields(self) if field.name != "second_nrn_by_density")
        return [
            *((name, "above 0", getattr(self, name) > 0) for name in names),
            ("max_lag_fraction", "below 1", self.max_lag_fraction < 1),
            ("candidate_fraction", "at most 1", self.candidate_fraction <= 1),
            ("candidate_cc_high", f"at least candidate_cc_low = {self.candidate_cc_low}",
             self.candidate_cc_high >= self.candidate_cc_low),
            ("min_candidates", "3 or more", self.min_candidates >= 3),
            ("min_set_windows", "3 or more", self.min_set_windows >= 3),
            ("first_rn_density", f"above first_nrn_density = {first} and at most 1",
             first < self.first_rn_density <= 1),
            ("rn_weighted_density", f"above nrn_weighted_density = {later} and at most 1",
             later < self.rn_weighted_density <= 1),
        ]  # fmt: skip

    def n_candidates(self, n_windows: int) -> int:
        """Count the candidates among so many usable windows; halves are rounded up."""
        return int(self.candidate_fraction * n_windows + 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedParameters(_Windowing):
    """The numbers of `calibrated`, `seisflow.stages.label.calibrated`.

    All are ours; the window and the filter before it are those of `ReferenceParameters`. Seconds
    and windows are one, as LABELS has one label for each second.

    Parameters
    ----------
    alpha_rn : float
        Random noise from this probability under the null on; a tenth of pure noise is then mixed.
    alpha_nrn : float
        Not random noise up to this probability: of pure noise, one second in a thousand.
    seed : int
        Seed of the draw of templates.
    n_templates : int
        Windows of noise with which every window is correlated; time grows with their number.
    window_s : float
        Length of a window, in s.
    highpass_corner_windows : float
        Corner of the high-pass applied first, in cycles per window: 2 Hz for 1 s.
    highpass_poles : int
        Number of poles of that filter.
    warm_up_s : float
        Seconds of preceding record, where there are any, in which the filter settles.
    max_lag_fraction : float
        Largest lag of the cross-correlation, as a fraction of the window.
    min_windows : int
        Fewest usable windows, three minutes; with fewer the hour is undetermined.
    min_noise : int
        Fewest windows of noise to which the null may be fitted.
    n_rounds : int
        Rounds of fitting; the last one labels.
    noise_alpha : float
        Windows from this probability on are the noise to which the next round is fitted.
    prewhitening_order : int
        Order of the filter that flattens the spectrum before windows are transformed.
    prewhitening_windows : int
        Most windows of noise from which that filter is estimated.
    min_band_bins : int
        Fewest bins in a band; a bin is 1 / window_s Hz wide.
    bands_per_octave : float
        Bands per octave, where there are bins enough.
    max_drift_degree : int
        Highest degree of the polynomial in time by which the noise level of a band may drift over
        the hour. A drift of +-50 % with a period of one hour needs 8; 4 is too low.
    drift_windows : float
        Windows needed for each degree.
    max_drift : float
        Largest factor by which the noise power of a band may drift over the hour: 16 is four times
        the amplitude. A drift of +-50 % is a factor of 9 from end to end.
    block_windows : float
        Windows in each of the blocks whose quiet power is the first estimate of the drift.
    quiet_quantile : float
        Quantile of the power in such a block that counts as quiet.
    dense_fraction : float
        The shortest interval that holds this share of the windows gives, by its middle, the first
        estimate of the noise.
    start_width : float
        Half-width of that first estimate, in spreads.
    max_wander : float
        Largest fluctuation of the noise power of a band from second to second beyond chance, as a
        fraction (standard deviation).
    neighbours : tuple of int
        Numbers of seconds on either side that are judged together with each second; each number
        adds a set of scores.
    neighbour_limit : float
        Most that a neighbour's score counts: one loud second does not speak for its neighbours.
    burst_windows : tuple of float
        Lengths of the intervals in which bursts are sought, as fractions of the window.
    pair_quantile : float
        Quantile of the distance in (ln deviation, median_cc) within which mean and covariance are
        estimated.
    n_pair_steps : int
        Iterations of that estimate.
    null_power : float
        The power to which the largest score is raised. Theory says 2 for many independent scores;
        1.85 gives the stated rates within a fifth in white, 1/f and field-like noise.
    null_power_slope : float
        How much less that power is for each bin below `full_power_bins`: it is 1.4 for 5 bins, of
        10 samples a second.
    full_power_bins : float
        Bins from which on `null_power` holds; spectra of fewer bins have few scores.
    max_null_width : float
        Largest width of the null, in units of the raised score.
    null_upper : float
        Share of the largest probabilities, the loud end, that is left out of the fit of the null.
    null_start : float
        Share of the windows with which that fit begins.
    n_null_steps : int
        Most iterations of that fit.
    box_fraction : float
        Half the side of the box in which neighbours are counted, in standard deviations.

    Raises
    ------
    ConfigError
        A number cannot be used; all such are named at once.
    """

    METHOD: ClassVar[str] = "calibrated"
    FIRST: ClassVar[tuple[str, ...]] = ("alpha_rn", "alpha_nrn")

    alpha_rn: float = 0.10
    alpha_nrn: float = 0.001
    seed: int = 1
    n_templates: int = 128
    min_windows: int = 180
    min_noise: int = 30
    n_rounds: int = 4
    noise_alpha: float = 0.05
    prewhitening_order: int = 16
    prewhitening_windows: int = 64
    min_band_bins: int = 3
    bands_per_octave: float = 3.0
    max_drift_degree: int = 8
    drift_windows: float = 450.0
    max_drift: float = 16.0
    block_windows: float = 120.0
    quiet_quantile: float = 0.3
    dense_fraction: float = 0.3
    start_width: float = 1.5
    max_wander: float = 0.25
    neighbours: tuple[int, ...] = (2, 6)
    neighbour_limit: float = 3.0
    burst_windows: tuple[float, ...] = (0.01, 0.03, 0.1)
    pair_quantile: float = 0.75
    n_pair_steps: int = 3
    null_power: float = 1.85
    null_power_slope: float = 0.03
    full_power_bins: float = 20.0
    max_null_width: float = 3.0
    null_upper: float = 0.15
    null_start: float = 0.85
    n_null_steps: int = 40
    box_fraction: float = 1 / 5

    def null_power_for(self, n_bins: int) -> float:
        """Return the power for spectra of so many bins."""
        return self.null_power - self.null_power_slope * max(0.0, self.full_power_bins - n_bins)

    def _rules(self) -> list[Rule]:
        """List what must hold."""
        above_0 = (
            "window_s", "highpass_corner_windows", "highpass_poles", "warm_up_s", "alpha_nrn",
            "max_lag_fraction", "bands_per_octave", "drift_windows", "max_drift", "start_width",
            "max_wander", "neighbour_limit", "null_power", "max_null_width",
            "full_power_bins", "box_fraction",
        )  # fmt: skip
        below_1 = (
            "alpha_rn", "noise_alpha", "quiet_quantile", "pair_quantile", "dense_fraction",
            "null_upper", "null_start",
        )  # fmt: skip
        at_least = {
            "seed": 0, "n_templates": 3, "min_windows": 30, "min_noise": 10, "n_rounds": 2,
            "prewhitening_order": 1, "prewhitening_windows": 1, "min_band_bins": 1,
            "max_drift_degree": 0, "block_windows": 1, "n_pair_steps": 1, "n_null_steps": 1,
        }  # fmt: skip
        return [
            *((name, "above 0", getattr(self, name) > 0) for name in above_0),
            *((name, "between 0 and 1", 0 < getattr(self, name) < 1) for name in below_1),
            *((name, f"{n} or more", getattr(self, name) >= n) for name, n in at_least.items()),
            ("max_lag_fraction", "below 1", self.max_lag_fraction < 1),
            ("alpha_rn", f"above alpha_nrn = {self.alpha_nrn}", self.alpha_rn > self.alpha_nrn),
            ("neighbours", "numbers of 1 or more", all(n >= 1 for n in self.neighbours)),
            ("burst_windows", "one or more parts between 0 and 1",
             bool(self.burst_windows) and all(0 < part < 1 for part in self.burst_windows)),
        ]  # fmt: skip


Parameters = ReferenceParameters | CalibratedParameters
"""The numbers of one method."""

METHODS: dict[str, type[Parameters]] = {
    "reference": ReferenceParameters,
    "calibrated": CalibratedParameters,
}
"""The methods of labelling, and the class of the numbers of each."""

DEFAULT_METHOD: Literal["calibrated"] = "calibrated"
"""What labels where no method is named: commands, campaign files and functions alike."""
