"""The noise: its spectrum, its rms, and that tiles do not depend on their order."""

import numpy as np
import pytest
from scipy import signal

from seisflow.stages.synth.noise import NOISE_SPECTRA, TILE_S, NoiseStream, noise_filter
from seisflow.stages.synth.streams import Stream


def _noise(spectrum: str, rate_hz: int, n_tiles: int) -> np.ndarray:
    stream = NoiseStream(5, Stream.NOISE, 0, noise_filter(spectrum, rate_hz))
    return np.concatenate([stream.tile(k) for k in range(n_tiles)])


@pytest.mark.parametrize("rate_hz", [20, 100, 500])
@pytest.mark.parametrize("spectrum", [*NOISE_SPECTRA, "wind", "vehicle"])
def test_the_rms_is_one(spectrum: str, rate_hz: int) -> None:
    noise = _noise(spectrum, rate_hz, 20)
    assert noise.dtype == np.float32
    assert noise.size == 20 * TILE_S * rate_hz
    assert noise.std() == pytest.approx(1.0, abs=0.06 if spectrum == "wind" else 0.03)


@pytest.mark.parametrize(("spectrum", "slope"), [("white", 0.0), ("pink", -1.0)])
def test_the_spectrum_has_its_slope(spectrum: str, slope: float) -> None:
    freqs, power = signal.welch(_noise(spectrum, 200, 20), fs=200, nperseg=2000)
    inside = (freqs > 1) & (freqs < 90)
    found, _ = np.polyfit(np.log(freqs[inside]), np.log(power[inside]), 1)
    assert found == pytest.approx(slope, abs=0.04)


@pytest.mark.parametrize("spectrum", [*NOISE_SPECTRA, "wind", "vehicle"])
def test_the_spectrum_is_the_one_designed(spectrum: str) -> None:
    rate_hz = 500
    freqs, power = signal.welch(_noise(spectrum, rate_hz, 30), fs=rate_hz, nperseg=2500)
    at = (freqs >= 1) & (freqs <= 200)
    designed = noise_filter(spectrum, rate_hz).power(freqs[at])
    error_db = 10 * np.log10(power[at] / designed)
    strong = designed > 1e-5 * designed.max()
    assert np.abs(error_db[strong]).max() < 1.5
    assert abs(error_db[strong].mean()) < 0.1


def test_field_noise_is_that_of_a_node() -> None:
    colour = noise_filter("field", 500)
    level = 10 * np.log10(colour.power(np.array([2.0, 10.0, 20.0, 30.0, 100.0, 220.0])))
    assert level - level[1] == pytest.approx([3.5, 0.0, -2.4, 0.0, -5.2, -24.0], abs=0.3)


def test_band_and_highpass_rms_are_those_measured() -> None:
    colour, noise = noise_filter("pink", 100), _noise("pink", 100, 60).astype(float)
    band = signal.butter(8, [5, 30], "bandpass", fs=100, output="sos")
    assert colour.band_rms(5, 30) == pytest.approx(signal.sosfilt(band, noise).std(), rel=0.02)
    high = signal.butter(2, 2, "highpass", fs=100, output="sos")
    assert colour.highpassed_rms() == pytest.approx(signal.sosfilt(high, noise).std(), rel=0.02)


def test_tiles_join_without_a_seam() -> None:
    """The filter's memory crosses the seam: filtered whole, the white noise gives the same."""
    colour = noise_filter("pink", 100)
    stream = NoiseStream(5, Stream.NOISE, 0, colour)
    white = np.concatenate([stream._white(k) for k in range(-1, 3)]).astype(float)
    whole = signal.fftconvolve(white, colour.taps)[colour.n_tile : 4 * colour.n_tile]
    tiles = np.concatenate([stream.tile(k) for k in range(3)])
    assert tiles == pytest.approx(whole, abs=1e-5)


def test_tiles_do_not_depend_on_their_order() -> None:
    colour = noise_filter("field", 100)
    forward = NoiseStream(5, Stream.NOISE, 0, colour)
    tiles = [forward.tile(k) for k in range(5)]
    backward = NoiseStream(5, Stream.NOISE, 0, colour)
    for k in (4, 2, 2, 3, 0):
        assert np.array_equal(backward.tile(k), tiles[k])


def test_nodes_and_uses_have_their_own_noise() -> None:
    colour = noise_filter("white", 100)
    keys = [(5, Stream.NOISE, 0), (5, Stream.NOISE, 1), (6, Stream.NOISE, 0), (5, Stream.GAPS, 0)]
    tiles = [NoiseStream(*key, colour).tile(3) for key in keys]
    assert np.abs(np.corrcoef(tiles) - np.eye(4)).max() < 0.06
