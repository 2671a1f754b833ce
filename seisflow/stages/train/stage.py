"""The train stage: checked, trained here or in many ranks, and judged on the validation split."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.receipts import write_json
from seisflow.core.classes import Split
from seisflow.core.files import AnyPath
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.devices import resolve_device
from seisflow.engine.profiles import Pool, Profile, read_profile
from seisflow.engine.stage import Result, Single
from seisflow.errors import ConfigError
from seisflow.stages.evaluate.as_json import json_of
from seisflow.stages.evaluate.evaluation import Evaluation, evaluate_probabilities
from seisflow.stages.evaluate.stage import classify, show_evaluation
from seisflow.stages.learn.artifact import Model, load_model, save_model
from seisflow.stages.learn.checkpoints import read_history, refuse_other_training
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.job import Job, prepare
from seisflow.stages.learn.ranks import is_rank, rank_number
from seisflow.stages.learn.training import is_finished, train_job
from seisflow.stages.train.ranks import Ranks, place_ranks, train_in_ranks
from seisflow.stages.train.summary import (
    BEFORE,
    before_after_rows,
    plan_content,
    plan_rows,
    result_rows,
    worse_note,
)
from seisflow.stages.train.watching import Watcher

__all__ = ["Judged", "Train", "TrainResult"]

METRICS = "metrics.json"
KEPT = (
    "classes",
    "macro_f1",
    "weighted_f1",
    "accuracy",
    "confusion",
    "operating_point",
    "thresholds",
)
"""What the model's own document says of the validation split; all of it is in metrics.json."""
BATCH = 256
"""Wavelets classified at once."""


@dataclass(frozen=True)
class Judged:
    """A model and what it was found to be worth on the validation split."""

    model: Model
    evaluation: Evaluation


@dataclass(frozen=True, kw_only=True)
class TrainResult(Result):
    """What came of a training; `judged` is None where that was done before."""

    judged: Judged | None = field(default=None, repr=False)


