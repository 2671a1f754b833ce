"""Written by ``python -m seisflow.reference`` from the configurations of the stages."""

from collections.abc import Sequence
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
    "transfer",
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
        Seed of everything random.
    start : str, default '2014-05-29T00:00:00'
        Time of the first sample, ISO 8601 UTC.
    noise : {'white', 'pink', 'field'}, default 'field'
        Spectrum: 'white', 'pink' (power 1/f above 0.5 Hz) or 'field' (a geophone node).
    earthquakes : float, default 4.0
        Mean number of earthquakes per hour. 0 or more.
    aircraft : float, default 2.0
        Mean number of aircraft per hour. 0 or more.
    gusts : float, default 3.0
        Mean number of gusts of wind per hour. 0 or more.
    vehicles : float, default 2.0
        Mean number of vehicles per hour. 0 or more.
    glitches : float, default 0.0
        Mean number per hour of pulses of the electronics on all nodes at the same instant. 0 or
        more.
    spikes : float, default 1.0
        Mean number per hour on each node. 0 or more.
    gaps : float, default 0.5
        Mean number per day on each node. 0 or more.
    dead : float, default 0.01
        Share of nodes that stop recording for good. 0 or more and at most 1.
    dead_within_s : float, default 3600.0
        Seconds from the start within which they stop. Above 0.
    rows : int, optional
        Rows of the grid; by default 2.5 times as many columns as rows. 1 or more.
    columns : int, optional
        Columns of the grid. 1 or more.
    spacing_m : float, default 10.0
        Distance between the nodes of a row, in m. Above 0.
    row_spacing_m : float, default 30.0
        Distance between rows, in m. Above 0.
    longitude : float, default -116.5925
        Longitude of the middle of the array, in degrees. -180 or more and at most 360.
    latitude : float, default 33.5385
        Latitude of the middle of the array, in degrees. -85 or more and at most 85.
    elevation_m : float, default 1400.0
        Elevation of the array, in m above sea level.
    network : str, default 'ZG'
        Network code of the stations.
    channel : str, default 'EHZ'
        Channel code of the stations.
    noise_rms_counts : float, default 200.0
        RMS of the noise over the whole band, in counts. Above 0.
    earthquake_snr : tuple[float, float], default (0.5, 50.0)
        Smallest and largest RMS of an earthquake in its loudest second, at the middle of the array,
        over the RMS of the noise after a 2 Hz high-pass; log-uniform.
    nuisance_snr : tuple[float, float], default (0.5, 5.0)
        The same of all other sources: aircraft, gusts, vehicles, glitches and spikes.
    vp_km_s : float, default 5.5
        P velocity, km/s. Above 0.
    vp_vs : float, default 1.73
        Ratio of the P to the S velocity. Above 1.
    distance_km : tuple[float, float], default (3.0, 60.0)
        Smallest and largest epicentral distance from the middle, in km; log-uniform.
    depth_km : tuple[float, float], default (2.0, 15.0)
        Smallest and largest depth below it, in km; uniform.
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
    raw: Sequence[str | AnyPath] | str | AnyPath,
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
    raw : path or sequence of path
        Files, folders and globs of miniSEED 2 or 3, SAC, SEG-Y or Fairfield RG16. 1 or more of
        them.
    waveforms : path
        The product to write, or to go on with.
    select : tuple[str, ...], default ()
        Globs of NET.STA.LOC.CHA such as 'AZ.*.*.??Z'; all stations by default.
    start : str, optional
        Start of the time span, ISO 8601 UTC.
    end : str, optional
        End of the time span (exclusive), ISO 8601 UTC.
    stations : path, optional
        Coordinates: a CSV table (network, station, lat, lon) or StationXML. Stations it does not
        list keep those of their file headers.
    rate : float, optional
        Sampling rate to take, in Hz, where the files have several. Above 0.
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
    highpass_corner_windows: float = 2.0,
    highpass_poles: int = 2,
    warm_up_s: float = 20.0,
    max_lag_fraction: float = 0.5,
    candidate_fraction: float | None = None,
    candidate_variance_factor: float | None = None,
    candidate_cc_low: float | None = None,
    candidate_cc_high: float | None = None,
    min_candidates: int | None = None,
    min_set_windows: int | None = None,
    n_rounds: int | None = None,
    box_fraction: float = 0.2,
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
        Start of the time span, ISO 8601 UTC; widened to whole UTC hours, because an hour is
        labelled as a whole.
    end : str, optional
        End of the time span (exclusive), ISO 8601 UTC; widened to whole UTC hours.
    method : {'calibrated', 'reference'}, default 'calibrated'
        'calibrated': classes as rates under a null fitted to the noise of each hour; 'reference':
        the published procedure.
    precision : {'float32', 'float64'}, default 'float32'
        Type of the cross-correlations.
    clip_counts : float, optional
        Counts from which a sample is clipped; by default the rails of 24 and 32 bit recorders.
        Above 0.
    window_s : float, default 1.0
        Length of a window, in s. Above 0.
    highpass_corner_windows : float, default 2.0
        Corner of the high-pass applied first, in cycles per window: 2 Hz for 1 s. Above 0.
    highpass_poles : int, default 2
        Number of poles of that filter. Above 0.
    warm_up_s : float, default 20.0
        Seconds of preceding record, where there are any, in which the filter settles. Above 0.
    max_lag_fraction : float, default 0.5
        Largest lag of the cross-correlation, as a fraction of the window. Above 0 and below 1.
    candidate_fraction : float, optional
        reference: fraction of the windows, quietest first, that are candidates for noise: 1000 of
        3600; by default 0.2778. Above 0 and at most 1.
    candidate_variance_factor : float, optional
        reference: candidates are kept whose correlations with the others have at most this many
        times the median variance; by default 1.1. Above 0.
    candidate_cc_low : float, optional
        reference: candidates are kept whose median correlation with the others is at least this
        many times the median of all; by default 0.9. Above 0.
    candidate_cc_high : float, optional
        reference: candidates are kept whose median correlation with the others is at most this many
        times the median of all; by default 1.1. Above 0 and at least candidate_cc_low = 0.9.
    min_candidates : int, optional
        reference: fewest candidates; with fewer the hour is undetermined [own]. 50 take 180 usable
        windows, three minutes; by default 50. Above 0 and 3 or more.
    min_set_windows : int, optional
        reference: fewest windows in a set that a round compares with [own]; by default 3. Above 0
        and 3 or more.
    n_rounds : int, optional
        reference: rounds after the choice of candidates; by default 4. calibrated: rounds of
        fitting; the last one labels; by default 4. Above 0.
    box_fraction : float, default 0.2
        Half the side of the box in which neighbours are counted, in standard deviations. Above 0.
    first_rn_density : float, optional
        reference: round 1: random noise from this density on; by default 0.6. Above 0 and above
        first_nrn_density = 0.1 and at most 1.
    first_nrn_density : float, optional
        reference: round 1: not random noise up to this density; by default 0.1. Above 0.
    rn_weighted_density : float, optional
        reference: later rounds: random noise from this weighted density on; by default 0.45. Above
        0 and above nrn_weighted_density = 0.15 and at most 1.
    nrn_weighted_density : float, optional
        reference: later rounds: not random noise up to this weighted density; by default 0.15.
        Above 0.
    second_nrn_by_density : bool, optional
        reference: round 2 compares the density, not the weighted density, with
        nrn_weighted_density, as the published script does; by default yes.
    alpha_rn : float, optional
        calibrated: random noise from this probability under the null on; a tenth of pure noise is
        then mixed; by default 0.1. Between 0 and 1 and above alpha_nrn = 0.001.
    alpha_nrn : float, optional
        calibrated: not random noise up to this probability: of pure noise, one second in a
        thousand; by default 0.001. Above 0.
    seed : int, optional
        calibrated: seed of the draw of templates; by default 1. 0 or more.
    n_templates : int, optional
        calibrated: windows of noise with which every window is correlated; time grows with their
        number; by default 128. 3 or more.
    min_windows : int, optional
        calibrated: fewest usable windows, three minutes; with fewer the hour is undetermined; by
        default 180. 30 or more.
    min_noise : int, optional
        calibrated: fewest windows of noise to which the null may be fitted; by default 30. 10 or
        more.
    noise_alpha : float, optional
        calibrated: windows from this probability on are the noise to which the next round is
        fitted; by default 0.05. Between 0 and 1.
    prewhitening_order : int, optional
        calibrated: order of the filter that flattens the spectrum before windows are transformed;
        by default 16. 1 or more.
    prewhitening_windows : int, optional
        calibrated: most windows of noise from which that filter is estimated; by default 64. 1 or
        more.
    min_band_bins : int, optional
        calibrated: fewest bins in a band; a bin is 1 / window_s Hz wide; by default 3. 1 or more.
    bands_per_octave : float, optional
        calibrated: bands per octave, where there are bins enough; by default 3. Above 0.
    max_drift_degree : int, optional
        calibrated: highest degree of the polynomial in time by which the noise level of a band may
        drift over the hour. A drift of +-50 % with a period of one hour needs 8; 4 is too low; by
        default 8. 0 or more.
    drift_windows : float, optional
        calibrated: windows needed for each degree; by default 450. Above 0.
    max_drift : float, optional
        calibrated: largest factor by which the noise power of a band may drift over the hour: 16 is
        four times the amplitude. A drift of +-50 % is a factor of 9 from end to end; by default 16.
        Above 0.
    block_windows : float, optional
        calibrated: windows in each of the blocks whose quiet power is the first estimate of the
        drift; by default 120. 1 or more.
    quiet_quantile : float, optional
        calibrated: quantile of the power in such a block that counts as quiet; by default 0.3.
        Between 0 and 1.
    dense_fraction : float, optional
        calibrated: the shortest interval that holds this share of the windows gives, by its middle,
        the first estimate of the noise; by default 0.3. Between 0 and 1.
    start_width : float, optional
        calibrated: half-width of that first estimate, in spreads; by default 1.5. Above 0.
    max_wander : float, optional
        calibrated: largest fluctuation of the noise power of a band from second to second beyond
        chance, as a fraction (standard deviation); by default 0.25. Above 0.
    neighbours : tuple[int, ...], optional
        calibrated: numbers of seconds on either side that are judged together with each second;
        each number adds a set of scores; by default 2 6. Numbers of 1 or more.
    neighbour_limit : float, optional
        calibrated: most that a neighbour's score counts: one loud second does not speak for its
        neighbours; by default 3. Above 0.
    burst_windows : tuple[float, ...], optional
        calibrated: lengths of the intervals in which bursts are sought, as fractions of the window;
        by default 0.01 0.03 0.1. One or more parts between 0 and 1.
    pair_quantile : float, optional
        calibrated: quantile of the distance in (ln deviation, median_cc) within which mean and
        covariance are estimated; by default 0.75. Between 0 and 1.
    n_pair_steps : int, optional
        calibrated: iterations of that estimate; by default 3. 1 or more.
    null_power : float, optional
        calibrated: the power to which the largest score is raised. Theory says 2 for many
        independent scores; 1.85 gives the stated rates within a fifth in white, 1/f and field-like
        noise; by default 1.85. Above 0.
    null_power_slope : float, optional
        calibrated: how much less that power is for each bin below full_power_bins: it is 1.4 for 5
        bins, of 10 samples a second; by default 0.03.
    full_power_bins : float, optional
        calibrated: bins from which on null_power holds; spectra of fewer bins have few scores; by
        default 20. Above 0.
    max_null_width : float, optional
        calibrated: largest width of the null, in units of the raised score; by default 3. Above 0.
    null_upper : float, optional
        calibrated: share of the largest probabilities, the loud end, that is left out of the fit of
        the null; by default 0.15. Between 0 and 1.
    null_start : float, optional
        calibrated: share of the windows with which that fit begins; by default 0.85. Between 0 and
        1.
    n_null_steps : int, optional
        calibrated: most iterations of that fit; by default 40. 1 or more.
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
    labels: str | AnyPath | None,
    arrivals: str | AnyPath | None,
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
    balance: bool = True,
    coda: bool = False,
    snr_min: float = 1.5,
    per_arrival: int = 5,
    lead_s: float = 1.0,
    jitter_s: float = 0.75,
    window_s: int = 4,
    margin_s: float = 1.0,
    before_s: float = 2.0,
    after_s: float = 30.0,
    coda_s: float = 1.5,
    coda_end_s: float | None = None,
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

    LABELS may be the word none, for records too short to be labelled: what is away from known
    arrivals is then random noise, and the coda of P not random noise. Give after_s as long as an
    earthquake is heard, and coda_end_s as long as it is loud. ARRIVALS may be the word none: noise
    alone, of both kinds. The column origin says why an example has its class.

    A column `visible` of 0 marks arrivals to keep away from that give no example, as S does.

    Training gets 70 % of the windows of each class, validation and test 15 % each, as near as
    whole events and time blocks allow; what a split is short of is said. With grouped, training
    uses the stations of three quarters of the windows, validation and test those of the rest. What
    falls between is not used.

    Parameters
    ----------
    waveforms : path
        What ingest wrote.
    labels : path or None
        What label wrote of them, or the word none.
    arrivals : path or None
        CSV (time, station, phase) or QuakeML; with predict a catalogue; or the word none.
    wavelets : path
        The product to write, or to go on with.
    select : tuple[str, ...], default ()
        Globs of NET.STA.LOC.CHA. By default the channels of a site whose code ends in Z, or all
        channels of a site that has none.
    start : str, optional
        Start of the time span, ISO 8601 UTC.
    end : str, optional
        End of the time span (exclusive), ISO 8601 UTC.
    events : path, optional
        Catalogue of the events named by the arrivals; gives magnitudes and distances.
    split : {'grouped', 'events', 'shuffled'}, default 'grouped'
        'grouped': by event, time block and block of stations; 'events': by event and time block,
        with the same stations in all splits; 'shuffled': by window, which leaks.
    seed : int, default 1
        Seed of everything random. 0 or more and below 9.22337e+18.
    predict : str, optional
        Earth model of ObsPy's TauP, such as iasp91, with which P and S are computed; the arrivals
        are then a catalogue (time, latitude, longitude, depth_km; or QuakeML).
    per_class : int, optional
        Largest number of examples of a class, over all splits. 3 or more.
    balance : bool, default True
        Equal numbers of each class in each split; without, all there are of every class, where
        noise of a mixture of sources should be as rich as it can be.
    coda : bool, default False
        Take the coda of known arrivals, from coda_s behind P on, as not random noise, whatever its
        labels. Without labels it always is.
    snr_min : float, default 1.5
        Lowest signal-to-noise ratio of a P onset. 0 or more.
    per_arrival : int, default 5
        Largest number of windows of each event and station. 1 or more and at most 100.
    lead_s : float, default 1.0
        Seconds from the start of an earthquake's window to P, give or take the jitter. Above 0.
    jitter_s : float, default 0.75
        Largest shift of the start of an earthquake's window, either way, in s. 0 or more.
    window_s : int, default 4
        Length of a window, in s; all its labels must be equal. 2 or more and at most 60.
    margin_s : float, default 1.0
        Seconds of record kept before and after a window. 0 or more and at most 10.
    before_s : float, default 2.0
        Noise keeps away from this many seconds before every known arrival. 0 or more.
    after_s : float, default 30.0
        Noise keeps away from this many seconds after every known arrival. 0 or more.
    coda_s : float, default 1.5
        Coda begins this many seconds behind P, and holds no other P of the site. 0 or more.
    coda_end_s : float, optional
        Coda ends this many seconds behind P, after_s at most and by default. Above 0.
    time_block_s : int, default 600
        Length of the blocks of time, in s, counted from 1970; each goes to one split as a whole. 60
        or more and at most 86400.
    station_blocks : int, default 8
        Number of blocks of neighbouring sites; fewer where there are fewer sites. 2 or more.
    train : float, default 0.7
        Share of the windows of each class for training, as near as whole blocks of time allow.
        Above 0 and below 1.
    validation : float, default 0.15
        Share for validation, likewise; the rest is for the test. Above 0 and below 1.
    held : float, default 0.25
        With a grouped split: share of the windows at stations that are kept from training,
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
    wavelets: Sequence[str | AnyPath] | str | AnyPath,
    model: str | AnyPath,
    *,
    weights: tuple[float, ...] | list[float] = (),
    from_model: str | AnyPath | None = None,
    layers: Literal["all", "last"] = "all",
    network: str = "compact",
    rate: int | None = None,
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
    noise_of: Literal["station", "any"] = "station",
    gain: float = 1.5,
    pulses: float = 0.0,
    colour: float = 0.0,
    stretch: float = 1.0,
    stretched: float = 0.6,
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
    wavelets : path or sequence of path
        What assemble wrote, of one archive or of several: the network learns from all of them, at
        the rate of that with the fewest samples per second unless another is asked for. 1 or more
        of them.
    model : path
        The folder to write, or to go on in.
    weights : tuple[float, ...], default ()
        Weight of each WAVELETS, in their order; equal ones by default. Of several an epoch has
        equally many wavelets of each class, of each WAVELETS in proportion to its weight and the
        square root of its number.
    from_model : path, optional
        What train wrote, or the name of a shipped model: go on from its weights and statistics, to
        teach it the events of another array. Network and front end (network, rate, low_hz, high_hz,
        frame_s) are those of that model. Both models are evaluated on the validation split, before
        and after.
    layers : {'all', 'last'}, default 'all'
        With a model to go on from, what learns: 'all' weights, or those of the 'last' layer alone,
        for few wavelets; all else, statistics included, then stays as it is.
    network : str, default 'compact'
        'published': as in the lecture slides, 82 million weights; 'compact': 0.1 million;
        'recurrent': reads frames in their order; 'forest': a random forest, the baseline without a
        network.
    rate : int, optional
        Samples per second of the model, to which wavelets and later records of other rates are
        resampled with a linear-phase filter; by default those of the wavelets. Rates below 0.4 of
        it are refused. 1 or more.
    low_hz : float, default 2.0
        Lower corner of the front end; 0 leaves it open.
    high_hz : float, optional
        Upper corner of the front end; open by default.
    frame_s : float, default 0.2
        Length of one frame of the spectrogram, in s.
    epochs : int, default 30
        Largest number of times that every wavelet is seen. 1 or more.
    batch_size : int, default 128
        Wavelets in one step, over all ranks together. 1 or more.
    optimiser : {'sgd', 'rmsprop', 'adagrad', 'adam', 'adamw'}, default 'adamw'
        Optimiser of the weights.
    learning_rate : float, optional
        Largest learning rate of the schedule; by default 0.01 for sgd and adagrad, else 0.001.
        Above 0.
    schedule : {'constant', 'step', 'cosine', 'onecycle', 'plateau'}, default 'cosine'
        'step': a tenth after each third; 'cosine': down to 0; 'onecycle': up, then down to 0;
        'plateau': halved after 3 epochs without a better validation.
    weight_decay : float, optional
        Weight decay; by default 0.01 for adamw, 1e-4 for sgd, else 0. 0 or more.
    momentum : float, default 0.9
        Momentum, for sgd alone. 0 or more and below 1.
    dropout : float, default 0.2
        Share of values dropped. 0 or more and below 1.
    class_weights : {'none', 'balanced'}, default 'none'
        'balanced': a class of n_class among n wavelets is weighted by n / (3 n_class).
    label_smoothing : float, default 0.0
        Share of each label that is spread over all classes. 0 or more and below 1.
    clip_norm : float, default 5.0
        Largest norm of the gradient; 0 for no limit. 0 or more.
    patience : int, default 8
        Epochs without a better validation after which training stops; 0 for never. 0 or more.
    monitor : {'macro_f1', 'loss'}, default 'macro_f1'
        What is judged on the validation split: a higher macro_f1 or a lower loss is better.
    precision : {'float32', 'bfloat16'}, default 'float32'
        Arithmetic of the network; 'bfloat16' where the processor is made for it. Weights stay
        float32.
    augment : bool, default True
        Change wavelets a little each time they are seen, but never those of validation.
    flip : float, default 0.5
        Share of wavelets whose polarity is reversed. 0 or more and at most 1.
    shift_s : float, default 0.25
        Largest shift of noise, in s, as far as the margin allows. 0 or more.
    event_shift_s : float, default 0.1
        Largest shift of an earthquake, in s, as far as the margin allows. 0 or more.
    noise : float, default 0.5
        Share of wavelets to which random noise of the same station is added. 0 or more and at most
        1.
    noise_snr : tuple[float, float], default (2.0, 20.0)
        Smallest and largest ratio of the wavelet's amplitude, of an earthquake in the 2 s behind P,
        to that of the added noise; log-uniform.
    noise_of : {'station', 'any'}, default 'station'
        Where the added noise is from: the same 'station', or 'any' of any source.
    gain : float, default 1.5
        Largest factor, up or down, by which a wavelet is scaled before noise is added. 1 or more.
    pulses : float, default 0.0
        Share of wavelets of not random noise that get a pulse or a step. 0 or more and at most 1.
    colour : float, default 0.0
        Share of wavelets whose spectrum is tilted, half of them with a resonance, a quarter with a
        corner. 0 or more and at most 1.
    stretch : float, default 1.0
        Largest factor by which time is stretched, either way, about P or the middle of noise, as
        far as the margin allows: a margin of 4 s allows 2. 1 or more and at most 4.
    stretched : float, default 0.6
        Share of wavelets whose time is stretched. 0 or more and at most 1.
    shards_together : int, default 8
        Files of 2048 wavelets that are held in memory and shuffled together; changes the order, and
        so the weights. 1 or more.
    seed : int, default 0
        Seed of the first weights, the order, augmentation and dropout. 0 or more and below
        4.29497e+09.
    forest_examples : int, default 20000
        Largest number of wavelets to which the forest is fitted. 1 or more.
    forest_trees : int, default 200
        Number of trees in the forest. 1 or more.
    device : {'cpu', 'cuda', 'auto'}, default 'auto'
        Where to train; 'auto': a GPU where there is one.
    ranks : int, default 1
        Processes per machine that train together, each on a GPU or its share of the cores; in a
        SLURM job with GPUs by default one for each GPU. 1 or more.
    nodes : int, default 1
        Nodes of the SLURM job. 1 or more.
    cluster : str, default 'local'
        'local': this machine; a SLURM profile: one job in its pool gpu, or in cpu where it has no
        such pool. With --detach the job is submitted; without, the process must already be in it.
    checkpoint_every_s : float, default 600.0
        Seconds between checkpoints; there is one after every epoch as well. 0 or more.
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
    wavelets: Sequence[str | AnyPath] | str | AnyPath,
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
        What train wrote, or the name of a shipped model.
    wavelets : path or sequence of path
        What assemble wrote, once or several times; then there is a row for each. 1 or more of them.
    split : {'test', 'validation', 'train'}, default 'test'
        The wavelets to use.
    truth : path, optional
        TRUTH.zarr of the synth scene: score a second time against what was planted.
    source_ratio : float, default 0.5
        With a truth: a second is not random noise if the RMS of what was planted is at least this
        many times the RMS of the noise. 0 or more.
    false_positive_rate : float, default 0.0015
        False positives per station and second to which the threshold keeps. Above 0 and below 1.
    output : path, optional
        Folder to write; by default MODEL/evaluation/SPLIT-KEY, where KEY is that of the wavelets,
        and of a shipped model NAME-evaluation/SPLIT-KEY in the working directory. Scores against
        the truth go into a folder beside it, with -truth.
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

