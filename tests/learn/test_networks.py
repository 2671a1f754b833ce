"""Networks: sizes, shapes, what they can learn, and batches shared among processes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from toy_windows import toy_windows

from seisflow.errors import ConfigError
from seisflow.stages.learn.classifier import build_classifier
from seisflow.stages.learn.front_end import FrontEndConfig
from seisflow.stages.learn.networks import NETWORKS, build_network
from seisflow.stages.learn.networks.batch_norm import BatchNorm
from seisflow.stages.learn.networks.planes import CHANNELS, prepare

SHAPE_500 = FrontEndConfig(500).shape


def n_weights(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def n_mflop(name: str, shape: tuple[int, int, int]) -> float:
    network = build_network(name, shape).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, *shape))
    return counter.get_total_flops() / 1e6


def test_published_has_the_published_layers() -> None:
    with torch.device("meta"):
        network = build_network("published", SHAPE_500)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.out_channels, *m.kernel_size) for m in convolutions] == [
        (32, 5, 5), (64, 3, 3), (128, 3, 3),
    ]  # fmt: skip
    dense = [m for m in network.modules() if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in dense] == [
        (128 * 62 * 10, 1024), (1024, 1024), (1024, 3),
    ]  # fmt: skip
    convolved = (2 * 25 + 1) * 32 + (32 * 9 + 1) * 64 + (64 * 9 + 1) * 128
    connected = (79360 + 1) * 1024 + (1024 + 1) * 1024 + (1024 + 1) * 3
    assert n_weights(network) == convolved + connected + 2 * (2 + 32 + 64 + 128)
    assert n_weights(network) == 82_412_775


def test_compact_is_compact() -> None:
    assert n_weights(build_network("compact", SHAPE_500)) < 125_000
    assert n_mflop("compact", SHAPE_500) < 8
    assert n_mflop("published", FrontEndConfig(100).shape) > 70


def along(network: nn.Module, frames: torch.Tensor) -> torch.Tensor:
    """Logits along complex frames (F, M) of a record that begins with a window's frame 0."""
    cut = frames[None, :: network.bin_step, network.first_frame - 1 : -1]
    return network.along(cut.real.contiguous(), cut.imag.contiguous())[0]


@pytest.mark.parametrize("rate", [40, 50, 110, 500])
def test_compact_along_a_record_is_compact_on_its_windows(rate: int) -> None:
    torch.manual_seed(0)
    n_bins = rate // 2 + 1
    network = build_network("compact", (2, n_bins, 41)).eval()
    frames = torch.randn(n_bins, 41 + 10 * 6, dtype=torch.complex64)
    frames *= 10 ** (3 * torch.rand(101) - 4)  # levels over three decades
    frames[:, 50:54] = 0  # a dropout
    with torch.no_grad():
        together = along(network, frames)
        assert together.shape == (7, 3)
        for number in range(7):
            window = frames[:, 10 * number : 10 * number + 41]
            planes = torch.stack([window.abs() / window.abs().max(), window.angle()])[None]
            assert torch.allclose(network(planes)[0], together[number], atol=1e-5)
        torch.testing.assert_close(along(network, 1e4 * frames), together, atol=1e-5, rtol=0)
        assert (together - together[0]).abs().max() > 1e-3


def test_compact_wants_two_seconds() -> None:
    assert build_network("compact", (2, 21, 21))(torch.rand(4, 2, 21, 21)).shape == (4, 3)
    with pytest.raises(ConfigError, match="windows of 2 s or more; found 1 s"):
        build_network("compact", (2, 21, 11))


def test_recurrent_keeps_every_frame() -> None:
    network = build_network("recurrent", SHAPE_500)
    assert n_weights(network) < 300_000
    seen = []
    network.recurrent.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0].shape))
    network(torch.rand(2, *SHAPE_500))
    assert seen == [(2, 41, 192)]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("rate", [40, 50, 110, 250])
def test_every_network_takes_every_rate(name: str, rate: int) -> None:
    config = FrontEndConfig(rate)
    samples, _ = toy_windows(4, config)
    classifier = build_classifier(name, config, 0.1)
    logits = classifier(torch.from_numpy(samples))
    assert logits.shape == (4, 3)
    logits.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in classifier.parameters())
    assert build_network(name, config.shape, 5)(torch.rand(2, *config.shape)).shape == (2, 5)


@pytest.mark.parametrize("name", NETWORKS)
def test_silence_gives_finite_logits(name: str) -> None:
    config = FrontEndConfig(40)
    classifier = build_classifier(name, config).eval()
    assert classifier(torch.zeros(2, config.input_samples)).isfinite().all()


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_follow_the_seed(name: str) -> None:
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        states.append(
            torch.cat([p.flatten() for p in build_network(name, (2, 21, 41)).parameters()])
        )
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize("name", NETWORKS)
def test_dropout_acts_in_training_only(name: str) -> None:
    planes = torch.rand(8, 2, 21, 41)
    torch.manual_seed(0)
    dropping = build_network(name, (2, 21, 41), dropout=0.5).eval()
    torch.manual_seed(0)
    plain = build_network(name, (2, 21, 41)).eval()
    torch.testing.assert_close(dropping(planes), plain(planes))
    assert not torch.allclose(dropping.train()(planes), plain.train()(planes))


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ConfigError, match="no network 'resnet'; known: published, compact, recur"):
        build_network("resnet", SHAPE_500)
    for dropout in (-0.1, 1.0, float("nan")):
        with pytest.raises(ConfigError, match="from 0 to below 1"):
            build_network("compact", SHAPE_500, dropout=dropout)


