"""The torch kernel against the CPU's, on CPU tensors and, where there is one, on a GPU."""

import subprocess
import sys
from dataclasses import fields
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_label_method import golden

from seisflow.core.classes import Undetermined
from seisflow.dsp.correlation import max_cross_correlation, plain_cross_correlation
from seisflow.dsp.windows import cut_windows
from seisflow.engine.devices import resolve_device
from seisflow.errors import ConfigError, DataError
from seisflow.stages.label import method as labelling
from seisflow.stages.label import torch_correlation
from seisflow.stages.label.parameters import ReferenceParameters
from seisflow.stages.label.rounds import Features, Rounds, run_rounds
from seisflow.stages.label.torch_correlation import (
    BUFFERS,
    CUDA_WORKSPACE_BYTES,
    projected_bytes,
    torch_max_cross_correlation,
    torch_template_cross_correlation,
)

LENGTHS = (20, 25, 99, 100, 250, 501, 1000, 2000)
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-14}


@pytest.fixture
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="torch is not installed: it is a dependency")


@pytest.fixture
def cuda(torch: ModuleType) -> str:
    if not torch.cuda.is_available():
        pytest.skip(f"torch {torch.__version__} sees no GPU on this machine")
    return "cuda"


def noise_windows(n_windows: int, n_samples: int) -> np.ndarray:
    """Windows of unlike size and offset, some alike but shifted, one of zero energy."""
    rng = np.random.default_rng(n_samples)
    windows = rng.standard_normal((n_windows, n_samples)) * 10 ** rng.uniform(-3, 6, (n_windows, 1))
    if n_windows > 5:
        windows[1] = np.roll(windows[0], n_samples // 4)
        windows[2] = -windows[0]
        windows[3] += 5 * np.abs(windows[3]).max()
        windows[4] = 0
    return windows


def plainly(windows: np.ndarray, columns: np.ndarray, max_lag: int) -> np.ndarray:
    """What the CPU's kernel gives, without compiling one for each length and lag."""
    energy = np.linalg.norm(windows, axis=1, keepdims=True)
    unit = np.divide(windows, energy, out=np.zeros_like(windows), where=energy > 0)
    cc = plain_cross_correlation(unit, unit[columns], max_lag)
    cc[columns, np.arange(len(columns))] = 1
    return cc


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("n_windows", [1, 17])
def test_all_pairs_equal_those_of_the_kernel(n_windows: int) -> None:
    windows = noise_windows(n_windows, 100)
    expected = max_cross_correlation(windows)
    found = torch_max_cross_correlation(windows, device="cpu")
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[np.float64])
    np.testing.assert_allclose(
        plainly(windows, np.arange(n_windows), 50), expected, rtol=0, atol=TOLERANCE[np.float64]
    )


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("n_samples", LENGTHS)
@pytest.mark.parametrize("n_windows", [1, 2, 3, 17, 65])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_pairs_equal_the_cpu(n_samples: int, n_windows: int, dtype: type[np.floating]) -> None:
    windows = noise_windows(n_windows, n_samples).astype(dtype)
    for max_lag in (0, n_samples // 2, n_samples - 1):
        expected = plainly(windows.astype(np.float64), np.arange(n_windows), max_lag)
        found = torch_max_cross_correlation(windows, max_lag_samples=max_lag, device="cpu")
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("n_samples", LENGTHS)
@pytest.mark.parametrize("templates", [[], [0], [16, 4, 2], list(range(17))])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_templates_equal_the_cpu(
    n_samples: int, templates: list[int], dtype: type[np.floating]
) -> None:
    windows, chosen = noise_windows(17, n_samples).astype(dtype), np.array(templates, np.int64)
    for max_lag in (0, None, n_samples - 1):
        lag = n_samples // 2 if max_lag is None else max_lag
        expected = plainly(windows.astype(np.float64), chosen, lag)
        found = torch_template_cross_correlation(
            windows, chosen, max_lag_samples=max_lag, device="cpu"
        )
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype])
        np.testing.assert_array_equal(found[chosen, np.arange(chosen.size)], 1)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_largest_lag_is_left_out_where_it_lies_beyond(dtype: type[np.floating]) -> None:
    windows = np.zeros((2, 40), dtype)
    windows[0, 5] = windows[1, 12] = 3
    for max_lag, expected in ((6, 0), (7, 1), (8, 1)):
        for order in (windows, windows[::-1]):
            found = torch_max_cross_correlation(order, max_lag_samples=max_lag, device="cpu")
            np.testing.assert_allclose(found[0, 1], expected, atol=TOLERANCE[dtype])


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("n_samples", [40, 500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrix_is_symmetric_and_free_of_scale(n_samples: int, dtype: type[np.floating]) -> None:
    windows = noise_windows(37, n_samples).astype(dtype)
    found = torch_max_cross_correlation(windows, device="cpu")
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(found.diagonal(), 1)
    assert not np.delete(found[4], 4).any()
    scales = 2.0 ** np.random.default_rng(0).integers(-60, 60, (37, 1))
    scaled = torch_max_cross_correlation((windows * scales).astype(dtype), device="cpu")
    np.testing.assert_array_equal(scaled, found)


@pytest.mark.usefixtures("torch")
def test_a_template_of_zero_energy_correlates_with_nothing_else() -> None:
    windows, templates = noise_windows(17, 40), np.array([3, 4, 5])
    found = torch_template_cross_correlation(windows, templates, device="cpu")
    assert found[4, 1] == 1
    assert not np.delete(found[:, 1], 4).any()
    assert not found[4, [0, 2]].any()


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("n_windows", [1, 2, 64, 65, 150])
def test_mirroring_in_blocks_is_a_transpose(
    n_windows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = noise_windows(n_windows, 40)
    expected = torch_max_cross_correlation(windows, device="cpu")
    monkeypatch.setattr(torch_correlation, "MIRRORED_ROWS", 32)
    np.testing.assert_array_equal(torch_max_cross_correlation(windows, device="cpu"), expected)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("n_samples", [40, 99, 500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiles_of_another_size_give_the_same(n_samples: int, dtype: type[np.floating]) -> None:
    """Equal bits on a CPU; a GPU's library may choose another algorithm for another batch."""
    windows = noise_windows(33, n_samples).astype(dtype)
    expected = torch_max_cross_correlation(windows, device="cpu")
    for workspace in (1, 50_000, 333_333, 2**26):
        found = torch_max_cross_correlation(windows, device="cpu", workspace_bytes=workspace)
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype])
        again = torch_max_cross_correlation(windows, device="cpu", workspace_bytes=workspace)
        np.testing.assert_array_equal(again, found)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("n_windows", [0, 300])
def test_windows_as_they_come(n_windows: int) -> None:
    """Views, arrays in Fortran order and arrays that may not be written to."""
    windows = noise_windows(300, 40)[:n_windows]
    expected = torch_max_cross_correlation(windows, device="cpu")
    assert expected.shape == (n_windows, n_windows)
    frozen = windows.copy()
    frozen.flags.writeable = False
    for given_windows in (frozen, np.asfortranarray(windows), windows[::-1].copy()[::-1]):
        found = torch_max_cross_correlation(given_windows, device="cpu")
        np.testing.assert_array_equal(found, expected)


@given(
    n_rows=st.integers(1, 90),
    n_columns=st.integers(1, 90),
    n_transforms=st.integers(1, 5000),
    upper=st.booleans(),
)
def test_tiles_hold_each_wanted_pair_once(
    n_rows: int, n_columns: int, n_transforms: int, upper: bool
) -> None:
    n_columns = n_rows if upper else n_columns
    n_pairs = (n_columns + 1) // 2
    count = np.zeros((n_rows, 2 * n_pairs), int)
    for tile in torch_correlation._tiles(n_rows, n_pairs, n_transforms, upper=upper):
        assert 0 < tile.n_rows * tile.n_pairs <= n_transforms
        columns = slice(2 * tile.first_pair, 2 * (tile.first_pair + tile.n_pairs))
        count[tile.first_row : tile.first_row + tile.n_rows, columns] += 1
    assert count.max() == 1
    wanted = np.triu(np.ones_like(count)) if upper else np.ones_like(count)
    assert count[wanted == 1].all()


def test_tiles_of_an_hour_waste_little_of_a_gpu() -> None:
    n_transforms = CUDA_WORKSPACE_BYTES // (BUFFERS * 768 * 8)
    tiles = list(torch_correlation._tiles(3600, 1800, n_transforms, upper=True))
    assert len(tiles) < 250
    needed = 3600 * 3599 / 4
    assert needed < len(tiles) * n_transforms < 1.06 * needed


@pytest.mark.parametrize("n_points", [1, 2, 7, 30, 75, 150, 375, 750, 999, 1500, 3999])
def test_transforms_are_long_enough_and_of_small_factors(n_points: int) -> None:
    length = torch_correlation._transform_length(n_points)
    assert n_points <= length <= 1.2 * n_points
    odd = length
    while odd % 2 == 0:
        odd //= 2
    assert odd in torch_correlation.ODD_FACTORS
    assert torch_correlation._transform_length(750) == 768


@pytest.mark.parametrize("n_windows", [200, 400])
def test_no_tensor_outgrows_the_workspace_the_spectra_and_the_result(
    torch: ModuleType, n_windows: int
) -> None:
    """All lags of all pairs would take 25 MB and 102 MB."""
    from torch.utils._python_dispatch import TorchDispatchMode

    sizes: list[int] = []

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            result = func(*args, **(kwargs or {}))
            made = result if isinstance(result, (tuple, list)) else [result]
            sizes.extend(t.untyped_storage().nbytes() for t in made if torch.is_tensor(t))
            return result

    workspace = 2_000_000
    windows = np.random.default_rng(0).standard_normal((n_windows, 100)).astype(np.float32)
    with Sizes():
        torch_max_cross_correlation(windows, device="cpu", workspace_bytes=workspace)
    spectra = n_windows * 160 * 8
    tile = workspace // BUFFERS
    assert max(sizes) <= max(spectra, n_windows**2 * 4, tile)
    assert sum(size > 0.99 * tile for size in sizes) > 10


def test_projection_grows_with_the_result_alone() -> None:
    small, large = (
        projected_bytes((n, 500), n, max_lag_samples=250, itemsize=4, workspace_bytes=2**28)
        for n in (3600, 7200)
    )
    per_window = 500 * 12 + 1.5 * 768 * 8
    assert small == 3600**2 * 4 + 3600 * per_window + 2**28
    assert large == 7200**2 * 4 + 7200 * per_window + 2**28


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_float32_reproduces_the_golden_hour() -> None:
    """The others are for a GPU: a CPU takes minutes to correlate an hour in torch."""
    assert_golden(rounds_on("cpu", "synthetic_100hz"), golden("synthetic_100hz"))


def test_the_golden_comparison_can_fail() -> None:
    hour = golden("synthetic_100hz")
    windows = cut_windows(hour["waveform"].astype(np.float64), 100)
    short = max_cross_correlation(windows.astype(np.float32), max_lag_samples=10)
    with pytest.raises(AssertionError):
        assert_golden(run_rounds(windows, short, ReferenceParameters()), hour)


def rounds_on(device: str, name: str) -> Rounds:
    """Label a golden hour with correlations from torch, in float32."""
    hour = golden(name)
    windows = cut_windows(hour["waveform"].astype(np.float64), int(hour["sampling_rate"]))
    cc = torch_max_cross_correlation(windows.astype(np.float32), device=device)
    return run_rounds(windows, cc, ReferenceParameters())


def assert_golden(found: Rounds, hour: dict[str, np.ndarray]) -> None:
    """Equal as the CPU's float32 labels are, see test_label_method."""
    assert found.reason is Undetermined.NONE
    np.testing.assert_array_equal(found.label, hour["label"])
    np.testing.assert_array_equal(found.n_rn, hour["n_rn_per_round"])
    features = {field.name: getattr(found.features, field.name) for field in fields(Features)}
    np.testing.assert_allclose(features["median_cc"], hour["median_cc"], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(features["density"], hour["density"])
    weighted = hour["weighted_density"]
    np.testing.assert_allclose(features["weighted_density"], weighted, atol=1e-6)


IMPORT_SCRIPT = """
import sys
import seisflow, seisflow.stages.label.stage, seisflow.engine.devices
import seisflow.stages.label.torch_correlation
assert seisflow.engine.devices.resolve_device("cpu") == "cpu"
assert "torch" not in sys.modules, "torch was imported"
"""


def test_labelling_on_a_cpu_does_not_import_torch() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORT_SCRIPT], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def torch_that_sees(n_gpus: int) -> SimpleNamespace:
    return SimpleNamespace(
        __version__="2.13.0", cuda=SimpleNamespace(is_available=lambda: n_gpus > 0)
    )


@pytest.mark.parametrize(("n_gpus", "expected"), [(0, "cpu"), (2, "cuda")])
def test_auto_takes_the_gpu_there_is(
    n_gpus: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch_that_sees(n_gpus))
    assert resolve_device("auto") == expected
    assert resolve_device("cpu") == "cpu"


def test_cuda_is_given_where_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch_that_sees(1))
    assert resolve_device("cuda") == "cuda"


def test_cuda_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch_that_sees(0))
    with pytest.raises(ConfigError, match=r"torch 2\.13\.0 sees no GPU; give --device cpu or auto"):
        resolve_device("cuda")


def test_cuda_without_torch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r"torch is not installed.*PyTorch built for CUDA"):
        resolve_device("cuda")
    assert resolve_device("auto") == "cpu"