def transfer(
    wavelets: Sequence[str | AnyPath] | str | AnyPath,
    model: str | AnyPath,
    *,
    weights: tuple[float, ...] | list[float] = (),
    from_model: str | AnyPath | None = None,
    layers: Literal["all", "last"] = "all",
    network: str = "compact",
    rate: int | None = None,
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
    noise_of: Literal["station", "any"] = "station",
    gain: float = 1.5,
    pulses: float = 0.0,
    colour: float = 0.0,
    stretch: float = 1.0,
    stretched: float = 0.6,
    shards_together: int = 8,
    seed: int = 0,
    forest_examples: int = 20000,
    forest_trees: int = 200,
    device: Literal["cpu", "cuda", "auto"] = "auto",
    ranks: int = 1,
    nodes: int = 1,
    cluster: Cluster = "local",
    checkpoint_every_s: float = 600.0,
    only: tuple[str, ...] | list[str] | str = (),
    quiet: tuple[str, ...] | list[str] | str = (),
    least_snr: float = 1.5,
    false_positive_rate: float = 0.0015,
    progress: bool = True,
) -> Result:
    """Train without each source in turn, and count how many of its P the network finds.

    For each of the WAVELETS that has earthquakes a network learns from all the others. The
    threshold is that at which windows of quiet sources that it did not learn from give no more than
    the stated rate of false positives. P of the source left out are counted, each found if one of
    its windows is, and so are its own false positives. Beside it stands the recursive STA/LTA of
    ObsPy on the same windows, with a threshold found in the same way. Products named
    ``NAME@....zarr`` are one source, NAME: they are left out together. Those without earthquakes
    are learnt from and never left out.

    MODELS holds a model for each source, ``without-NAME``, and transfer.json and table.md. A
    training that was stopped goes on when the command is typed again.

    Parameters
    ----------
    wavelets : path or sequence of path
        What assemble wrote of two sources or more; each source needs earthquakes and noise, or
        noise alone. 2 or more of them.
    model : path
        The folder to write, or to go on in.
    weights : tuple[float, ...], default ()
        Weight of each WAVELETS, in their order; equal ones by default. Of several an epoch has
        equally many wavelets of each class, of each WAVELETS in proportion to its weight and the
        square root of its number.
    from_model : path, optional
        What train wrote, or the name of a shipped model: go on from its weights and statistics, to
        teach it the events of another array. Network and front end (network, rate, low_hz, high_hz,
        frame_s) are those of that model. Both models are evaluated on the validation split, before
        and after.
    layers : {'all', 'last'}, default 'all'
        With a model to go on from, what learns: 'all' weights, or those of the 'last' layer alone,
        for few wavelets; all else, statistics included, then stays as it is.
    network : str, default 'compact'
        'published': as in the lecture slides, 82 million weights; 'compact': 0.1 million;
        'recurrent': reads frames in their order; 'forest': a random forest, the baseline without a
        network.
    rate : int, optional
        Samples per second of the model, to which wavelets and later records of other rates are
        resampled with a linear-phase filter; by default those of the wavelets. Rates below 0.4 of
        it are refused. 1 or more.
    low_hz : float, default 2.0
        Lower corner of the front end; 0 leaves it open.
    high_hz : float, optional
        Upper corner of the front end; open by default.
    frame_s : float, default 0.2
        Length of one frame of the spectrogram, in s.
    epochs : int, default 30
        Largest number of times that every wavelet is seen. 1 or more.
    batch_size : int, default 128
        Wavelets in one step, over all ranks together. 1 or more.
    optimiser : {'sgd', 'rmsprop', 'adagrad', 'adam', 'adamw'}, default 'adamw'
        Optimiser of the weights.
    learning_rate : float, optional
        Largest learning rate of the schedule; by default 0.01 for sgd and adagrad, else 0.001.
        Above 0.
    schedule : {'constant', 'step', 'cosine', 'onecycle', 'plateau'}, default 'cosine'
        'step': a tenth after each third; 'cosine': down to 0; 'onecycle': up, then down to 0;
        'plateau': halved after 3 epochs without a better validation.
    weight_decay : float, optional
        Weight decay; by default 0.01 for adamw, 1e-4 for sgd, else 0. 0 or more.
    momentum : float, default 0.9
        Momentum, for sgd alone. 0 or more and below 1.
    dropout : float, default 0.2
        Share of values dropped. 0 or more and below 1.
    class_weights : {'none', 'balanced'}, default 'none'
        'balanced': a class of n_class among n wavelets is weighted by n / (3 n_class).
    label_smoothing : float, default 0.0
        Share of each label that is spread over all classes. 0 or more and below 1.
    clip_norm : float, default 5.0
        Largest norm of the gradient; 0 for no limit. 0 or more.
    patience : int, default 8
        Epochs without a better validation after which training stops; 0 for never. 0 or more.
    monitor : {'macro_f1', 'loss'}, default 'macro_f1'
        What is judged on the validation split: a higher macro_f1 or a lower loss is better.
    precision : {'float32', 'bfloat16'}, default 'float32'
        Arithmetic of the network; 'bfloat16' where the processor is made for it. Weights stay
        float32.
    augment : bool, default True
        Change wavelets a little each time they are seen, but never those of validation.
    flip : float, default 0.5
        Share of wavelets whose polarity is reversed. 0 or more and at most 1.
    shift_s : float, default 0.25
        Largest shift of noise, in s, as far as the margin allows. 0 or more.
    event_shift_s : float, default 0.1
        Largest shift of an earthquake, in s, as far as the margin allows. 0 or more.
    noise : float, default 0.5
        Share of wavelets to which random noise of the same station is added. 0 or more and at most
        1.
    noise_snr : tuple[float, float], default (2.0, 20.0)
        Smallest and largest ratio of the wavelet's amplitude, of an earthquake in the 2 s behind P,
        to that of the added noise; log-uniform.
    noise_of : {'station', 'any'}, default 'station'
        Where the added noise is from: the same 'station', or 'any' of any source.
    gain : float, default 1.5
        Largest factor, up or down, by which a wavelet is scaled before noise is added. 1 or more.
    pulses : float, default 0.0
        Share of wavelets of not random noise that get a pulse or a step. 0 or more and at most 1.
    colour : float, default 0.0
        Share of wavelets whose spectrum is tilted, half of them with a resonance, a quarter with a
        corner. 0 or more and at most 1.
    stretch : float, default 1.0
        Largest factor by which time is stretched, either way, about P or the middle of noise, as
        far as the margin allows: a margin of 4 s allows 2. 1 or more and at most 4.
    stretched : float, default 0.6
        Share of wavelets whose time is stretched. 0 or more and at most 1.
    shards_together : int, default 8
        Files of 2048 wavelets that are held in memory and shuffled together; changes the order, and
        so the weights. 1 or more.
    seed : int, default 0
        Seed of the first weights, the order, augmentation and dropout. 0 or more and below
        4.29497e+09.
    forest_examples : int, default 20000
        Largest number of wavelets to which the forest is fitted. 1 or more.
    forest_trees : int, default 200
        Number of trees in the forest. 1 or more.
    device : {'cpu', 'cuda', 'auto'}, default 'auto'
        Where to train; 'auto': a GPU where there is one.
    ranks : int, default 1
        Processes per machine that train together, each on a GPU or its share of the cores; in a
        SLURM job with GPUs by default one for each GPU. 1 or more.
    nodes : int, default 1
        Nodes of the SLURM job. 1 or more.
    cluster : str, default 'local'
        'local': this machine; a SLURM profile: one job in its pool gpu, or in cpu where it has no
        such pool. With --detach the job is submitted; without, the process must already be in it.
    checkpoint_every_s : float, default 600.0
        Seconds between checkpoints; there is one after every epoch as well. 0 or more.
    only : tuple[str, ...], default ()
        Names of the sources to leave out; by default each in turn.
    quiet : tuple[str, ...], default ()
        Names of the sources whose noise sets the threshold: records without earthquakes that nobody
        listed, as aftershocks are. By default those without earthquakes, or all.
    least_snr : float, default 1.5
        Signal-to-noise ratio above which P are counted. 0 or more.
    false_positive_rate : float, default 0.0015
        False positives per station and second in noise of the quiet sources. Above 0 and below 1.
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
    model: str | AnyPath = "universal",
    scores: str | AnyPath = ...,
    *,
    select: tuple[str, ...] | list[str] | str = (),
    start: str | None = None,
    end: str | None = None,
    time_scale: int = 1,
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
    recorder have no probabilities. Records of another rate than the model's are resampled to it
    as they are read, with a linear-phase filter; a rate below 0.4 of the model's is refused.

    Codes of state: 0 ready, 253 no_data, 254 failed, 255 not_run.

    Parameters
    ----------
    waveforms : path
        What ingest wrote.
    model : path, default 'universal'
        What train wrote, where workers find it too, or the name of a shipped model; 'universal'
        where only the other two are given.
    scores : path
        The product to write, or to go on with.
    select : tuple[str, ...], default ()
        Globs of NET.STA.LOC.CHA such as 'AZ.*.*.??Z'; all stations by default.
    start : str, optional
        Start of the time span, ISO 8601 UTC; widened to whole UTC hours.
    end : str, optional
        End of the time span (exclusive), ISO 8601 UTC; widened to whole UTC hours.
    time_scale : int, default 1
        Read records so many times slower, 500 samples/s at 5 as 100 samples/s: for small local
        earthquakes, whose waves are as many times faster than those a model was trained on. A
        second then has as many windows, and the one most like an earthquake stands for it. 1 or
        more.
    precision : {'float32', 'bfloat16'}, default 'float32'
        Arithmetic of the network: 'float32', or 'bfloat16' where the processor has it.
    batch : int, default 64
        Windows classified at once by models that take windows one by one (published, recurrent,
        forest). Changes speed and memory, not scores. 1 or more.
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
        Start of the time span, ISO 8601 UTC; widened to whole UTC hours.
    end : str, optional
        End of the time span (exclusive), ISO 8601 UTC; widened to whole UTC hours.
    min_nodes : int, default 10
        Fewest nodes in coincidence. 2 or more.
    false_positive_rate : float, default 0.0015
        False positives per node and second. The threshold on the probability of an earthquake is
        the one that keeps to this rate on the model's validation split. Above 0 and below 1.
    threshold : float, optional
        Lowest probability of an earthquake, in place of that rate. Above 0 and below 1.
    false_alarms_per_day : float, default 1.0
        Most coincidences by chance in a day: where the background of a day is high, more nodes are
        required. Above 0.
    slowest_velocity_m_s : float, default 2000.0
        Slowest apparent velocity, in m/s; with the aperture of the array it gives the largest
        moveout. Above 0.
    moveout_s : float, optional
        The largest moveout itself, in s; needed where stations have no coordinates. 0 or more and
        at most 300.
    merge_s : int, default 5
        A coincidence within so many seconds of one with more nodes belongs to that one. 1 or more
        and at most 300.
    low_hz : float, default 5.0
        Lower corner of the band in which traces are aligned, in Hz. Above 0.
    high_hz : float, default 30.0
        Upper corner, in Hz; at most 0.45 of the sampling rate is used. Above 0.
    max_lag_s : float, default 0.3
        Largest shift in one pass of the alignment, in s. Above 0 and at most 2.
    passes : int, default 3
        Number of passes of the alignment. 1 or more and at most 20.
    min_cc : float, optional
        Lowest mean correlation of the aligned traces; by default 0.4 where the median station has a
        neighbour within 300 m, so that waveforms are alike, else 0. It rejects coincidences that
        arise because neighbours share their noise. 0 or more and below 1.
    figures : int, default 20
        Number of events to draw, those with the most nodes first. 0 or more.
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
        Table of P and S at stations of the array. Events are timed by the median P; a detection at
        the median S is not new.
    predict : str, optional
        Earth model, such as iasp91. Events are timed by predicted P at the array; a detection at
        predicted S is not new.
    baselines : bool, default False
        Run two other detectors on the same records: STA/LTA with coincidence, and the product of
        nine sub-array envelopes.
    waveforms : path, optional
        With baselines: the WAVEFORMS that detect searched, if they have been moved since.
    equal : {'detections', 'new'}, default 'detections'
        With baselines, how their thresholds are set: 'detections': about as many detections as the
        catalogue has; 'new': no more new ones, which are its false alarms where the reference is
        complete.
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
        What train wrote, or the name of a shipped model.
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
