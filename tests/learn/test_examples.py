"""Wavelets come back as they were written, in any order, and what cannot be read is named."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly
from wavelet_sets import MARGIN_S, WINDOW_S, WaveletSet, write_wavelets

from seisflow.core.classes import Split, WaveletClass
from seisflow.dsp.resampling import Resampling
from seisflow.errors import ConfigError, DataError, IncompleteError
from seisflow.stages.learn.examples import Examples, open_examples

MADE = WaveletSet(n=150, shard=64, chunk=16)


@pytest.fixture(scope="module")
def wavelets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wavelets(tmp_path_factory.mktemp("set") / "w.zarr", MADE, unready=(3, 70))


@pytest.fixture(scope="module")
def examples(wavelets: Path) -> Examples:
    return open_examples(wavelets)


@pytest.fixture(scope="module")
def written() -> np.ndarray:
    return MADE.waveforms(MADE.columns())


def ready_indices() -> st.SearchStrategy[list[int]]:
    ready = [i for i in range(MADE.n) if i not in (3, 70)]
    return st.lists(st.sampled_from(ready), max_size=60)


@settings(max_examples=40, deadline=None)
@given(asked=ready_indices())
def test_any_wavelets_in_any_order(
    asked: list[int], examples: Examples, written: np.ndarray
) -> None:
    read = examples.read(np.array(asked, dtype=np.int64))
    assert read.dtype == np.float32
    assert np.array_equal(read, written[asked])


def test_columns_are_those_xarray_sees(wavelets: Path, examples: Examples) -> None:
    seen = xr.open_zarr(wavelets)
    assert np.array_equal(seen["start"].values.astype("datetime64[ns]").view("int64"),
                          examples.start_ns)  # fmt: skip
    for name in ("wavelet_class", "split", "snr", "distance_km", "magnitude", "arrival_s"):
        assert np.array_equal(seen[name].values, getattr(examples, name), equal_nan=True), name
    for name in ("station", "event"):
        assert seen[name].values.astype(object).tolist() == getattr(examples, name).tolist()
    rate = MADE.rate
    assert (examples.rate_hz, examples.window_samples) == (rate, WINDOW_S * rate)
    assert examples.margin_samples == MARGIN_S * rate
    assert examples.n_samples == seen["waveform"].shape[1]


def test_names_are_kept_once(examples: Examples) -> None:
    assert len({id(name) for name in examples.station}) == len(MADE.stations)


def test_splits_hold_ready_wavelets_alone(examples: Examples) -> None:
    chosen = [examples.select(split) for split in Split]
    assert sorted(np.concatenate(chosen)) == [i for i in range(MADE.n) if i not in (3, 70)]
    for split, indices in zip(Split, chosen, strict=True):
        assert np.all(np.diff(indices) > 0)
        found = examples.wavelet_class[indices]
        counts = {c.name.lower(): int(np.sum(found == c)) for c in WaveletClass}
        assert examples.counts(split) == counts


def test_shards_cut_at_the_files(examples: Examples) -> None:
    indices = examples.select(Split.TRAIN)
    parts = list(examples.shards(np.random.default_rng(0).permutation(indices)))
    assert np.array_equal(np.concatenate(parts), indices)
    assert [set(part // MADE.shard) for part in parts] == [{0}, {1}, {2}]


def test_a_piece_is_read_once(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Counting:
        def __getitem__(self, rows: slice) -> np.ndarray:
            asked.append((rows.start, rows.stop))
            return np.zeros((rows.stop - rows.start, examples.n_samples), np.float32)

        chunks, shards, shape = (MADE.chunk,), (MADE.shard,), (MADE.n,)

    monkeypatch.setitem(examples.sources[0].__dict__, "waveform", Counting())
    examples.read([149, 0, 5, 17, 100, 63, 64])
    # neighbouring pieces of one file together; not over the gap, nor over the end of a file
    assert asked == [(0, 18), (63, 64), (64, 65), (100, 101), (149, 150)]


def test_unready_wavelets_are_refused(examples: Examples) -> None:
    with pytest.raises(DataError, match=r"wavelet 70 \(ZG\..*could not be made"):
        examples.read([0, 70])
    with pytest.raises(IndexError, match="0 to 149"):
        examples.read([150])
    with pytest.raises(IndexError, match="0 to 149"):
        examples.read([-1])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_named(tmp_path: Path, value: float) -> None:
    made = WaveletSet(n=20)
    waveforms = made.waveforms(made.columns())
    waveforms[7, 100] = value
    examples = open_examples(write_wavelets(tmp_path / "w.zarr", made, waveforms=waveforms))
    with pytest.raises(DataError, match=r"wavelet 7 \(ZG\.R010.* not finite.*1 of the 2"):
        examples.read([8, 7])
    assert np.isfinite(examples.read([8, 9])).all()


@pytest.mark.parametrize("rates", [(100, 40), (125, 50), (200, 100), (500, 100), (40, 100)])
def test_wavelets_are_brought_to_another_rate(tmp_path: Path, rates: tuple[int, int]) -> None:
    """As SciPy does to each of them; the margin is shorter by what the filter needs."""
    rate, lower = rates
    made = WaveletSet(n=20, rate=rate, shard=8, chunk=4)
    path = write_wavelets(tmp_path / "w.zarr", made)
    examples, own = open_examples(path, lower), open_examples(path)
    assert (examples.rate_hz, examples.window_samples) == (lower, WINDOW_S * lower)
    way = Resampling(rate, lower)
    room_s = MARGIN_S - (len(way.taps) // 2 + max(way.up - way.down, 0)) / (way.up * rate)
    assert examples.margin_samples == int(room_s * lower + 1e-9)
    asked = np.array([17, 3, 4, 0])
    slow = resample_poly(
        own.read(asked).astype(float), way.up, way.down, axis=1, window=way.taps / way.up
    )
    first = round(MARGIN_S * lower) - examples.margin_samples
    expected = slow[:, first : first + examples.n_samples]
    np.testing.assert_allclose(examples.read(asked), expected, rtol=1e-5, atol=1e-2)
    assert examples.shard_bytes == 4 * own.n_samples * 8 == own.shard_bytes


def test_rates_that_cannot_be_had_are_refused(tmp_path: Path) -> None:
    made = WaveletSet(n=20, rate=100)
    waveforms = made.waveforms(made.columns())
    waveforms[7, 100] = np.nan
    path = write_wavelets(tmp_path / "w.zarr", made, waveforms=waveforms)
    with pytest.raises(ConfigError, match=r"251 samples/s are needed .* 100: .* above 50 Hz"):
        open_examples(path, 251)
    with pytest.raises(ConfigError, match="to 10 samples/s needs 251 samples beside a window"):
        open_examples(path, 10)
    with pytest.raises(DataError, match=r"wavelet 7 .* not finite.*1 of the 2"):
        open_examples(path, 50).read([8, 7])
    assert np.isfinite(open_examples(path, 50).read([8, 9])).all()


def test_an_unfinished_set_is_refused(tmp_path: Path) -> None:
    path = write_wavelets(tmp_path / "w.zarr", WaveletSet(n=20), complete=False)
    with pytest.raises(IncompleteError, match="1 of 1 tasks have not run"):
        open_examples(path)


def test_other_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        open_examples(tmp_path / "nothing.zarr")
    path = write_wavelets(tmp_path / "w.zarr", WaveletSet(n=20))
    change(path, lambda seisflow: seisflow["identity"].update(product="LABELS", format_version=2))
    with pytest.raises(ConfigError, match="is a LABELS product; a WAVELETS product is needed"):
        open_examples(path)


def test_lengths_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = write_wavelets(tmp_path / "w.zarr", WaveletSet(n=20), complete=False)
    change(path, lambda seisflow: seisflow.update(rate=[81, 2]))
    finish(path)
    with pytest.raises(DataError, match=r"40\.5 samples per second"):
        open_examples(path)
    change(path, lambda seisflow: seisflow.update(rate=[50, 1]))
    with pytest.raises(DataError, match="holds 240 samples of a wavelet, and a window of 200"):
        open_examples(path)


def change(path: Path, how: object) -> None:
    group = zarr.open_group(path, mode="r+")
    seisflow = group.attrs.asdict()["seisflow"]
    how(seisflow)  # type: ignore[operator]
    group.attrs["seisflow"] = seisflow


def finish(path: Path) -> None:
    from seisflow.archive.receipts import Receipt, write_receipt
    from seisflow.archive.store import read_product

    write_receipt(path, read_product(path).identity.key, Receipt("all"))
    assert json.loads((path / "_seisflow" / "plan.json").read_text())["tasks"] == ["all"]
