"""Resampling: SciPy's numbers, an offset stays one, the band is kept, and no cut plays a part."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from seisflow.dsp.resampling import BAND, STOP_DB, Resampling

RATES = [(200, 100), (250, 100), (500, 100), (1000, 100), (125, 100), (500, 250), (100, 100)]
RATES += [(50, 100), (40, 100), (80, 100)]


@pytest.mark.parametrize("rates", RATES)
def test_what_comes_out_is_what_scipy_makes_of_the_whole(rates: tuple[int, int]) -> None:
    way = Resampling(*rates)
    samples = np.random.default_rng(0).normal(size=20 * rates[0]).cumsum()
    whole = resample_poly(samples, way.up, way.down, window=way.taps / way.up)
    n, first_s = 7 * rates[1] + 3, 4
    found = way(samples, first_s * rates[0] * way.up, n)
    np.testing.assert_allclose(found, whole[first_s * rates[1] :][:n], rtol=0, atol=1e-9)


@pytest.mark.parametrize("rates", RATES)
def test_no_cut_plays_a_part(rates: tuple[int, int]) -> None:
    way = Resampling(*rates)
    samples = np.random.default_rng(1).normal(0, 1000, 30 * rates[0]) + 1e6
    second = rates[0] * way.up
    whole = way(samples, 2 * second, 25 * rates[1])
    part = way(samples[9 * rates[0] :], 2 * second, 5 * rates[1])
    np.testing.assert_array_equal(part, whole[9 * rates[1] :][: 5 * rates[1]])
    halo = way.halo_samples
    first = 12 * rates[0] - halo
    alone = way(samples[first : first + 2 * halo + 1], halo * way.up, 1)
    np.testing.assert_array_equal(alone, whole[10 * rates[1]])


@pytest.mark.parametrize("kind", ["<i4", ">i4", "<f4", ">f4", ">f8", "<i2", "<i8", "<f2"])
def test_any_type_and_order_of_bytes_is_read(kind: str) -> None:
    way = Resampling(500, 100)
    samples = np.random.default_rng(2).normal(0, 1000, 10_000).astype(kind)
    samples.flags.writeable = False
    found = way(samples, 2000, 50)
    np.testing.assert_array_equal(found, way(samples.astype(np.float64), 2000, 50))


@pytest.mark.parametrize("rates", RATES)
def test_an_offset_stays_an_offset(rates: tuple[int, int]) -> None:
    way = Resampling(*rates)
    found = way(np.full(20 * rates[0], 8_388_607.0), 5 * rates[0] * way.up, 3 * rates[1] + 1)
    np.testing.assert_allclose(found, 8_388_607, rtol=1e-13)


@pytest.mark.parametrize("rates", [rates for rates in RATES if rates[0] != rates[1]])
def test_the_band_is_kept_and_nothing_folded_into_it(rates: tuple[int, int]) -> None:
    way = Resampling(*rates)
    seconds = np.arange(20 * rates[0]) / rates[0]
    first, n = 5 * rates[0] * way.up, 8 * rates[1]
    later = 5 + np.arange(n) / rates[1]
    half = min(rates) / 2
    for hz in (0.3 * half, BAND * half):
        wave = way(np.sin(2 * np.pi * hz * seconds), first, n)
        np.testing.assert_allclose(wave, np.sin(2 * np.pi * hz * later), atol=3e-4)
    if rates[1] < rates[0]:
        folded = way(np.sin(2 * np.pi * (2 - BAND) * half * seconds), first, n)
        assert np.abs(folded).max() < 3 * 10 ** (-STOP_DB / 20)


@pytest.mark.parametrize("rate", [40, 50, 80])
def test_a_higher_rate_adds_nothing_above_what_was_recorded(rate: int) -> None:
    way = Resampling(rate, 100)
    samples = np.random.default_rng(4).normal(size=60 * rate)
    spectrum = np.abs(np.fft.rfft(way(samples, 5 * rate * way.up, 5000) * np.hanning(5000)))
    above = np.fft.rfftfreq(5000, 0.01) > (2 - BAND) * rate / 2
    assert spectrum[above].max() < 1e-3 * np.median(spectrum[~above])


def test_what_cannot_be_is_refused() -> None:
    way = Resampling(500, 100)
    halo = way.halo_samples
    way(np.zeros(2 * halo + 1), halo, 1)
    for samples, first, n in ((2 * halo, halo, 1), (2 * halo + 1, halo - 1, 1), (999, halo, 200)):
        with pytest.raises(ValueError, match="reaches beyond the record"):
            way(np.zeros(samples), first, n)