class Train(Single[TrainConfig]):
    """A classifier learns from the train split of WAVELETS; the validation split chooses."""

    name = "train"
    Config = TrainConfig
    reads, writes = ("WAVELETS",), "MODEL"
    _found_before: dict[str, Any] | None = None

    @property
    def output(self) -> AnyPath:
        """The folder of the model."""
        return self.config.model

    @cached_property
    def ranks(self) -> Ranks:
        """How many processes train, and where."""
        return self._placed(read_profile(self.config.cluster))

    def whole_job(self, profile: Profile) -> tuple[Pool, int] | None:
        """Return the pool and the number of nodes: the ranks run in the job itself."""
        ranks = self._placed(profile)
        assert ranks.pool is not None, "a profile of SLURM"
        return ranks.pool, ranks.n_nodes

    def _placed(self, profile: Profile) -> Ranks:
        config = self.config
        return place_ranks(profile, config.ranks, config.nodes, config.device)

    @cached_property
    def job(self) -> Job:
        """The training with its wavelets, checked.

        Raises
        ------
        ConfigError
            Something asked for does not exist or does not fit, or the folder is another training's.
        DataError
            A class is missing.
        IncompleteError
            The wavelets are not finished.
        """
        job = prepare(self.config)
        job.reader(n_ranks=self.ranks.total)  # refuses a batch that cannot be shared
        refuse_other_training(self.output, job.identity)
        return job

    def _before(self, device: str, reporter: Reporter) -> dict[str, Any] | None:
        """Return what evaluate finds the model that is gone on from to be worth, as JSON content.

        None where there is none.
        """
        job = self.job
        if job.base is None:
            return None
        if self._found_before is None:
            found, indices = self._classify(job.base, device, reporter)
            evaluation = evaluate_probabilities(found, job.base, job.examples, indices)
            self._found_before = json_of(evaluation)
        return self._found_before

    def _classify(
        self, model: Model, device: str, reporter: Reporter
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return what a model makes of the validation split, and which wavelets these are."""
        return classify(
            model,
            self.job.examples,
            Split.VALIDATION,
            device=device,
            batch=BATCH,
            reporter=reporter,
        )

    def check(self) -> None:
        """Refuse what cannot be trained."""
        assert self.job

    def dry_run(self, reporter: Reporter) -> Mapping[str, Any]:
        """Show examples, steps, weights and memory."""
        device: str = self.config.device
        if self.ranks.pool is None:  # the nodes have other devices
            device = resolve_device(device)
        content = plan_content(self.job, self.ranks.total, device)
        reporter.table("dry run: nothing was written", plan_rows(content))
        self._note_warnings(reporter)
        return content

    def run_here(self, reporter: Reporter = SILENT) -> TrainResult:
        """Train, or go on with it, and judge the model on the validation split.

        Of ranks that torchrun started all train, and the first one judges and tells.

        Raises
        ------
        ConfigError, DataError, IncompleteError
            As `Train.job`, and `seisflow.stages.learn.training.train_job`.
        KeyboardInterrupt
            SIGINT or SIGTERM came; the step was finished and a checkpoint written.
        """
        was_finished = is_finished(self.output)
        if not was_finished:
            self.ranks.refuse_login()
        device = resolve_device(self.config.device)
        job = self.job
        if is_rank() and self.ranks.total > 1:
            raise ConfigError(
                "--ranks asked where torchrun started the ranks already; leave it out"
            )
        if not was_finished and not rank_number():
            # ranks of their own have the GPUs to themselves
            self._tell_before("cpu" if self.ranks.are_launched else device, reporter)
        with Watcher(job.config.epochs, reporter) as watcher:
            if self.ranks.are_launched and not was_finished and not is_rank():
                train_in_ranks(job.config, self.ranks, device, watcher, reporter.say)
            else:
                train_job(job, on_event=watcher, device=device)
        if rank_number():
            return TrainResult(stage=self.name, path=self.output, summary={}, opener=load_model)
        if was_finished:
            reporter.say(f"{self.output} is finished: nothing to train")
        return self._result(device, reporter)

    def _tell_before(self, device: str, reporter: Reporter) -> None:
        """Say what the model that is gone on from is worth, before anything is learnt."""
        before = self._before(device, reporter)
        if before is not None:
            reporter.table(
                f"before, {self.job.base_name} on the validation split",
                {name: value for name, value, _ in before_after_rows(before, before)},
            )

    def _result(self, device: str, reporter: Reporter) -> TrainResult:
        metrics = self.output / METRICS
        judged = None if metrics.exists() else self.judge(device, reporter)
        history, found = read_history(self.output), json.loads(metrics.read_text())
        if BEFORE in found:
            head = ["validation split", f"before, {self.job.base_name}", "after"]
            reporter.table("", before_after_rows(found[BEFORE], found), head)
            if note := worse_note(found[BEFORE], found):
                reporter.note(note)
        self._note_warnings(reporter)
        known = {"product": str(self.output), "exit_code": 0, "history": history}
        return TrainResult(
            stage=self.name,
            path=self.output,
            summary=known | found,
            rows=result_rows(self.job, history, found),
            opener=load_model,
            judged=judged,
        )

    def judge(self, device: str = "cpu", reporter: Reporter = SILENT) -> Judged:
        """Evaluate the model on the validation split, and write the numbers down."""
        examples = self.job.examples
        model = load_model(self.output, rate_hz=examples.rate_hz)
        before = self._before(device, reporter)
        found, indices = self._classify(model, device, reporter)
        evaluation = evaluate_probabilities(found, model, examples, indices)
        show_evaluation(evaluation, reporter)
        content = json_of(evaluation)
        kept = {name: content[name] for name in KEPT}
        metrics = {**model.document["metrics"], "validation": kept}
        save_model(self.output, model.classifier, {**model.document, "metrics": metrics})
        write_json(self.output / METRICS, content | ({BEFORE: before} if before else {}))
        return Judged(model, evaluation)

    def _note_warnings(self, reporter: Reporter) -> None:
        """Say which sources have a lower rate, and repeat what the set is short of."""
        for warning in (*self.job.examples.of_lower_rate(), *self.job.examples.warnings()):
            reporter.note(warning)
