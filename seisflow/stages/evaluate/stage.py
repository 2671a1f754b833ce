"""The evaluate stage: a model against the wavelets of one split, counted and written down."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.store import storage_errors
from seisflow.core.classes import Split
from seisflow.core.files import AnyPath
from seisflow.core.reporting import SILENT, Reporter
from seisflow.core.shipped import is_shipped
from seisflow.engine.devices import resolve_device
from seisflow.engine.stage import Result, Single
from seisflow.errors import DataError
from seisflow.stages.evaluate.as_json import json_of
from seisflow.stages.evaluate.config import EvaluateConfig
from seisflow.stages.evaluate.evaluation import PIECE, Evaluation, evaluate_probabilities, predict
from seisflow.stages.evaluate.tables import (
    class_head,
    class_rows,
    evaluation_table,
    heading,
    summary_rows,
)
from seisflow.stages.evaluate.truth import PlantedTruth, planted_classes
from seisflow.stages.learn.artifact import Model, load_model
from seisflow.stages.learn.examples import Examples, open_examples

__all__ = ["Evaluate", "Evaluated", "classify", "show_evaluation"]


@dataclass(frozen=True, kw_only=True)
class Evaluated(Result):
    """What came of an evaluation, with what figures are drawn from.

    Parameters
    ----------
    model, examples
        What was evaluated, on what.
    history : sequence of dict
        Of the training of the model; may be empty.
    evaluations : dict
        Each evaluation by the folder it was written into.
    """

    model: Model = field(repr=False)
    examples: Examples = field(repr=False)
    history: Sequence[dict[str, Any]] = field(repr=False)
    evaluations: dict[AnyPath, Evaluation] = field(repr=False)


class Evaluate(Single[EvaluateConfig]):
    """MODEL is counted against the wavelets of a split, and against what was planted."""

    name = "evaluate"
    Config = EvaluateConfig
    reads, writes = ("MODEL", "WAVELETS"), "REPORT"

    @property
    def output(self) -> AnyPath:
        """The model, into whose folder an evaluation goes by default."""
        return self.config.model

    @cached_property
    def split(self) -> Split:
        """Which wavelets."""
        return Split[self.config.split.upper()]

    def run_here(self, reporter: Reporter = SILENT) -> Evaluated:
        """Classify the wavelets, count, and write the numbers.

        Raises
        ------
        ConfigError
            There are no such wavelets, the model or the truth does not fit them, or there is no
            such device.
        DataError
            A sample is not finite, or a file of the model is damaged.
        """
        config = self.config
        device = resolve_device(config.device)
        model = load_model(config.model)
        examples = open_examples(config.wavelets, model.rate_hz)
        for note in examples.of_lower_rate():
            reporter.note(note)
        history = _read_history(config.model)
        truth = self._truth(examples)
        found, indices = classify(
            model, examples, self.split, device=device, batch=config.batch, reporter=reporter
        )
        evaluations = {}
        for folder, against in self._folders(examples.key, truth):
            evaluations[folder] = evaluate_probabilities(
                found,
                model,
                examples,
                indices,
                truth=against,
                false_positive_rate=config.false_positive_rate,
            )
            show_evaluation(evaluations[folder], reporter)
            _write(evaluations[folder], folder)
        written = [{"folder": str(f), **json_of(e)} for f, e in evaluations.items()]
        return Evaluated(
            stage=self.name,
            path=config.model,
            summary={"product": str(config.model), "exit_code": 0, "evaluations": written},
            opener=load_model,
            model=model,
            examples=examples,
            history=history,
            evaluations=evaluations,
        )

    def _truth(self, examples: Examples) -> PlantedTruth | None:
        """Return how the planted truth is read; refuse one that does not fit the wavelets."""
        if self.config.truth is None:
            return None
        truth = PlantedTruth(self.config.truth, source_ratio=self.config.source_ratio)
        indices = examples.select(self.split)
        if indices.size:
            planted_classes(truth, examples, indices)
        return truth

    def _folders(
        self, key: str, truth: PlantedTruth | None
    ) -> Iterator[tuple[AnyPath, PlantedTruth | None]]:
        """Yield the folder of each evaluation with what it counts against."""
        name = f"{self.config.split}-{key[:8]}"
        folder = self.config.output or self._home() / name
        yield folder, None
        if truth is not None:
            yield folder.with_name(f"{folder.name}-truth"), truth

    def _home(self) -> AnyPath:
        """Return where evaluations go by default: beside their model, but into no installation."""
        model = self.config.model
        if is_shipped(model):
            return Path(f"{model.name}-evaluation").absolute()
        return model / "evaluation"


def classify(
    model: Model,
    examples: Examples,
    split: Split,
    *,
    device: str,
    batch: int,
    reporter: Reporter,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Classify the wavelets of a split, showing progress.

    Returns
    -------
    probabilities : ndarray of float32, shape (n, 3)
        Of each wavelet.
    indices : ndarray of int64, shape (n,)
        The wavelets.

    Raises
    ------
    ConfigError
        There are no such wavelets, or the model does not fit them.
    """
    indices = examples.select(split)
    with reporter.bar("evaluate", -(-indices.size // PIECE)) as bar:
        found = predict(
            model,
            examples,
            indices,
            device=device,
            batch=batch,
            on_advance=lambda _: bar.advance(),
        )
    return found, indices


def show_evaluation(evaluation: Evaluation, reporter: Reporter) -> None:
    """Show the tables of an evaluation."""
    reporter.table(heading(evaluation), class_rows(evaluation), class_head(evaluation))
    reporter.table("", dict(summary_rows(evaluation)))


def _write(evaluation: Evaluation, folder: AnyPath) -> None:
    """Write the numbers of an evaluation into a folder."""
    content = json.dumps(json_of(evaluation), indent=1, allow_nan=False)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table.md").write_text(evaluation_table(evaluation), encoding="utf-8")
        (folder / "evaluation.json").write_text(content)


def _read_history(model: AnyPath) -> Sequence[dict[str, Any]]:
    """Return the history of a training; empty where none was kept.

    Raises
    ------
    DataError
        The file is no such history.
    """
    path = model / "history.json"
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}); copy the model again") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} is no history of a training; copy the model again")
    return rows
