"""The numbers of the labelling methods, each with its default and its source."""

from dataclasses import dataclass, fields

from seisflow.errors import ConfigError

__all__ = ["ReferenceParameters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceParameters:
    """The numbers of `reference`, METHOD section 1; defaults are the published ones.

    Source: Meng, Ben-Zion & Johnson 2019, GJI 219(3), 1463-1473, and its
    first author's scripts; [own] marks what they leave open.

    Parameters
    ----------
    window_s : float
        Seconds in a window.
    highpass_corner_windows : float
        Corner of the high-pass that comes before, in cycles per window: 2 Hz for 1 s.
    highpass_poles : int
        Its number of poles.
    warm_up_s : float
        Seconds of earlier record to filter first, where they exist [own].
    max_lag_fraction : float
        Largest lag of the correlation, as a part of the window.
    candidate_fraction : float
        Part of the windows, quietest first, taken for candidates: 1000 of 3600.
    candidate_variance_factor : float
        Largest variance of a kept candidate's correlations with the others, over the median of
        these variances.
    candidate_cc_low, candidate_cc_high : float
        Smallest and largest median of a kept candidate's correlations with the others, over the
        median of the candidates' matrix.
    min_candidates : int
        Fewest candidates; with fewer the hour is undetermined [own]. 50 is 180 usable windows,
        three minutes: from there on nearly every stretch of two golden hours gets through all
        rounds, while of stretches of 120 windows many and of 60 most do not. It does not
        promise the labels of the whole hour, which are relative: 180 windows labelled alone agree
        in 41-63 % and swap random noise for not in 3-11 %, 360 in 45-76 % and 0.3-11 %, 1800 in
        75-91 % and 0-0.9 %.
    min_set_windows : int
        Fewest windows in a set that a round compares with [own]; 3 is what a standard deviation
        without its largest entry takes.
    n_rounds : int
        Rounds after the candidates, 1 or more.
    box_fraction : float
        Half the side of the counting box, in standard deviations.
    first_rn_density, first_nrn_density : float
        Round 1: random noise at this density or above, not random noise at this or below.
    rn_weighted_density, nrn_weighted_density : float
        Later rounds: the same for the weighted density.
    second_nrn_by_density : bool
        In round 2, compare the density, not the weighted one, with `nrn_weighted_density`, as the
        published script does.

    Raises
    ------
    ConfigError
        A number cannot be used; all such are named at once.
    """

    window_s: float = 1.0
    highpass_corner_windows: float = 2.0
    highpass_poles: int = 2
    warm_up_s: float = 20.0
    max_lag_fraction: float = 0.5
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

    def __post_init__(self) -> None:
        problems = [
            f"{field.name} = {getattr(self, field.name)} (must lie above 0)"
            for field in fields(self)
            if field.name != "second_nrn_by_density" and not getattr(self, field.name) > 0
        ]
        problems += [
            f"{name} = {getattr(self, name)} (must be {what})"
            for name, what, fits in self._rules()
            if not fits
        ]
        if problems:
            raise ConfigError("parameters of method 'reference': " + "; ".join(problems))

    def _rules(self) -> list[tuple[str, str, bool]]:
        """List what must hold beyond being positive: name, rule, whether it holds."""
        first, later = self.first_nrn_density, self.nrn_weighted_density
        return [
            ("max_lag_fraction", "below 1", self.max_lag_fraction < 1),
            ("candidate_fraction", "at most 1", self.candidate_fraction <= 1),
            ("candidate_cc_high", "at least candidate_cc_low",
             self.candidate_cc_high >= self.candidate_cc_low),
            ("min_candidates", "3 or more", self.min_candidates >= 3),
            ("min_set_windows", "3 or more", self.min_set_windows >= 3),
            ("first_rn_density", "above first_nrn_density and at most 1",
             first < self.first_rn_density <= 1),
            ("rn_weighted_density", "above nrn_weighted_density and at most 1",
             later < self.rn_weighted_density <= 1),
        ]  # fmt: skip

    @property
    def highpass_corner_hz(self) -> float:
        """Corner of the high-pass, in Hz."""
        return self.highpass_corner_windows / self.window_s

    def max_lag_samples(self, window_samples: int) -> int:
        """Largest lag of the cross-correlations for windows of so many samples."""
        return int(window_samples * self.max_lag_fraction)

    def n_candidates(self, n_windows: int) -> int:
        """Count the candidates among so many usable windows; halves are rounded up."""
        return int(self.candidate_fraction * n_windows + 0.5)