def test_torch_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "torch":
                raise OSError("libcudart.so.13: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken, *sys.meta_path])
    with pytest.raises(ConfigError, match=r"torch cannot be imported \(libcudart"):
        resolve_device("cuda")
    assert resolve_device("auto") == "cpu"


@pytest.mark.parametrize("name", ["gpu", "cuda:1", "CUDA", ""])
def test_other_devices_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"known: cpu, cuda, auto; .* CUDA_VISIBLE_DEVICES"):
        resolve_device(name)


@pytest.mark.parametrize("max_lag", [-1, 40])
def test_lags_beyond_the_window_are_refused(max_lag: int) -> None:
    windows = np.ones((3, 40))
    with pytest.raises(ConfigError, match="give 0 to 39"):
        torch_max_cross_correlation(windows, max_lag_samples=max_lag, device="cpu")
    with pytest.raises(ConfigError, match="give 0 to 39"):
        torch_template_cross_correlation(
            windows, np.array([0]), max_lag_samples=max_lag, device="cpu"
        )


@pytest.mark.parametrize("windows", [np.ones(40), np.ones((3, 40), np.int32)])
def test_what_is_no_matrix_of_floats_is_refused(windows: np.ndarray) -> None:
    with pytest.raises(DataError, match="matrix of float32 or float64"):
        torch_max_cross_correlation(windows, device="cpu")
    with pytest.raises(DataError, match="matrix of float32 or float64"):
        torch_template_cross_correlation(windows, np.array([0]), device="cpu")


@pytest.mark.usefixtures("torch")
def test_a_template_that_is_no_window_is_refused_before_it_meets_a_gpu() -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        torch_template_cross_correlation(np.ones((3, 40)), np.array([3]), device="not reached")


def test_too_little_memory_says_what_to_do(
    torch: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("Tried to allocate 256.00 MiB")

    monkeypatch.setattr(torch_correlation, "_largest_lags", exhausted)
    with pytest.raises(ConfigError, match=r"3 windows with 3 takes more memory .*fewer workers"):
        torch_max_cross_correlation(np.ones((3, 40)), device="cpu")


@pytest.mark.parametrize("n_samples", [20, 99, 500, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gpu_equals_the_cpu(cuda: str, n_samples: int, dtype: type[np.floating]) -> None:
    windows, templates = noise_windows(301, n_samples).astype(dtype), np.array([300, 4, 7])
    expected = max_cross_correlation(windows.astype(np.float64))
    for workspace in (None, 10**6):
        found = torch_max_cross_correlation(windows, device=cuda, workspace_bytes=workspace)
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype])
        again = torch_max_cross_correlation(windows, device=cuda, workspace_bytes=workspace)
        np.testing.assert_array_equal(again, found)
    found = torch_template_cross_correlation(windows, templates, device=cuda)
    np.testing.assert_allclose(found, expected[:, templates], rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize(
    "name", ["synthetic_100hz", "ridgecrest_ci_srt_100hz", "synthetic_500hz", "node_1000hz"]
)
def test_a_gpu_reproduces_the_golden_hours(cuda: str, name: str) -> None:
    assert_golden(rounds_on(cuda, name), golden(name))


@pytest.mark.parametrize("n_windows", [300, 3600])
def test_a_gpu_takes_no_more_memory_than_projected(
    torch: ModuleType, cuda: str, n_windows: int
) -> None:
    windows = np.random.default_rng(0).standard_normal((n_windows, 500)).astype(np.float32)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    torch_max_cross_correlation(windows, device=cuda, workspace_bytes=2**26)
    projected = projected_bytes(
        windows.shape, n_windows, max_lag_samples=250, itemsize=4, workspace_bytes=2**26
    )
    assert torch.cuda.max_memory_allocated() <= projected


@pytest.mark.parametrize("method", ["reference", "calibrated"])
def test_ten_minutes_have_the_same_labels_on_another_device(
    method: str, torch: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPU tensors stand for a GPU: what is asked for reaches the kernel, and labels stay."""
    waveform = golden("synthetic_100hz")["waveform"][:60_000].astype(np.float32)
    expected = labelling.label_windows(waveform, 100, method=method)
    assert expected.reason is Undetermined.NONE
    asked: list[str] = []

    def resolved(name: str) -> str:
        asked.append(name)
        return "cpu:0"

    monkeypatch.setattr(labelling, "resolve_device", resolved)
    found = labelling.label_windows(waveform, 100, method=method, device="cuda")
    assert asked == ["cuda"]
    np.testing.assert_array_equal(found.label, expected.label)
    np.testing.assert_allclose(found.median_cc, expected.median_cc, rtol=0, atol=1e-6)
    assert (found.median_cc != expected.median_cc).any(), "the other kernel did not run"
