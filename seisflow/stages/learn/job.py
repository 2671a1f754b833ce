"""A training that was checked and can begin: its configuration with the wavelets it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from seisflow.core.classes import Split, WaveletClass
from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn.artifact import load_model
from seisflow.stages.learn.augment import Augmenter
from seisflow.stages.learn.batches import BatchReader, Order
from seisflow.stages.learn.classifier import Classifier, build_classifier
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.examples import Examples, Indices, open_examples
from seisflow.stages.learn.forest import Forest
from seisflow.stages.learn.front_end import FrontEndConfig
from seisflow.stages.learn.model import Model
from seisflow.stages.learn.networks import NETWORKS

__all__ = ["FOREST", "Job", "prepare", "refuse_weights", "settled"]

FOREST = "forest"
RESULT_VERSION = 1
"""Raised when a training gives other weights for the same question."""


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be trained, on what.

    Parameters
    ----------
    config : TrainConfig
        What was asked for.
    examples : Examples
        The wavelets, read at the rate of the model.
    front_end : FrontEndConfig
        Numbers of the front end at the rate of the model.
    base : Model, optional
        The model that is gone on from.
    """

    config: TrainConfig
    examples: Examples
    front_end: FrontEndConfig
    base: Model | None = None

    @property
    def is_forest(self) -> bool:
        """Whether it is the baseline, which has no epochs."""
        return self.config.network == FOREST

    @cached_property
    def train(self) -> Indices:
        """Wavelets to learn from, ascending."""
        return self.examples.select(Split.TRAIN)

    @cached_property
    def validation(self) -> Indices:
        """Wavelets to choose by, ascending."""
        return self.examples.select(Split.VALIDATION)

    @property
    def class_counts(self) -> npt.NDArray[np.int64]:
        """Wavelets of each class to learn from, shape (3,)."""
        return np.bincount(self.examples.wavelet_class[self.train], minlength=len(WaveletClass))

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What makes two trainings the same, as JSON content."""
        config = self.config.resolved()
        found: dict[str, Any] = {
            "config": config,
            "wavelets": self.examples.key,
            "rate_hz": self.examples.rate_hz,
            "result_version": RESULT_VERSION,
        }
        layers = config.pop("layers")  # of a training from the beginning they are all
        return found if self.base is None else found | {"from": self._of_base(layers)}

    def _of_base(self, layers: str) -> dict[str, str]:
        """Return which model is gone on from, wherever it lies, and with which layers."""
        assert self.base is not None
        return {"key": self.base.key, "layers": layers}

    def describe(self) -> dict[str, Any]:
        """Return what a model keeps of its training, and of that of the model before it."""
        splits = (Split.TRAIN, Split.VALIDATION)
        counts = {s.name.lower(): self.examples.counts(s) for s in splits}
        found = {**self.identity, "counts": counts, "sources": self.examples.of_sources()}
        if self.base is not None:
            before = self.base.document.get("training", {})
            kept = {name: before[name] for name in ("wavelets", "from") if name in before}
            found["from"] = {"name": self.base_name, **found["from"], "training": kept}
        return found

    @property
    def base_name(self) -> str:
        """What the model that is gone on from is called: the name of its folder."""
        assert self.config.from_model is not None
        return self.config.from_model.name

    def plain(self) -> Augmenter:
        """Return what cuts windows out and changes nothing."""
        return Augmenter(None, self.examples, self.front_end.halo_samples, self.config.seed)

    def reader(self, rank: int = 0, n_ranks: int = 1) -> BatchReader:
        """Return the reader of a rank's shuffled, augmented batches.

        Raises
        ------
        ConfigError
            The batch cannot be shared by the ranks.
        """
        config = self.config
        order = Order(
            self.examples,
            self.train,
            config.batch_size,
            config.shards_together,
            config.seed,
            config.weights,
        )
        augmenter = Augmenter(
            config.augment, self.examples, self.front_end.halo_samples, config.seed
        )
        return BatchReader(order, augmenter, rank, n_ranks)

    def classifier(self) -> Classifier:
        """Build the classifier with the weights of the seed, or of the model before."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            built = build_classifier(self.config.network, self.front_end, self.config.dropout)
        if self.base is not None:
            assert isinstance(self.base.classifier, Classifier)
            built.network.load_state_dict(self.base.classifier.network.state_dict())
        return built

    def n_weights(self) -> int:
        """Count the weights of the network, without making them."""
        with torch.device("meta"):
            built = build_classifier(self.config.network, self.front_end, self.config.dropout)
        return sum(p.numel() for p in built.network.parameters())


