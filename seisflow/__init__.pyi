"""Written by ``python -m seisflow.reference`` from the configurations of the stages."""

from typing import Literal

from seisflow.api import plan as plan
from seisflow.api import run as run
from seisflow.api import status as status
from seisflow.archive.opening import open_product as open  # noqa: A004 - the name users type behind seisflow.
from seisflow.core.files import AnyPath
from seisflow.engine.connection import Cluster
from seisflow.engine.stage import Result
from seisflow.memory.detecting import detect_array as detect_array
from seisflow.memory.labelling import label_record as label_record
from seisflow.memory.models import WaveformModel as WaveformModel
from seisflow.memory.models import load_model as load_model
from seisflow.memory.streams import from_obspy as from_obspy
from seisflow.memory.streams import to_obspy as to_obspy
from seisflow.stages.label.hour import label_hour as label_hour
from seisflow.stages.label.method import HourLabels as HourLabels
from seisflow.stages.report.figures.day import day_figure as day_figure
from seisflow.stages.report.figures.hour import hour_figure as hour_figure

__all__ = [
    "HourLabels",
    "WaveformModel",
    "__version__",
    "assemble",
    "compare",
    "day_figure",
    "detect",
    "detect_array",
    "evaluate",
    "from_obspy",
    "hour_figure",
    "infer",
    "ingest",
    "label",
    "label_hour",
    "label_record",
    "load_model",
    "open",
    "plan",
    "report",
    "run",
    "status",
    "synth",
    "to_obspy",
    "train",
]

__version__: str

def synth(
    scene: str | AnyPath,
    *,
    nodes: int = 20,
    hours: float = 1.0,
    rate: int = 500,
    seed: int = 1,
    start: str = "2014-05-29T00:00:00",
    noise: Literal["white", "pink", "field"] = "field",
    earthquakes: float = 4.0,
    aircraft: float = 2.0,
    gusts: float = 3.0,
    vehicles: float = 2.0,
    glitches: float = 0.0,
    spikes: float = 1.0,
    gaps: float = 0.5,
    dead: float = 0.01,
    dead_within_s: float = 3600.0,
    rows: int | None = None,
    columns: int | None = None,
    spacing_m: float = 10.0,
    row_spacing_m: float = 30.0,
    longitude: float = -116.5925,
    latitude: float = 33.5385,
    elevation_m: float = 1400.0,
    network: str = "ZG",
    channel: str = "EHZ",
    noise_rms_counts: float = 200.0,
    earthquake_snr: tuple[float, float] | list[float] = (0.5, 50.0),
    nuisance_snr: tuple[float, float] | list[float] = (0.5, 5.0),
    vp_km_s: float = 5.5,
    vp_vs: float = 1.73,
    distance_km: tuple[float, float] | list[float] = (3.0, 60.0),
    depth_km: tuple[float, float] | list[float] = (2.0, 15.0),
    cluster: Cluster = "local",
    workers: int | None = None,
    progress: bool = True,
) -> Result:
    """Make a synthetic dense array with known truth, as miniSEED and station tables.

    Earthquakes with P and S moveout, aircraft with Doppler, wind, vehicles, spikes, gaps and dead
    nodes, in coloured noise; glitches, electronic pulses on all nodes at the same instant, only
    where they are asked for. A longer scene of the same seed begins as the shorter one.

    Parameters
    ----------
    scene : path
        The folder to write.
    nodes : int, default 20
        Number of nodes; they fill the grid row by row. 1 or more.
    hours : float, default 1.0
        Length of the record in hours. Above 0.
    rate : int, default 500
        Samples per second.
    seed : int, default 1
        Everything random follows from it.
    start : str, default '2014-05-29T00:00:00'
        First sample, ISO 8601 UTC.
    noise : {'white', 'pink', 'field'}, default 'field'
        Spectrum: 'white', 'pink' (power 1/f above 0.5 Hz) or 'field' (a geophone node).
    earthquakes : float, default 4.0
        Mean number in an hour, of the array. 0 or more.
    aircraft : float, default 2.0
        Mean number in an hour, of the array. 0 or more.
    gusts : float, default 3.0
        Mean number in an hour, of the array. 0 or more.
    vehicles : float, default 2.0
        Mean number in an hour, of the array. 0 or more.
    glitches : float, default 0.0
        Mean number in an hour, of pulses of the electronics on all nodes at the same instant. 0 or
        more.
    spikes : float, default 1.0
        Mean number in an hour, of each node. 0 or more.
    gaps : float, default 0.5
        Mean number in a day, of each node. 0 or more.
    dead : float, default 0.01
        Share of nodes that stop recording for good. 0 or more and at most 1.
    dead_within_s : float, default 3600.0
        They stop in this many seconds from the start. Above 0.
    rows : int, optional
        Grid; by default 2.5 columns a row. 1 or more.
    columns : int, optional
        Grid; by default 2.5 columns a row. 1 or more.
    spacing_m : float, default 10.0
        Metres between the nodes of a row, and between rows. Above 0.
    row_spacing_m : float, default 30.0
        Metres between the nodes of a row, and between rows. Above 0.
    longitude : float, default -116.5925
        Middle of the array: degrees, and metres above sea level. -180 or more and at most 360.
    latitude : float, default 33.5385
        Middle of the array: degrees, and metres above sea level. -85 or more and at most 85.
    elevation_m : float, default 1400.0
        Middle of the array: degrees, and metres above sea level.
    network : str, default 'ZG'
        First and last part of the station names.
    channel : str, default 'EHZ'
        First and last part of the station names.
    noise_rms_counts : float, default 200.0
        Rms of the noise over the whole band, in counts. Above 0.
    earthquake_snr : tuple[float, float], default (0.5, 50.0)
        Least and largest rms of a source in its loudest second, at the middle of the array, over
        the rms of the noise after a 2 Hz high-pass; log-uniform.
    nuisance_snr : tuple[float, float], default (0.5, 5.0)
        Least and largest rms of a source in its loudest second, at the middle of the array, over
        the rms of the noise after a 2 Hz high-pass; log-uniform.
    vp_km_s : float, default 5.5
        P velocity, km/s. Above 0.
    vp_vs : float, default 1.73
        Its ratio to the S velocity. Above 1.
    distance_km : tuple[float, float], default (3.0, 60.0)
        Least and largest epicentral distance from the middle; log-uniform.
    depth_km : tuple[float, float], default (2.0, 15.0)
        Least and largest depth below it; uniform.
    cluster : str, default 'local'
        Where tasks run: 'local' (worker processes on this machine, one thread each), 'slurm', the
        address of a Dask scheduler such as tcp://host:8786, a TOML file, or the name of a profile
        in ~/.config/seisflow/clusters. In Python also a dask.distributed.Client, which stays open.
    workers : int, optional
        Worker processes of a local cluster; all cores by default. Other clusters say themselves how
        many they have, and refuse it. 1 or more.
    progress : bool, default True
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.engine.stage.Result
        With ``path``, ``summary`` and ``open()``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """

def ingest(
    raw: tuple[str, ...] | list[str] | str,
    waveforms: str | AnyPath,
    *,
    select: tuple[str, ...] | list[str] | str = (),
    start: str | None = None,
    end: str | None = None,
    stations: str | AnyPath | None = None,
    rate: float | None = None,
    cluster: Cluster = "local",
    workers: int | None = None,
    progress: bool = True,
) -> Result:
    """Write a foreign archive into one Zarr product, WAVEFORMS.

    A scan reads headers only and shows what is there; then tasks write one station and one day
    each. Samples arrive bit-exact on one global grid; nothing is resampled; gaps, overlaps and
    whatever could not be read are reported by name.

    Parameters
    ----------
    raw : tuple[str, ...]
        Files, folders and globs of miniSEED 2 or 3, SAC, SEG-Y or Fairfield RG16. 1 or more of
        them.
    waveforms : path
        The product to write, or to go on with.
    select : tuple[str, ...], default ()
        Globs of NET.STA.LOC.CHA such as 'AZ.*.*.??Z'; all stations by default.
    start : str, optional
        First time and first time not wanted any more, ISO 8601 UTC.
    end : str, optional
        First time and first time not wanted any more, ISO 8601 UTC.
    stations : path, optional
        Coordinates: a CSV table (network, station, lat, lon) or StationXML; those of file headers
        are used where it has none.
    rate : float, optional
        The one sampling rate to take, in Hz, where the files have several. Above 0.
    cluster : str, default 'local'
        Where tasks run: 'local' (worker processes on this machine, one thread each), 'slurm', the
        address of a Dask scheduler such as tcp://host:8786, a TOML file, or the name of a profile
        in ~/.config/seisflow/clusters. In Python also a dask.distributed.Client, which stays open.
    workers : int, optional
        Worker processes of a local cluster; all cores by default. Other clusters say themselves how
        many they have, and refuse it. 1 or more.
    progress : bool, default True
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.engine.stage.Result
        With ``path``, ``summary`` and ``open()``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """

def label(
    waveforms: str | AnyPath,
    labels: str | AnyPath,
    *,
    select: tuple[str, ...] | list[str] | str = (),
    start: str | None = None,
    end: str | None = None,
    method: Literal["calibrated", "reference"] = "calibrated",
    precision: Literal["float32", "float64"] = "float32",
    clip_counts: float | None = None,
    window_s: float = 1.0,
    highpass_corner_windows: float | None = None,
    highpass_poles: int = 2,
    warm_up_s: float | None = None,
    max_lag_fraction: float | None = None,
    candidate_fraction: float | None = None,
    candidate_variance_factor: float | None = None,
    candidate_cc_low: float | None = None,
    candidate_cc_high: float | None = None,
    min_candidates: int | None = None,
    min_set_windows: int | None = None,
    n_rounds: int | None = None,
    box_fraction: float | None = None,
    first_rn_density: float | None = None,
    first_nrn_density: float | None = None,
    rn_weighted_density: float | None = None,
    nrn_weighted_density: float | None = None,
    second_nrn_by_density: bool | None = None,
    alpha_rn: float | None = None,
    alpha_nrn: float | None = None,
    seed: int | None = None,
    n_templates: int | None = None,
    min_windows: int | None = None,
    min_noise: int | None = None,
    noise_alpha: float | None = None,
    prewhitening_order: int | None = None,
    prewhitening_windows: int | None = None,
    min_band_bins: int | None = None,
    bands_per_octave: float | None = None,
    max_drift_degree: int | None = None,
    drift_windows: float | None = None,
    max_drift: float | None = None,
    block_windows: float | None = None,
    quiet_quantile: float | None = None,
    dense_fraction: float | None = None,
    start_width: float | None = None,
    max_wander: float | None = None,
    neighbours: tuple[int, ...] | list[int] | None = None,
    neighbour_limit: float | None = None,
    burst_windows: tuple[float, ...] | list[float] | None = None,
    pair_quantile: float | None = None,
    n_pair_steps: int | None = None,
    null_power: float | None = None,
    null_power_slope: float | None = None,
    full_power_bins: float | None = None,
    max_null_width: float | None = None,
    null_upper: float | None = None,
    null_start: float | None = None,
    n_null_steps: int | None = None,
    block: int | None = None,
    device: Literal["cpu", "cuda", "auto"] = "cpu",
    cluster: Cluster = "local",
    workers: int | None = None,
    progress: bool = True,
) -> Result:
    """Label every second of every station: random noise, mixed or not random noise.

    Each UTC hour of a station is labelled by itself: by rates under a null fitted to its own noise
    (calibrated, the default), or as published, by correlating all pairs of its seconds and their
    spectra (reference, Meng, Ben-Zion & Johnson 2019).

    Codes: 0 random_noise, 1 mixed, 2 not_random_noise, 252 undetermined, 253 no_data,
    254 failed, 255 not_run.

    Parameters
    ----------
    waveforms : path
        What ingest wrote.
    labels : path
        The product to write, or to go on with.
    select : tuple[str, ...], default ()
        Globs of NET.STA.LOC.CHA such as 'AZ.*.*.??Z'; all stations by default.
    start : str, optional
        First time, and first time not wanted any more, ISO 8601 UTC; widened to whole UTC hours,
        because an hour is labelled as a whole.
    end : str, optional
        First time, and first time not wanted any more, ISO 8601 UTC; widened to whole UTC hours,
        because an hour is labelled as a whole.
    method : {'calibrated', 'reference'}, default 'calibrated'
        'calibrated': classes as rates under a null fitted to the noise of each hour; 'reference':
        the published procedure.
    precision : {'float32', 'float64'}, default 'float32'
        Type of the cross-correlations.
    clip_counts : float, optional
        Counts from which a sample is clipped; by default the rails of 24 and 32 bit recorders.
        Above 0.
    window_s : float, default 1.0
        Seconds in a window. Above 0.
    highpass_corner_windows : float, optional
        reference: corner of the high-pass that comes before, in cycles per window: 2 Hz for 1 s; by
        default 2.0. calibrated: corner of the high-pass that comes before, in cycles per window; by
        default 2.0. Above 0.
    highpass_poles : int, default 2
        Its number of poles. Above 0.
    warm_up_s : float, optional
        reference: seconds of earlier record to filter first, where they exist [own]; by default
        20.0. calibrated: seconds of earlier record to filter first, where they exist; by default
        20.0. Above 0.
    max_lag_fraction : float, optional
        reference: largest lag of the correlation, as a part of the window; by default 0.5.
        calibrated: largest lag of the correlation, as a part of the window; by default 0.5. Above 0
        and below 1.
    candidate_fraction : float, optional
        reference: part of the windows, quietest first, taken for candidates: 1000 of 3600; by
        default 0.2777777777777778. Above 0 and at most 1.
    candidate_variance_factor : float, optional
        reference: largest variance of a kept candidate's correlations with the others, over the
        median of these variances; by default 1.1. Above 0.
    candidate_cc_low : float, optional
        reference: smallest and largest median of a kept candidate's correlations with the others,
        over the median of the candidates' matrix; by default 0.9. Above 0.
    candidate_cc_high : float, optional
        reference: smallest and largest median of a kept candidate's correlations with the others,
        over the median of the candidates' matrix; by default 1.1. Above 0 and at least
        candidate_cc_low = 0.9.
    min_candidates : int, optional
        reference: fewest candidates; with fewer the hour is undetermined [own]. 50 is 180 usable
        windows, three minutes: from there on nearly every stretch of two golden hours gets through
        all rounds, while of stretches of 120 windows many and of 60 most do not. It does not
        promise the labels of the whole hour, which are relative: 180 windows labelled alone agree
        in 41-63 % and swap random noise for not in 3-11 %, 360 in 45-76 % and 0.3-11 %, 1800 in
        75-91 % and 0-0.9 %; by default 50. Above 0 and 3 or more.
    min_set_windows : int, optional
        reference: fewest windows in a set that a round compares with [own]; 3 is what a standard
        deviation without its largest entry takes; by default 3. Above 0 and 3 or more.
    n_rounds : int, optional
        reference: rounds after the candidates, 1 or more; by default 4. calibrated: rounds of
        fitting, 2 or more; the last one labels; by default 4. Above 0.
    box_fraction : float, optional
        reference: half the side of the counting box, in standard deviations; by default 0.2.
        calibrated: half the side of the counting box of the feature density, as in reference; by
        default 0.2. Above 0.
    first_rn_density : float, optional
        reference: round 1: random noise at this density or above, not random noise at this or
        below; by default 0.6. Above 0 and above first_nrn_density = 0.1 and at most 1.
    first_nrn_density : float, optional
        reference: round 1: random noise at this density or above, not random noise at this or
        below; by default 0.1. Above 0.
    rn_weighted_density : float, optional
        reference: later rounds: the same for the weighted density; by default 0.45. Above 0 and
        above nrn_weighted_density = 0.15 and at most 1.
    nrn_weighted_density : float, optional
        reference: later rounds: the same for the weighted density; by default 0.15. Above 0.
    second_nrn_by_density : bool, optional
        reference: in round 2, compare the density, not the weighted one, with nrn_weighted_density,
        as the published script does; by default True.
    alpha_rn : float, optional
        calibrated: random noise from this probability under the null on, so a tenth of pure noise
        is mixed; by default 0.1. Between 0 and 1 and above alpha_nrn = 0.001.
    alpha_nrn : float, optional
        calibrated: not random noise up to this one: of pure noise, one second in a thousand; by
        default 0.001. Above 0.
    seed : int, optional
        calibrated: of the draw of templates; by default 1. 0 or more.
    n_templates : int, optional
        calibrated: windows of noise that all others are correlated with; time grows with them; by
        default 128. 3 or more.
    min_windows : int, optional
        calibrated: fewest usable windows; with fewer the hour is undetermined. As for reference,
        three minutes; by default 180. 30 or more.
    min_noise : int, optional
        calibrated: fewest windows that the null may be fitted to; by default 30. 10 or more.
    noise_alpha : float, optional
        calibrated: windows from this probability on are the noise that the next round is fitted to;
        by default 0.05. Between 0 and 1.
    prewhitening_order : int, optional
        calibrated: order of the filter that flattens the spectrum before windows are transformed;
        by default 16. 1 or more.
    prewhitening_windows : int, optional
        calibrated: most windows of noise it is found from; by default 64. 1 or more.
    min_band_bins : int, optional
        calibrated: fewest bins of a band; bins are 1 / window_s Hz wide; by default 3. 1 or more.
    bands_per_octave : float, optional
        calibrated: bands per octave, where bins allow; by default 3.0. Above 0.
    max_drift_degree : int, optional
        calibrated: highest degree of the polynomial in time that the noise level of a band may
        follow over the hour. With 8 a drift of +-50 % with a period of one hour is followed, with 4
        it is not; by default 8. 0 or more.
    drift_windows : float, optional
        calibrated: windows that each degree takes; by default 450.0. Above 0.
    max_drift : float, optional
        calibrated: most that the power of noise in a band may rise over the hour, as a factor. 16
        is four times the amplitude; a drift of +-50 % is a factor of 9 from end to end; by default
        16.0. Above 0.
    block_windows : float, optional
        calibrated: to begin with the drift follows this quantile of power in blocks of so many
        windows; by default 120.0. 1 or more.
    quiet_quantile : float, optional
        calibrated: to begin with the drift follows this quantile of power in blocks of so many
        windows; by default 0.3. Between 0 and 1.
    dense_fraction : float, optional
        calibrated: share of the windows in the shortest interval whose middle is taken for noise at
        first; by default 0.3. Between 0 and 1.
    start_width : float, optional
        calibrated: half the width of the first noise, in spreads; by default 1.5. Above 0.
    max_wander : float, optional
        calibrated: most that the power of noise in a band may fluctuate from second to second
        beside chance, as a part of itself (standard deviation); by default 0.25. Above 0.
    neighbours : tuple[int, ...], optional
        calibrated: how many seconds on either side are looked at together with each second; every
        number makes one more set of scores; by default (2, 6). Numbers of 1 or more.
    neighbour_limit : float, optional
        calibrated: most that a neighbour's score counts: one loud second does not speak for its
        neighbours; by default 3.0. Above 0.
    burst_windows : tuple[float, ...], optional
        calibrated: lengths of the pieces in which bursts are looked for, as parts of the window; by
        default (0.01, 0.03, 0.1). One or more parts between 0 and 1.
    pair_quantile : float, optional
        calibrated: quantile of the distance in (ln deviation, median_cc) within which mean and
        covariance are taken; by default 0.75. Between 0 and 1.
    n_pair_steps : int, optional
        calibrated: times they are taken; by default 3. 1 or more.
    null_power : float, optional
        calibrated: the power to which the largest score is raised. Theory says 2 for many
        independent scores; 1.85 gives the stated rates within a fifth in white, 1/f and field-like
        noise; by default 1.85. Above 0.
    null_power_slope : float, optional
        calibrated: spectra of fewer bins than full_power_bins have few scores, and the power is
        less by the slope for each bin that is missing: 1.4 for 5 bins, of 10 samples a second; by
        default 0.03.
    full_power_bins : float, optional
        calibrated: spectra of fewer bins than full_power_bins have few scores, and the power is
        less by the slope for each bin that is missing: 1.4 for 5 bins, of 10 samples a second; by
        default 20.0. Above 0.
    max_null_width : float, optional
        calibrated: largest width of the null, in units of the raised score; by default 3.0. Above
        0.
    null_upper : float, optional
        calibrated: largest probabilities of this share, the loud end, take no part in the fit of
        the null; by default 0.15. Between 0 and 1.
    null_start : float, optional
        calibrated: share of the windows the fit begins with; by default 0.85. Between 0 and 1.
    n_null_steps : int, optional
        calibrated: most times it is repeated; by default 40. 1 or more.
    block : int, optional
        Stations of one task and shard; by default so many that there are at least 64 blocks,
        between 1 and 16. Changes files, never labels. 1 or more.
    device : {'cpu', 'cuda', 'auto'}, default 'cpu'
        Where windows are correlated; 'auto': a GPU where a worker has one. 'cuda' and 'auto' take
        the pool gpu of a SLURM profile, if it has that. Labels agree but for ties at a threshold.
    cluster : str, default 'local'
        Where tasks run: 'local' (worker processes on this machine, one thread each), 'slurm', the
        address of a Dask scheduler such as tcp://host:8786, a TOML file, or the name of a profile
        in ~/.config/seisflow/clusters. In Python also a dask.distributed.Client, which stays open.
    workers : int, optional
        Worker processes of a local cluster; all cores by default. Other clusters say themselves how
        many they have, and refuse it. 1 or more.
    progress : bool, default True
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.engine.stage.Result
        With ``path``, ``summary`` and ``open()``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """

def assemble(
    waveforms: str | AnyPath,
    labels: str | AnyPath,
    arrivals: str | AnyPath,
    wavelets: str | AnyPath,
    *,
    select: tuple[str, ...] | list[str] | str = (),
    start: str | None = None,
    end: str | None = None,
    events: str | AnyPath | None = None,
    split: Literal["grouped", "events", "shuffled"] = "grouped",
    seed: int = 1,
    predict: str | None = None,
    per_class: int | None = None,
    snr_min: float = 1.5,
    per_arrival: int = 5,
    lead_s: float = 1.0,
    jitter_s: float = 0.75,
    window_s: int = 4,
    margin_s: float = 1.0,
    before_s: float = 2.0,
    after_s: float = 30.0,
    time_block_s: int = 600,
    station_blocks: int = 8,
    train: float = 0.7,
    validation: float = 0.15,
    held: float = 0.25,
    cluster: Cluster = "local",
    workers: int | None = None,
    progress: bool = True,
) -> Result:
    """Assemble balanced, split examples of 4 s: earthquakes and both kinds of noise.

    Earthquakes: windows about P with SNR above the gate (rms in P..P+1 s over rms in P-3..P-0.5 s,
    5-30 Hz, the upper edge at most 0.9 of Nyquist). Noise, random or not random: 4 equal labels,
    none within -2..+30 s of a known arrival of the station; mixed seconds are never taken. Every
    window and 1 s on either side is completely recorded. A pick is known at all channels of its
    NET.STA.

    A column `visible` of 0 marks arrivals to keep away from that give no example, as S does.

    Training gets 70 % of the windows of each class, validation and test 15 % each, as near as
    whole events and time blocks allow; what a split is short of is said. With grouped, training
    uses the stations of three quarters of the windows, validation and test those of the rest. What
    falls between is not used.

    Parameters
    ----------
    waveforms : path
        What ingest wrote.
    labels : path
        What label wrote of them.
    arrivals : path
        CSV (time, station, phase) or QuakeML; with predict a catalogue.
    wavelets : path
        The product to write, or to go on with.
    select : tuple[str, ...], default ()
        Channels by four globs NET.STA.LOC.CHA. By default those of a site whose code ends in Z, or
        all channels of a site that has none.
    start : str, optional
        First time wanted, ISO 8601 UTC.
    end : str, optional
        First time not wanted any more, ISO 8601 UTC.
    events : path, optional
        Catalogue of the events that the arrivals name: magnitudes and distances.
    split : {'grouped', 'events', 'shuffled'}, default 'grouped'
        'grouped': by event, time block and block of stations; 'events': by event and time block,
        stations shared; 'shuffled': by window, which leaks.
    seed : int, default 1
        Everything random follows from it. 0 or more and below 9.22337e+18.
    predict : str, optional
        The arrivals are a catalogue (time, latitude, longitude, depth_km; or QuakeML): compute P
        and S with this model of ObsPy TauP, for example iasp91.
    per_class : int, optional
        Most examples of one class, over all splits. 3 or more.
    snr_min : float, default 1.5
        Least signal-to-noise ratio of a P onset. 0 or more.
    per_arrival : int, default 5
        Most windows of each event and station. 1 or more and at most 100.
    lead_s : float, default 1.0
        An earthquake's window starts this long before P, give or take the jitter. Above 0.
    jitter_s : float, default 0.75
        Most by which the start of an earthquake's window is shifted, either way. 0 or more.
    window_s : int, default 4
        Length of a window in seconds: so many labels of it must be equal. 2 or more and at most 60.
    margin_s : float, default 1.0
        Recorded seconds kept before and behind a window. 0 or more and at most 10.
    before_s : float, default 2.0
        Noise keeps away from this many seconds before every known arrival. 0 or more.
    after_s : float, default 30.0
        Noise keeps away from this many seconds after every known arrival. 0 or more.
    time_block_s : int, default 600
        Length in seconds of the blocks of time, counted from 1970, that go to one split as a whole.
        60 or more and at most 86400.
    station_blocks : int, default 8
        Number of blocks of neighbouring sites; fewer where there are fewer sites. 2 or more.
    train : float, default 0.7
        Share of the windows of each class that is for training, as near as whole blocks of time
        allow. Above 0 and below 1.
    validation : float, default 0.15
        Share that is for validation, likewise; the rest is for the test. Above 0 and below 1.
    held : float, default 0.25
        Share of the windows at stations that are kept from training, where the split is grouped,
        likewise. Above 0 and below 1.
    cluster : str, default 'local'
        Where tasks run: 'local' (worker processes on this machine, one thread each), 'slurm', the
        address of a Dask scheduler such as tcp://host:8786, a TOML file, or the name of a profile
        in ~/.config/seisflow/clusters. In Python also a dask.distributed.Client, which stays open.
    workers : int, optional
        Worker processes of a local cluster; all cores by default. Other clusters say themselves how
        many they have, and refuse it. 1 or more.
    progress : bool, default True
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.engine.stage.Result
        With ``path``, ``summary`` and ``open()``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """

def train(
    wavelets: str | AnyPath,
    model: str | AnyPath,
    *,
    network: str = "compact",
    low_hz: float = 2.0,
    high_hz: float | None = None,
    frame_s: float = 0.2,
    epochs: int = 30,
    batch_size: int = 128,
    optimiser: Literal["sgd", "rmsprop", "adagrad", "adam", "adamw"] = "adamw",
    learning_rate: float | None = None,
    schedule: Literal["constant", "step", "cosine", "onecycle", "plateau"] = "cosine",
    weight_decay: float | None = None,
    momentum: float = 0.9,
    dropout: float = 0.2,
    class_weights: Literal["none", "balanced"] = "none",
    label_smoothing: float = 0.0,
    clip_norm: float = 5.0,
    patience: int = 8,
    monitor: Literal["macro_f1", "loss"] = "macro_f1",
    precision: Literal["float32", "bfloat16"] = "float32",
    augment: bool = True,
    flip: float = 0.5,
    shift_s: float = 0.25,
    event_shift_s: float = 0.1,
    noise: float = 0.5,
    noise_snr: tuple[float, float] | list[float] = (2.0, 20.0),
    gain: float = 1.5,
    shards_together: int = 8,
    seed: int = 0,
    forest_examples: int = 20000,
    forest_trees: int = 200,
    device: Literal["cpu", "cuda", "auto"] = "auto",
    ranks: int = 1,
    nodes: int = 1,
    cluster: Cluster = "local",
    checkpoint_every_s: float = 600.0,
    progress: bool = True,
) -> Result:
    """Train a network on assembled wavelets: earthquake, random noise, not random noise.

    Wavelets are read from the disk in shuffled blocks, so that a set may be larger than memory.
    The weights that did best on the validation split are kept. A training that was stopped, by
    Ctrl-C, a signal or a crash, goes on from its last checkpoint when it is asked for again, and
    on a CPU ends with the very weights it would have had.

    MODEL holds weights.safetensors and model.json (all that classifying needs), history.json,
    metrics.json and figures of the validation split, and TensorBoard's files. The test split is
    for evaluate, once.

    Where torchrun started the process it joins the other ranks: `torchrun --nproc-per-node 8 -m
    seisflow train ...` is what 8 ranks do here, and works across machines.

    Parameters
    ----------
    wavelets : path
        What assemble wrote.
    model : path
        The folder to write, or to go on in.
    network : str, default 'compact'
        published: as in the lecture slides, 82 million weights; compact: 0.1 million; recurrent:
        frames in their order; forest: the baseline without a network.
    low_hz : float, default 2.0
        Lower corner of the front end; 0 leaves it open.
    high_hz : float, optional
        Upper corner of the front end; open by default.
    frame_s : float, default 0.2
        Length of one frame of the spectrogram, in s.
    epochs : int, default 30
        Times every wavelet is seen, at most. 1 or more.
    batch_size : int, default 128
        Wavelets of one step, of all ranks together. 1 or more.
    optimiser : {'sgd', 'rmsprop', 'adagrad', 'adam', 'adamw'}, default 'adamw'
        Of the weights.
    learning_rate : float, optional
        Largest of the schedule; by default 0.01 for sgd and adagrad, else 0.001. Above 0.
    schedule : {'constant', 'step', 'cosine', 'onecycle', 'plateau'}, default 'cosine'
        'step': a tenth after each third; 'cosine': down to 0; 'onecycle': up, then down to 0;
        'plateau': halved after 3 epochs without a better validation.
    weight_decay : float, optional
        By default 0.01 for adamw, 1e-4 for sgd, else 0. 0 or more.
    momentum : float, default 0.9
        Of sgd alone. 0 or more and below 1.
    dropout : float, default 0.2
        Share of values dropped. 0 or more and below 1.
    class_weights : {'none', 'balanced'}, default 'none'
        'balanced': a rare class counts for more, by n / (3 n_class).
    label_smoothing : float, default 0.0
        Share of a label given to all classes. 0 or more and below 1.
    clip_norm : float, default 5.0
        Largest norm of the gradient; 0: any. 0 or more.
    patience : int, default 8
        Stop after this many epochs without a better validation; 0: never. 0 or more.
    monitor : {'macro_f1', 'loss'}, default 'macro_f1'
        What better means, on the validation split: a higher macro_f1 or a lower loss.
    precision : {'float32', 'bfloat16'}, default 'float32'
        Of the arithmetic, bfloat16 where the processor is made for it; weights stay float32.
    augment : bool, default True
        Change wavelets a little each time they are seen; never those of validation.
    flip : float, default 0.5
        Share of wavelets whose polarity is turned. 0 or more and at most 1.
    shift_s : float, default 0.25
        Largest shift of noise, and of an earthquake, in s; less where the margin allows less. 0 or
        more.
    event_shift_s : float, default 0.1
        Largest shift of noise, and of an earthquake, in s; less where the margin allows less. 0 or
        more.
    noise : float, default 0.5
        Share of wavelets that random noise of the same station is added to. 0 or more and at most
        1.
    noise_snr : tuple[float, float], default (2.0, 20.0)
        Amplitude of the wavelet over that of the noise added, from and to; drawn evenly in its
        logarithm.
    gain : float, default 1.5
        Largest factor, up or down, before noise is added; it matters beside the noise alone. 1 or
        more.
    shards_together : int, default 8
        Files of 2048 wavelets held in memory and shuffled together; changes the order, and so the
        weights. 1 or more.
    seed : int, default 0
        Of the first weights, order, augmentation and dropout. 0 or more and below 4.29497e+09.
    forest_examples : int, default 20000
        Wavelets the forest is fitted to, at most. 1 or more.
    forest_trees : int, default 200
        Its trees. 1 or more.
    device : {'cpu', 'cuda', 'auto'}, default 'auto'
        Where to train; 'auto': a GPU where there is one.
    ranks : int, default 1
        Processes of a machine that train together, each on a GPU or its share of the cores; in a
        SLURM job with GPUs by default one for each of them. 1 or more.
    nodes : int, default 1
        Nodes of the SLURM job. 1 or more.
    cluster : str, default 'local'
        'local': this machine; a SLURM profile: one job, of its pool gpu, or of cpu where there is
        none. With --detach the job is asked for; else the process must be in it.
    checkpoint_every_s : float, default 600.0
        Seconds between checkpoints; there is one after every epoch too. 0 or more.
    progress : bool, default True
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.engine.stage.Result
        With ``path``, ``summary`` and ``open()``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """

def evaluate(
    model: str | AnyPath,
    wavelets: str | AnyPath,
    *,
    split: Literal["test", "validation", "train"] = "test",
    truth: str | AnyPath | None = None,
    source_ratio: float = 0.5,
    false_positive_rate: float = 0.0015,
    output: str | AnyPath | None = None,
    device: Literal["cpu", "cuda", "auto"] = "cpu",
    batch: int = 256,
    progress: bool = True,
) -> Result:
    """Evaluate a model: what it tells apart, how sure it may be, and what its errors look like.

    Precision, recall and F1 of each class beside the published ones, the confusion matrix,
    calibration, the ROC of earthquakes with the threshold for a stated rate of false positives,
    and recall by signal-to-noise ratio, distance and station. Writes evaluation.json, table.md
    and figures.

    Parameters
    ----------
    model : path
        What train wrote.
    wavelets : path
        What assemble wrote.
    split : {'test', 'validation', 'train'}, default 'test'
        Which wavelets.
    truth : path, optional
        TRUTH.zarr of the synth scene: count a second time against what was planted.
    source_ratio : float, default 0.5
        With a truth: rms of what is planted over rms of the noise from which a second is not random
        noise. 0 or more.
    false_positive_rate : float, default 0.0015
        False positives a station and second that the threshold shall keep to. Above 0 and below 1.
    output : path, optional
        Folder to write; by default MODEL/evaluation/SPLIT-KEY, KEY that of the wavelets. What is
        counted against the truth goes beside it, with -truth.
    device : {'cpu', 'cuda', 'auto'}, default 'cpu'
        Where the network runs; 'auto': a GPU where there is one.
    batch : int, default 256
        Wavelets classified at once. 1 or more.
    progress : bool, default True
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.engine.stage.Result
        With ``path``, ``summary`` and ``open()``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """

def infer(
    waveforms: str | AnyPath,
    model: str | AnyPath,
    scores: str | AnyPath,
    *,
    select: tuple[str, ...] | list[str] | str = (),
    start: str | None = None,
    end: str | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
    batch: int = 64,
    block: int | None = None,
    device: Literal["cpu", "cuda", "auto"] = "cpu",
    cluster: Cluster = "local",
    workers: int | None = None,
    progress: bool = True,
) -> Result:
    """Classify every second of every station: the probability of earthquake and both noises.

    The window of 4 s that begins 1 s before a second decides, so that a P wave in that second lies
    1 to 2 s into the window, as in training. Seconds whose window touches a gap or a stopped
    recorder have no probabilities.

    Codes of state: 0 ready, 253 no_data, 254 failed, 255 not_run.

    Parameters
    ----------
    waveforms : path
        What ingest wrote.
    model : path
        What train wrote, where workers find it too.
    scores : path
        The product to write, or to go on with.
    select : tuple[str, ...], default ()
        Globs of NET.STA.LOC.CHA such as 'AZ.*.*.??Z'; all stations by default.
    start : str, optional
        First time wanted, ISO 8601 UTC; widened to whole UTC hours.
    end : str, optional
        First time not wanted any more, ISO 8601 UTC; widened to whole UTC hours.
    precision : {'float32', 'bfloat16'}, default 'float32'
        Of the network: 'float32', or 'bfloat16' where the processor has it.
    batch : int, default 64
        Windows classified at once by networks that do not go along the record (published,
        recurrent, forest). Changes speed and memory, not scores. 1 or more.
    block : int, optional
        Stations of one task and shard; by default so many that there are at least 64 blocks,
        between 1 and 16. Changes files, never scores. 1 or more.
    device : {'cpu', 'cuda', 'auto'}, default 'cpu'
        Where the network runs; 'auto': a GPU where a worker has one. 'cuda' and 'auto' take the
        pool gpu of a SLURM profile, if it has that.
    cluster : str, default 'local'
        Where tasks run: 'local' (worker processes on this machine, one thread each), 'slurm', the
        address of a Dask scheduler such as tcp://host:8786, a TOML file, or the name of a profile
        in ~/.config/seisflow/clusters. In Python also a dask.distributed.Client, which stays open.
    workers : int, optional
        Worker processes of a local cluster; all cores by default. Other clusters say themselves how
        many they have, and refuse it. 1 or more.
    progress : bool, default True
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.engine.stage.Result
        With ``path``, ``summary`` and ``open()``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """

