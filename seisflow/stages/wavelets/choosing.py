"""From candidates to examples: split them, balance them, put them in order, count what is left out.

Invariant: depends on the candidates as a set, never on their order or on who found them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Origin, Split, WaveletClass
from seisflow.core.grid import NS_PER_S, SampleGrid
from seisflow.core.randomness import draws, key_of
from seisflow.errors import ConfigError, DataError
from seisflow.stages.wavelets.balancing import balance, count_classes
from seisflow.stages.wavelets.config import LEAST_TIME_BLOCK_S, AssembleConfig
from seisflow.stages.wavelets.inputs import Channel
from seisflow.stages.wavelets.layout import Examples
from seisflow.stages.wavelets.matching import MatchedArrivals, site_of
from seisflow.stages.wavelets.scan import BELOW, Candidates
from seisflow.stages.wavelets.shortfalls import Groups, shares_of, shortfalls
from seisflow.stages.wavelets.splitting import (
    BORDER,
    UNUSED,
    Blocks,
    Counted,
    Deal,
    block_sites,
    deal_blocks,
    split_by_blocks,
    split_shuffled,
)

__all__ = ["Assembly", "Survey", "choose"]


NOISE = (WaveletClass.RANDOM_NOISE, WaveletClass.NOT_RANDOM_NOISE)
DEALS = 64
"""Ways of dealing out the blocks that are tried until every split has its shares."""


@dataclass(frozen=True)
class Survey:
    """Channels that give examples, the onsets at them, and the grid of WAVEFORMS.

    ``labelled_by`` is the method that made LABELS; empty where it is not known.
    """

    config: AssembleConfig
    channels: tuple[Channel, ...]
    arrivals: MatchedArrivals
    grid: SampleGrid
    labelled_by: str = ""

    @property
    def sites(self) -> list[tuple[str, str]]:
        """Network and station of the channels, each once, in order."""
        return sorted({site_of(c.name) for c in self.channels})


@dataclass(frozen=True)
class Assembly:
    """The examples, and the document that says how they came to be."""

    examples: Examples
    document: Mapping[str, Any]
    problems: tuple[str, ...] = ()


def choose(survey: Survey, found: Candidates) -> Assembly:
    """Choose examples among candidates.

    Parameters
    ----------
    survey : Survey
        Configuration, channels, onsets.
    found : Candidates
        All candidates, in the order of `Candidates.joined`.

    Returns
    -------
    Assembly
        Examples ordered by split, and at random within a split, so that reading one behind the
        other is reading at random.

    Raises
    ------
    ConfigError
        One site cannot be split by stations.
    DataError
        A class has no candidate, or too few to be in every split.
    """
    classes = _classes(survey, found)
    chance = _chances(survey, found)
    blocks = _blocks(survey, found)
    split, deal = _dealt(survey, found, blocks, chance)
    cells = np.stack([found.channel, np.where(found.onset >= 0, found.onset, blocks.home)], axis=1)
    per_class, equal = survey.config.per_class, survey.config.balance
    chosen = balance(found.wavelet_class, split, cells, chance, per_class, classes, equal=equal)
    # not by the same bits: those chosen among many have small ones
    again = draws(key_of(survey.config.seed, "order"), chance[chosen].view(np.int64))
    order = chosen[np.lexsort((chosen, again, split[chosen]))]
    examples = _examples(survey, found, split, order)
    sizes = count_classes(examples.wavelet_class, examples.split)
    warnings = [*_absent(survey, classes)]
    warnings += shortfalls(survey.config, _groups(survey, found, blocks), split, sizes)
    document = _document(survey, found, split, examples)
    document |= {"deal": deal, "warnings": warnings}
    return Assembly(examples, document, found.problems)


def _groups(survey: Survey, found: Candidates, blocks: Blocks) -> Groups:
    event = _of_onsets(survey.arrivals.event, found.onset, np.int64(-1))
    return Groups(found.wavelet_class, blocks.home, event)


def _of_onsets(
    values: npt.NDArray[Any], onset: npt.NDArray[np.int64], fill: Any
) -> npt.NDArray[Any]:
    """Return what each onset has, and `fill` for noise, whose onset is -1."""
    found = np.full(len(onset), fill, dtype=values.dtype)
    quake = onset >= 0
    found[quake] = values[onset[quake]]
    return found


def _classes(survey: Survey, found: Candidates) -> tuple[WaveletClass, ...]:
    """Return the classes that every split must have; of noise alone, those there are.

    Raises
    ------
    DataError
        One has no candidate; of noise alone, both.
    """
    counts = {c: int((found.wavelet_class == c).sum()) for c in WaveletClass}
    asked = NOISE if survey.config.arrivals is None else tuple(WaveletClass)
    there = tuple(c for c in asked if counts[c])
    if there == asked or (there and survey.config.arrivals is None):
        return there
    raise _no_candidate(survey, found, {c.name.lower(): counts[c] for c in asked})


def _absent(survey: Survey, classes: Sequence[WaveletClass]) -> Iterator[str]:
    """Say which noise there is none of, in a set of noise alone."""
    for code in NOISE:
        if code not in classes:
            name = code.name.lower().replace("_", " ")
            yield f"{survey.config.labels} has no window of {name}, and so the set has none"


def _no_candidate(survey: Survey, found: Candidates, counts: Mapping[str, int]) -> DataError:
    """Return the error that says which classes have no candidate."""
    empty = [name for name, n in counts.items() if n == 0]
    reasons = {"onsets": dict(found.arrivals), "seconds of labels": dict(found.seconds)}
    return DataError(
        f"there is no candidate of {', '.join(empty)} (candidates: {counts}; left out: {reasons}); "
        f"{'every class needs some' if survey.config.arrivals else 'one of them needs some'}: "
        f"{' or '.join(_advice_for_empty(survey, found, empty))}"
    )


def _advice_for_empty(survey: Survey, found: Candidates, empty: Sequence[str]) -> Iterator[str]:
    """Yield what may give candidates of classes without any; never what was done already."""
    if WaveletClass.EARTHQUAKE.name.lower() in empty:
        if found.arrivals[BELOW] and survey.config.snr_min > 0:
            yield f"lower --snr-min ({survey.config.snr_min:g})"
        yield "give other arrivals"
    if set(empty) - {WaveletClass.EARTHQUAKE.name.lower()}:
        if survey.config.labels is None:
            yield "give records that reach farther before and behind the arrivals"
            return
        if survey.labelled_by == "reference":
            yield "label with --method calibrated (these labels are of reference)"
        yield "give more labelled time"
        if WaveletClass.NOT_RANDOM_NOISE.name.lower() in empty and not survey.config.coda:
            yield from ["take the coda of arrivals (--coda)"] if survey.config.arrivals else []


def _no_deal(
    survey: Survey, found: Candidates, split: npt.NDArray[np.uint8], n_deals: int
) -> DataError:
    """Return the error that says what each split would have."""
    counts, classes = count_classes(found.wavelet_class, split), _classes(survey, found)
    rows = "; ".join(
        f"{s.name.lower()} {', '.join(f'{counts[s, c]} {c.name.lower()}' for c in classes)}"
        for s in Split
    )
    n_events = len(np.unique(survey.arrivals.event[found.onset[found.onset >= 0]]))
    what = "noise" if survey.config.arrivals is None else f"{n_events} events"
    return DataError(
        f"too few events, stations or windows to split {survey.config.split}: {what} at "
        f"{len(np.unique(found.channel))} stations give {rows}, and no deal (of {n_deals}) gives "
        f"every split every class: {' or '.join(_advice_for_deal(survey, n_events))}"
    )


def _advice_for_deal(survey: Survey, n_events: int) -> Iterator[str]:
    """Yield what may give every split every class; never what was done already."""
    config, noise_alone = survey.config, survey.config.arrivals is None
    if config.split != "shuffled" and n_events < len(Split) and not noise_alone:
        yield f"an event is in one split: give arrivals of {len(Split)} events or more"
        return
    if config.split == "grouped":
        yield "try --split events (stations shared)"
        n_blocks = min(config.station_blocks, len(survey.sites))
        if n_blocks > 2:
            yield f"fewer --station-blocks than {n_blocks}"
    if config.split != "shuffled" and config.time_block_s > LEAST_TIME_BLOCK_S:
        yield f"a shorter --time-block-s ({config.time_block_s} now)"
    wanted = [*([] if noise_alone else ["more arrivals"]), "more labelled time"]
    yield f"give {' and '.join(wanted if config.labels else ['more arrivals', 'more records'])}"


def _chances(survey: Survey, found: Candidates) -> npt.NDArray[np.uint64]:
    """Return random bits for every candidate, from its channel, class and start."""
    chance = np.empty(len(found.start), dtype=np.uint64)
    start_ns = survey.grid.times_of(found.start)
    bounds = np.searchsorted(found.channel, np.arange(len(survey.channels) + 1))
    for channel, (first, stop) in zip(survey.channels, pairwise(bounds), strict=True):
        for code in WaveletClass:
            here = first + np.flatnonzero(found.wavelet_class[first:stop] == code)
            key = key_of(survey.config.seed, "choose", channel.name, code.name)
            chance[here] = draws(key, start_ns[here])
    return chance


def _blocks(survey: Survey, found: Candidates) -> Blocks:
    """Return the block of time a candidate belongs to, and those it touches with its margins."""
    config, rate = survey.config, int(survey.grid.rate)
    block_ns = config.time_block_s * NS_PER_S
    margin = round(config.margin_s * rate)
    first = survey.grid.times_of(found.start - margin) // block_ns
    stop = found.start + config.window_s * rate + margin
    last = (survey.grid.times_of(stop) - 1) // block_ns
    homes = survey.arrivals.first_ns[survey.arrivals.event] // block_ns
    home = np.where(found.onset >= 0, _of_onsets(homes, found.onset, 0), first)
    return Blocks(home, first, last)


def _dealt(
    survey: Survey, found: Candidates, blocks: Blocks, chance: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint8], int]:
    """Return the split of every candidate, and the number of the deal of the blocks.

    Of some deals that is the one whose shares are the nearest to those wanted, among those that
    give every split some of every class. The first whose shares are near enough ends the search.
    """
    config = survey.config
    if config.split == "shuffled":
        split = split_shuffled(chance, found.wavelet_class, shares_of(config))
        if not _is_complete(found, split):
            raise _no_deal(survey, found, split, 1)
        return split, 0
    held = config.held if config.split == "grouped" else None
    site_block = _site_blocks(survey)[found.channel]
    counted = Counted.of(blocks.home, site_block, found.wavelet_class)
    deals: list[tuple[float, int, Deal]] = []
    for number in range(DEALS):
        deal = deal_blocks(counted, shares_of(config), held, (config.seed, number))
        deals.append((deal.misfit, number, deal))
        if deal.is_met:
            split = _split(blocks, site_block, deal)
            if _is_complete(found, split):
                return split, number
    return _best(survey, found, blocks, site_block, deals)


def _best(
    survey: Survey,
    found: Candidates,
    blocks: Blocks,
    site_block: npt.NDArray[np.int64],
    deals: list[tuple[float, int, Deal]],
) -> tuple[npt.NDArray[np.uint8], int]:
    """Return the nearest of the deals that give every split every class."""
    deals.sort(key=lambda each: each[:2])
    for _, number, deal in deals:
        split = _split(blocks, site_block, deal)
        if _is_complete(found, split):
            return split, number
    raise _no_deal(survey, found, _split(blocks, site_block, deals[0][2]), len(deals))


def _split(blocks: Blocks, site_block: npt.NDArray[np.int64], deal: Deal) -> npt.NDArray[np.uint8]:
    held = None if deal.held is None else deal.held[site_block]
    return split_by_blocks(blocks, deal.times, held)


def _is_complete(found: Candidates, split: npt.NDArray[np.uint8]) -> bool:
    """Tell whether every split has some of every class that has candidates."""
    counts = count_classes(found.wavelet_class, split)
    return bool(counts[:, np.unique(found.wavelet_class)].min() > 0)


def _site_blocks(survey: Survey) -> npt.NDArray[np.int64]:
    """Return for each channel the number of its block of sites; 0 where stations are shared."""
    config, sites = survey.config, survey.sites
    if config.split != "grouped":
        return np.zeros(len(survey.channels), dtype=np.int64)
    if len(sites) < 2:
        raise ConfigError(
            f"found 1 site, {'.'.join(sites[0])}; --split grouped holds stations from training and "
            "needs two at least; use --split events"
        )
    places = {site_of(c.name): c.place for c in reversed(survey.channels)}
    found = block_sites(sites, [places[site] for site in sites], config.station_blocks)
    of_site = dict(zip(sites, found.tolist(), strict=True))
    return np.array([of_site[site_of(c.name)] for c in survey.channels], dtype=np.int64)


def _examples(
    survey: Survey,
    found: Candidates,
    split: npt.NDArray[np.uint8],
    order: npt.NDArray[np.int64],
) -> Examples:
    arrivals, onset = survey.arrivals, found.onset[order]
    start_ns = survey.grid.times_of(found.start[order])
    names = np.array([c.name for c in survey.channels], dtype=object)
    events = np.array(arrivals.events, dtype=object)[arrivals.event]
    ahead_ns = _of_onsets(arrivals.onset_ns, onset, 0) - start_ns

    def of_onsets(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.where(onset >= 0, values, np.nan).astype(np.float32)

    return Examples(
        names[found.channel[order]],
        start_ns,
        found.wavelet_class[order],
        split[order],
        _of_onsets(events, onset, ""),
        of_onsets(found.snr[order]),
        of_onsets(_of_onsets(arrivals.distance_km, onset, np.nan)),
        of_onsets(_of_onsets(arrivals.magnitude, onset, np.nan)),
        of_onsets(ahead_ns / NS_PER_S),
        found.origin[order],
    )


def _document(
    survey: Survey, found: Candidates, split: npt.NDArray[np.uint8], examples: Examples
) -> dict[str, Any]:
    """Count everything: what was chosen, by split, class and station, and what was not, and why."""
    n_used = int(np.isin(split, [int(s) for s in Split]).sum())
    windows = {
        "unused split cell": int((split == UNUSED).sum()),
        "reaches into another split": int((split == BORDER).sum()),
        "balance" if survey.config.balance else "above per_class": n_used - len(examples),
    }
    by_station: dict[str, dict[str, int]] = {}
    rows = zip(examples.station, examples.split, examples.wavelet_class, strict=True)
    for (name, part, code), n in sorted(Counter(rows).items()):
        key = f"{Split(part).name.lower()}.{WaveletClass(code).name.lower()}"
        by_station.setdefault(name, {})[key] = n
    return {
        "examples": len(examples),
        "candidates": {c.name.lower(): int((found.wavelet_class == c).sum()) for c in WaveletClass},
        "splits": {s.name.lower(): _of_split(survey, examples, s) for s in Split},
        "origins": {s.name.lower(): _origins(examples, s) for s in Split},
        "stations": by_station,
        "rejected_arrivals": dict(Counter(survey.arrivals.rejected) + found.arrivals),
        "rejected_seconds": dict(found.seconds),
        "rejected_windows": windows,
    }


def _origins(examples: Examples, split: Split) -> dict[str, int]:
    """Count the examples of a split by why they have their class."""
    here = examples.origin[examples.split == split]
    return {o.name.lower(): int((here == o).sum()) for o in Origin}


def _of_split(survey: Survey, examples: Examples, split: Split) -> dict[str, int]:
    here = examples.split == split
    block_ns = survey.config.time_block_s * NS_PER_S
    events = set(examples.event[here]) - {""}
    return {
        **{c.name.lower(): int((examples.wavelet_class[here] == c).sum()) for c in WaveletClass},
        "stations": len(set(examples.station[here])),
        "events": len(events),
        "time_blocks": len(np.unique(examples.start_ns[here] // block_ns)),
    }
