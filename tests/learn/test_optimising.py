"""Schedules, weights and losses against PyTorch and scikit-learn."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional
from torch.optim import lr_scheduler

from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.learner import f1_scores
from seisflow.stages.learn.optimising import (
    OPTIMISERS,
    class_weights,
    is_better,
    make_optimiser,
    rate_at,
    summed_loss,
)

N_STEPS = 60


def config(**options: Any) -> TrainConfig:
    asked = {"wavelets": "w.zarr", "model": "model", "learning_rate": 0.2}
    return TrainConfig.build(asked | options)


def optimiser() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.2)


ORACLES = {
    "constant": lambda o: lr_scheduler.ConstantLR(o, factor=1),
    "step": lambda o: lr_scheduler.StepLR(o, N_STEPS // 3, 0.1),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, N_STEPS),
    "onecycle": lambda o: lr_scheduler.OneCycleLR(o, 0.2, N_STEPS, cycle_momentum=False),
}


@pytest.mark.parametrize("name", ORACLES)
def test_schedules_are_those_of_torch(name: str) -> None:
    made = optimiser()
    oracle = ORACLES[name](made)
    wanted = []
    for _ in range(N_STEPS):
        wanted.append(made.param_groups[0]["lr"])
        made.step()
        oracle.step()
    found = [rate_at(config(schedule=name), step, N_STEPS) for step in range(N_STEPS)]
    assert found == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("n_steps", [1, 2, 3])
@pytest.mark.parametrize("name", [*ORACLES, "plateau"])
def test_short_trainings_have_a_rate(name: str, n_steps: int) -> None:
    rates = [rate_at(config(schedule=name), step, n_steps) for step in range(n_steps)]
    assert all(0 < rate <= 0.2 for rate in rates)


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), max_size=25), st.booleans())
def test_plateaus_are_those_of_torch(values: list[float], is_loss: bool) -> None:
    made = optimiser()
    oracle = lr_scheduler.ReduceLROnPlateau(
        made, "min" if is_loss else "max", factor=0.5, patience=2, threshold=0
    )
    for value in values:
        oracle.step(value)
    monitor = "loss" if is_loss else "macro_f1"
    history = [{"validation_loss": v, "macro_f1": v} for v in values]
    found = rate_at(config(schedule="plateau", monitor=monitor), 3, N_STEPS, history)
    assert found == pytest.approx(made.param_groups[0]["lr"])


@given(st.lists(st.integers(0, 2), min_size=1, max_size=40), st.floats(0, 0.3))
def test_the_summed_loss_is_torch_s_mean(classes: list[int], smoothing: float) -> None:
    torch.manual_seed(0)
    true, logits = torch.tensor(classes), torch.randn(len(classes), 3)
    weights = torch.tensor([0.5, 1.0, 3.0])
    wanted = functional.cross_entropy(logits, true, weights, label_smoothing=smoothing)
    parts = [summed_loss(logits[r::3], true[r::3], weights, smoothing) for r in range(3)]
    found = torch.stack(parts).sum() / weights[true].sum()
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_balanced_weights_are_scikit_learn_s() -> None:
    counts = np.array([10, 30, 5])
    true = np.repeat([0, 1, 2], counts)
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=true)
    assert class_weights("balanced", counts).tolist() == pytest.approx(wanted.tolist())
    assert class_weights("none", counts).tolist() == [1, 1, 1]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_f1_is_scikit_learn_s(pairs: list[tuple[int, int]]) -> None:
    true, given_ = np.array(pairs).T
    confusion = np.zeros((3, 3))
    np.add.at(confusion, (true, given_), 1)
    wanted = f1_score(true, given_, labels=[0, 1, 2], average=None, zero_division=0)
    assert f1_scores(confusion) == pytest.approx(wanted)


def test_better_means_more_or_less() -> None:
    assert is_better("loss", 0.1, 0.2)
    assert not is_better("loss", 0.2, 0.2)
    assert is_better("macro_f1", 0.3, 0.2)
    assert not is_better("macro_f1", 0.2, 0.2)
    assert is_better("macro_f1", 0.0, None)
    assert not is_better("loss", float("nan"), 0.2)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers_take_their_numbers(name: str) -> None:
    options = config(optimiser=name, weight_decay=0.03, momentum=0.7)
    made = make_optimiser([torch.nn.Parameter(torch.zeros(2))], options)
    group = made.param_groups[0]
    assert type(made).__name__.lower() == name
    assert (group["lr"], group["weight_decay"]) == (0.2, 0.03)
    assert group.get("momentum", 0) == (0.7 if name == "sgd" else 0)