def prepare(config: TrainConfig) -> Job:
    """Open the wavelets and check that they can be learnt from as asked.

    Raises
    ------
    ConfigError
        No such network or model to go on from, something else asked than that model has, or a rate
        or numbers of the front end that do not fit the wavelets.
    DataError
        A class has no wavelet to learn from or to choose by.
    IncompleteError
        The product is not finished.
    """
    config, base = settled(config)
    _refuse_unknown(config.network)
    examples = open_examples(config.wavelets, config.rate)
    front_end = FrontEndConfig(
        rate_hz=examples.rate_hz,
        low_hz=config.low_hz,
        high_hz=config.high_hz,
        window_s=examples.window_samples // examples.rate_hz,
        frame_s=config.frame_s,
    )
    refuse_weights(config.weights, len(examples.sources))
    if base is not None:
        _refuse_other_window(config, base, examples)
    job = Job(config, examples, front_end, base)
    job.plain()  # refuses a halo that is longer than the margin
    for split in (Split.TRAIN, Split.VALIDATION):
        _refuse_missing(examples, split)
    return job


def settled(config: TrainConfig) -> tuple[TrainConfig, Model | None]:
    """Return a configuration with network and front end of the model that is gone on from.

    Returns
    -------
    config : TrainConfig
        As given where there is none.
    base : Model, optional
        That model.

    Raises
    ------
    ConfigError
        There is no such model, it is a forest, or something else was asked than it has.
    DataError
        Its folder holds no model, one in another format, or one that was damaged.
    """
    if config.from_model is None:
        return config, None
    base = load_model(config.from_model)
    if isinstance(base.classifier, Forest):
        raise ConfigError(
            f"--from {config.from_model}: it is a forest, which has no weights to go on from; "
            "give a model with a network, or fit a forest to all wavelets together"
        )
    front_end = base.classifier.front_end.config
    own = {name: getattr(front_end, name) for name in ("low_hz", "high_hz", "frame_s")}
    own |= {"network": base.classifier.name, "rate": front_end.rate_hz}
    _refuse_conflict(config, own)
    return config.model_copy(update=own), base


def _refuse_conflict(config: TrainConfig, own: Mapping[str, Any]) -> None:
    """Refuse what was said and is not so of the model that is gone on from."""
    said = {name: getattr(config, name) for name in own if name in config.model_fields_set}
    if said.get("rate", 0) is None:
        del said["rate"]
    lines = [
        f"--{name.replace('_', '-')}: asked {_value(said[name])}, it has {_value(own[name])}"
        for name in own
        if name in said and said[name] != own[name]
    ]
    if lines:
        raise ConfigError(
            f"--from {config.from_model}: network and front end are those of that model; "
            f"{'; '.join(lines)}; leave them out, or train without --from"
        )


def _value(value: Any) -> str:
    if value is None:
        return "0 (open)"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _refuse_other_window(config: TrainConfig, base: Model, examples: Examples) -> None:
    found = examples.window_samples
    if base.window_samples != found:
        rate = base.rate_hz
        raise ConfigError(
            f"--from {config.from_model}: it looks at windows of {base.window_samples / rate:g} s, "
            f"and those of {examples.place} have {found / rate:g} s; assemble with --window-s "
            f"{base.window_samples / rate:g}"
        )


def _refuse_unknown(network: str) -> None:
    if network not in (*NETWORKS, FOREST):
        raise ConfigError(
            f"network {network!r} asked; give one of {', '.join((*NETWORKS, FOREST))}"
        )


def refuse_weights(weights: tuple[float, ...], n: int) -> None:
    """Refuse weights that are not one above 0 for each of `n` WAVELETS.

    Raises
    ------
    ConfigError
        There are weights, and others than that.
    """
    if weights and (len(weights) != n or not min(weights) > 0):
        raise ConfigError(
            f"weights {', '.join(f'{w:g}' for w in weights)} asked for {n} WAVELETS; give one "
            "above 0 for each, in their order"
        )


def _refuse_missing(examples: Examples, split: Split) -> None:
    counts = examples.counts(split)
    missing = [name for name, n in counts.items() if not n]
    if missing:
        raise DataError(
            f"the {split.name.lower()} split of {examples.place} has no "
            f"{' and no '.join(missing)}; it has {_text(counts)}; a network needs some of each "
            "class to learn from and to be judged by: assemble wavelets of more events and more "
            "labelled time"
        )


def _text(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.items())
