"""Who a process is among others, and what ends it."""

import os
import signal
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from rank_steps import take_steps
from wavelet_sets import WaveletSet, write_wavelets

from seisflow.errors import ConfigError
from seisflow.stages.learn.ranks import (
    World,
    catch_signals,
    clear_failure,
    is_rank,
    join,
    rank_number,
    read_failure,
    write_failure,
)

RANK = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "8"}


def test_a_rank_knows_its_number() -> None:
    assert is_rank(RANK)
    assert rank_number(RANK) == 3
    for name in RANK:
        less = {k: v for k, v in RANK.items() if k != name}
        assert not is_rank(less)
        assert rank_number(less) == 0


def test_alone_there_is_nothing_to_add_or_wait_for() -> None:
    with join("cpu") as world:
        assert world == World(torch.device("cpu"))
        assert world.is_first
        assert world.total(torch.tensor([2.0, 3.0])).tolist() == [2, 3]
        world.wait()
        network = torch.nn.Linear(1, 1)
        assert world.shared(network) is network


@pytest.mark.skipif(torch.cuda.device_count() > 0, reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="finds 0 GPUs"), join("cuda"):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signals_are_noted_and_handlers_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with catch_signals() as stop:
        assert not stop.is_asked
        os.kill(os.getpid(), number)
        assert stop.is_asked
    assert signal.getsignal(number) is before


def test_other_threads_leave_signals_alone() -> None:
    noted = []

    def work() -> None:
        with catch_signals() as stop:
            noted.append((stop.is_asked, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert noted == [(False, signal.getsignal(signal.SIGTERM))]


def test_an_error_is_left_for_the_command_that_waits(tmp_path: Path) -> None:
    assert read_failure(tmp_path) is None
    write_failure(tmp_path, ConfigError("no such thing"))
    assert read_failure(tmp_path) == ("ConfigError", "no such thing")
    clear_failure(tmp_path)
    assert read_failure(tmp_path) is None
    clear_failure(tmp_path / "nowhere")


@pytest.mark.slow
@pytest.mark.parametrize("n_ranks", [2, 4])
def test_many_ranks_take_the_steps_of_one(n_ranks: int, tmp_path: Path) -> None:
    """With batch normalisation, weighted classes, smoothing and clipping."""
    wavelets = write_wavelets(tmp_path / "w.zarr", WaveletSet(n=250))
    take_steps(0, 1, 0, wavelets, tmp_path / "one.npz")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    args = (n_ranks, port, wavelets, tmp_path / "many.npz")
    torch.multiprocessing.spawn(take_steps, args, nprocs=n_ranks)
    one, many = (np.load(tmp_path / name) for name in ("one.npz", "many.npz"))
    assert np.ptp(one["loss"]) > 0.01
    for name in ("loss", "n_right", "validation_loss", "f1"):
        np.testing.assert_allclose(many[name], one[name], rtol=1e-4, err_msg=name)
    assert one["agrees"].tolist() == [True, True]
    assert many["agrees"].tolist() == [True, False]
    apart = np.linalg.norm(many["moved"] - one["moved"])
    assert apart < 1e-3 * np.linalg.norm(one["moved"])