def test_prepared_planes_have_no_jump_and_fade_with_amplitude() -> None:
    amplitude = torch.tensor([0.0, 1e-3, 1.0]).reshape(1, 1, 3, 1).expand(1, 1, 3, 2)
    phase = torch.tensor([np.pi - 1e-4, -np.pi + 1e-4]).expand(1, 1, 3, 2)
    prepared = prepare(torch.cat([amplitude, phase], dim=1))
    assert prepared.shape == (1, len(CHANNELS), 3, 2)
    np.testing.assert_allclose(prepared[..., 0], prepared[..., 1], atol=1e-3)
    np.testing.assert_allclose(prepared[0, 0, :, 0], [-2, 0, 3], atol=0.01)
    np.testing.assert_allclose(prepared[0, 1, :, 0], [0, -0.4, -1], atol=0.01)


@pytest.mark.parametrize("name", ["compact", "recurrent"])
def test_the_place_of_a_line_in_the_spectrum_can_be_told(name: str) -> None:
    """A network blind to where energy lies would say the same of both."""
    torch.manual_seed(0)
    network = build_network(name, (2, 51, 41), 2)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    bins = torch.arange(40) % 2 * 16 + 16 + torch.randint(-3, 4, (40,))
    planes = 1e-3 * torch.rand(40, 2, 51, 41)
    planes[torch.arange(40), 0, bins] = 0.3
    target = torch.arange(40) % 2
    for _ in range(15):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(planes), target).backward()
        optimizer.step()
    assert (network.eval()(planes).argmax(dim=1) == target).float().mean() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n_epochs"), [("compact", 5), ("recurrent", 8)])
def test_the_toy_is_learnt(name: str, n_epochs: int) -> None:
    assert toy_accuracy(name, n_windows=900, n_epochs=n_epochs) > 0.8


@pytest.mark.slow
def test_published_learns_the_toy() -> None:
    assert toy_accuracy("published", n_windows=360, n_epochs=2, rate=1e-3) > 0.7


def test_what_is_not_trained_does_not_know_the_toy() -> None:
    assert toy_accuracy("compact", n_windows=90, n_epochs=0) < 0.5


def toy_accuracy(name: str, n_windows: int, n_epochs: int, rate: float = 3e-3) -> float:
    """Train for seconds on the toy at 40 Hz; share of new windows that are told right."""
    config, batch = FrontEndConfig(40), 30
    samples, classes = toy_windows(n_windows, config, snr=(6, 30))
    others, truth = toy_windows(300, config, seed=1, snr=(6, 30))
    torch.manual_seed(0)
    classifier = build_classifier(name, config, 0.1)
    optimizer = torch.optim.AdamW(classifier.parameters(), rate)
    planes = classifier.front_end(torch.from_numpy(samples))
    targets = torch.from_numpy(classes.astype(np.int64))
    for _ in range(n_epochs):
        for rows in torch.randperm(n_windows).split(batch):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(classifier.network(planes[rows]), targets[rows])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        found = classifier.eval()(torch.from_numpy(others)).argmax(dim=1).numpy()
    return float((found == truth).mean())


def test_batch_norm_alone_is_that_of_torch() -> None:
    ours, theirs = BatchNorm(4), nn.BatchNorm2d(4)
    planes = torch.randn(6, 4, 5, 7) * 3 + 2
    torch.testing.assert_close(ours(planes), theirs(planes), rtol=0, atol=0)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


TWO_PROCESSES = """
import sys
import torch
import torch.distributed as dist
from seisflow.stages.learn.networks.batch_norm import BatchNorm

rank, meeting, planes, result = int(sys.argv[1]), *sys.argv[2:5]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
planes = torch.load(planes, weights_only=True)
part = (planes[:7] if rank == 0 else planes[7:]).clone().requires_grad_()
norm = BatchNorm(3)
with torch.no_grad():
    norm.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
found = norm(part)
found.square().mul(part.detach().cos()).sum().backward()
for p in norm.parameters():
    dist.all_reduce(p.grad)
norm.eval()
torch.save([found.detach(), part.grad, norm.weight.grad, norm.bias.grad, norm.running_mean,
            norm.running_var, norm.num_batches_tracked, norm(part).detach()], f"{result}{rank}")
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_a_batch_shared_by_two_processes_is_one_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    planes = torch.randn(10, 3, 4, 5) * 5 + 20
    torch.save(planes, tmp_path / "planes")
    files = [str(tmp_path / name) for name in ("meeting", "planes", "result")]
    runs = [
        subprocess.Popen([sys.executable, "-c", TWO_PROCESSES, str(rank), *files])
        for rank in range(2)
    ]
    assert [run.wait(timeout=120) for run in runs] == [0, 0]
    norm = nn.BatchNorm2d(3)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
    whole = planes.clone().requires_grad_()
    expected = norm(whole)
    expected.square().mul(planes.cos()).sum().backward()
    parts = [torch.load(tmp_path / f"result{rank}", weights_only=True) for rank in range(2)]
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(torch.cat([p[0] for p in parts]), expected.detach(), **close)
    torch.testing.assert_close(torch.cat([p[1] for p in parts]), whole.grad, **close)
    norm.eval()
    for part in parts:
        kept = [norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var]
        torch.testing.assert_close(part[2:6], kept, **close)
        assert part[6] == 1
    torch.testing.assert_close(torch.cat([p[7] for p in parts]), norm(planes).detach(), **close)