def detect(
    waveforms: str | AnyPath,
    scores: str | AnyPath,
    catalog: str | AnyPath,
    *,
    select: tuple[str, ...] | list[str] | str = (),
    start: str | None = None,
    end: str | None = None,
    min_nodes: int = 10,
    false_positive_rate: float = 0.0015,
    threshold: float | None = None,
    false_alarms_per_day: float = 1.0,
    slowest_velocity_m_s: float = 2000.0,
    moveout_s: float | None = None,
    merge_s: int = 5,
    low_hz: float = 5.0,
    high_hz: float = 30.0,
    max_lag_s: float = 0.3,
    passes: int = 3,
    min_cc: float | None = None,
    figures: int = 20,
    cluster: Cluster = "local",
    workers: int | None = None,
    progress: bool = True,
) -> Result:
    """Find earthquakes: seconds in which many nodes say so within the moveout of the array.

    Traces of the nodes are aligned by cross-correlation and stacked; the catalogue has the time
    of P at the array, picks of every node, back-azimuth and apparent velocity, and figures of
    quality. CATALOG is a folder: catalog.csv, picks.csv and Parquet of both, QuakeML for each
    day, and stacks and node scores that open with seisflow.open(CATALOG).

    Parameters
    ----------
    waveforms : path
        What ingest wrote.
    scores : path
        What infer wrote.
    catalog : path
        The folder to write, or to go on with.
    select : tuple[str, ...], default ()
        Globs of NET.STA.LOC.CHA such as 'AZ.*.*.??Z'; all stations by default.
    start : str, optional
        First time wanted, ISO 8601 UTC; widened to whole UTC hours.
    end : str, optional
        First time not wanted any more, ISO 8601 UTC; widened to whole UTC hours.
    min_nodes : int, default 10
        Fewest nodes in coincidence. 2 or more.
    false_positive_rate : float, default 0.0015
        Of one node, a second: the threshold on the probability of an earthquake is the one that
        keeps to it on the validation split of the model. Above 0 and below 1.
    threshold : float, optional
        Least probability of an earthquake, in place of that rate. Above 0 and below 1.
    false_alarms_per_day : float, default 1.0
        By chance, at most: more nodes are asked for where the background of a day is high. Above 0.
    slowest_velocity_m_s : float, default 2000.0
        Slowest apparent velocity, m/s; with the aperture of the array it gives the largest moveout.
        Above 0.
    moveout_s : float, optional
        The largest moveout itself, s; needed where stations have no coordinates. 0 or more and at
        most 300.
    merge_s : int, default 5
        Coincidences within so many seconds of one with more nodes belong to that one. 1 or more and
        at most 300.
    low_hz : float, default 5.0
        Lower corner of the band in which traces are aligned, Hz. Above 0.
    high_hz : float, default 30.0
        Upper corner, Hz; lowered to 0.45 of the sampling rate. Above 0.
    max_lag_s : float, default 0.3
        Largest shift of a pass of the alignment, s. Above 0 and at most 2.
    passes : int, default 3
        Passes of the alignment. 1 or more and at most 20.
    min_cc : float, optional
        Least mean correlation of aligned traces; by default 0.4 where the median station has a
        neighbour within 300 m, so that waveforms are alike, else 0. It keeps out what triggers many
        nodes because neighbours share their noise. 0 or more and below 1.
    figures : int, default 20
        Figures of so many events, those with most nodes. 0 or more.
    cluster : str, default 'local'
        Where tasks run: 'local' (worker processes on this machine, one thread each), 'slurm', the
        address of a Dask scheduler such as tcp://host:8786, a TOML file, or the name of a profile
        in ~/.config/seisflow/clusters. In Python also a dask.distributed.Client, which stays open.
    workers : int, optional
        Worker processes of a local cluster; all cores by default. Other clusters say themselves how
        many they have, and refuse it. 1 or more.
    progress : bool, default True
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.engine.stage.Result
        With ``path``, ``summary`` and ``open()``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """

def compare(
    catalog: str | AnyPath,
    reference: str | AnyPath,
    *,
    tolerance_s: float = 2.0,
    arrivals: str | AnyPath | None = None,
    predict: str | None = None,
    baselines: bool = False,
    waveforms: str | AnyPath | None = None,
    equal: Literal["detections", "new"] = "detections",
    output: str | AnyPath | None = None,
    progress: bool = True,
) -> Result:
    """Compare detections with a catalogue: matched, missed, at S, new, with residuals.

    Detections are timed by P at the array, catalogues by the origin: arrivals or predict brings
    the two together. They also say when S comes: a detection at S is of an earthquake and not new,
    but an event of which only S was found is missed. A new detection is no false alarm where the
    catalogue is not complete.

    Parameters
    ----------
    catalog : path
        What detect wrote.
    reference : path
        A catalogue: CSV, QuakeML, or another CATALOG.
    tolerance_s : float, default 2.0
        Largest residual of a match. 0 or more.
    arrivals : path, optional
        Table of P and S at stations of the array: times events by the median of P; what is found at
        that of S is not new.
    predict : str, optional
        Earth model, as iasp91: times events by predicted P at the array; what is found at predicted
        S is not new.
    baselines : bool, default False
        Run two other detectors on the same records: STA/LTA with coincidence, and the product of
        nine sub-array envelopes.
    waveforms : path, optional
        With baselines: the WAVEFORMS that detect searched, where they are no longer where they were
        then.
    equal : {'detections', 'new'}, default 'detections'
        With baselines: each gets about as many detections as the catalogue has, or the lowest
        threshold with no more new ones, which are its false alarms where the reference is complete.
    output : path, optional
        File to write; by default CATALOG/comparison.json.
    progress : bool, default True
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.engine.stage.Result
        With ``path``, ``summary`` and ``open()``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """

def report(
    page: str | AnyPath,
    *,
    waveforms: str | AnyPath | None = None,
    labels: str | AnyPath | None = None,
    model: str | AnyPath | None = None,
    scores: str | AnyPath | None = None,
    catalog: str | AnyPath | None = None,
    comparison: str | AnyPath | None = None,
    title: str = "Seismic campaign",
    progress: bool = True,
) -> Result:
    """Make one page of a campaign: data, labels, model, detections, and what they took.

    The page is one file that refers to nothing else: send it, or open it without a network. It
    shows what is given, complete or not, and leaves out the rest.

    Parameters
    ----------
    page : path
        The file to write.
    waveforms : path, optional
        What ingest wrote.
    labels : path, optional
        What label wrote.
    model : path, optional
        What train wrote.
    scores : path, optional
        What infer wrote.
    catalog : path, optional
        What detect wrote.
    comparison : path, optional
        What compare wrote; by default CATALOG/comparison.json if it is there.
    title : str, default 'Seismic campaign'
        Title of the page.
    progress : bool, default True
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.engine.stage.Result
        With ``path``, ``summary`` and ``open()``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """
