"""The transfer stage: a network for each source left out, each judged on that source."""

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.store import storage_errors
from seisflow.core.classes import WaveletClass
from seisflow.core.files import AnyPath, any_path
from seisflow.core.reporting import SILENT, Reporter
from seisflow.core.wording import some_names
from seisflow.engine.stage import Result, Single
from seisflow.errors import ConfigError
from seisflow.stages.evaluate.evaluation import PIECE, predict
from seisflow.stages.learn.artifact import load_model
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.examples import Examples, Indices, open_examples
from seisflow.stages.learn.job import refuse_weights
from seisflow.stages.train.stage import Train
from seisflow.stages.transfer.config import TransferConfig
from seisflow.stages.transfer.judging import Found, judge, quiet_windows, ratios_of, windows_of
from seisflow.stages.transfer.tables import HEAD, as_json, as_markdown, rows_of

__all__ = ["Transfer"]

RESULT, TABLE = "transfer.json", "table.md"


class Transfer(Single[TransferConfig]):
    """Several WAVELETS become a model without each of them, and a table of what those find."""

    name = "transfer"
    Config = TransferConfig
    reads, writes = ("WAVELETS",), "TRANSFER"

    @property
    def output(self) -> AnyPath:
        """The folder of all models."""
        return self.config.model

    @cached_property
    def examples(self) -> Examples:
        """All wavelets, read at one rate.

        Raises
        ------
        ConfigError, DataError, IncompleteError
            As `open_examples`.
        """
        return open_examples(self.config.wavelets, self.config.rate)

    @cached_property
    def sources(self) -> npt.NDArray[np.object_]:
        """Name of the source of each product: what stands before an ``@``."""
        return np.array([name.partition("@")[0] for name in self.examples.names], dtype=object)

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        """The sources to leave out, in the order of the products.

        Raises
        ------
        ConfigError
            One that is asked for is none of them, or has no earthquakes; or no other source has
            earthquakes, or noise, to learn from.
        """
        names = tuple(dict.fromkeys(self.sources))
        has_quakes = [name for name in names if self._n(name, is_quake=True)]
        wanted = self.config.only or tuple(has_quakes)
        for option, asked in (("only", wanted), ("quiet", self.config.quiet)):
            for name in asked:
                if name not in names:
                    raise ConfigError(
                        f"{option}: no source {name!r}; the wavelets are of "
                        f"{some_names(list(names))}"
                    )
        for name in wanted:
            if name not in has_quakes:
                raise ConfigError(
                    f"only: {name} has no earthquakes above --least-snr {self.config.least_snr:g} "
                    "that could be found; leave out another source"
                )
        for name in wanted:
            others = [other for other in names if other != name]
            for is_quake, what in ((True, "earthquakes"), (False, "noise")):
                if not sum(self._n(other, is_quake=is_quake) for other in others):
                    raise ConfigError(
                        f"without {name} there are no {what} to learn from; give WAVELETS of "
                        f"another source with {what}"
                    )
        return wanted

    def quiet_of(self, name: str) -> Indices:
        """Return the windows that set the threshold where a source is left out.

        Raises
        ------
        ConfigError
            The quiet sources without it have none that no network learns from.
        """
        others = self.sources[self.sources != name]
        calm = [other for other in others if not self._n(other, is_quake=True)]
        chosen = self.config.quiet or calm or others
        kept = np.isin(self.sources, chosen) & (self.sources != name)
        every = quiet_windows(self.examples)
        quiet: Indices = every[kept[self.examples.source[every]]]
        if not quiet.size:
            raise ConfigError(
                f"without {name} no quiet source has noise that was not learnt from; name others "
                "with --quiet"
            )
        return quiet

    def _n(self, name: str, *, is_quake: bool) -> int:
        examples = self.examples
        indices = windows_of(examples, self.sources == name, self.config.least_snr)
        found = examples.wavelet_class[indices] == WaveletClass.EARTHQUAKE
        return int((found == is_quake).sum())

    def training(self, name: str) -> TrainConfig:
        """Return what is asked of the training without a source."""
        config, kept = self.config, self.sources != name
        asked = {field: getattr(config, field) for field in TrainConfig.model_fields}
        weights = np.array(config.weights)[kept] if config.weights else ()
        return TrainConfig(
            **asked
            | {
                "wavelets": tuple(np.array(config.wavelets, dtype=object)[kept]),
                "weights": tuple(float(weight) for weight in weights),
                "rate": self.examples.rate_hz,
                "model": any_path(self.output) / f"without-{name}",
            }
        )

    def check(self) -> None:
        """Refuse what cannot be trained."""
        if self.config.cluster != "local" or self.config.nodes > 1:
            raise ConfigError("transfer trains on this machine; leave --cluster and --nodes out")
        if self.config.from_model is not None:
            raise ConfigError(
                f"from_model: {self.config.from_model} may have learnt from the source that is "
                "left out; leave --from out"
            )
        refuse_weights(self.config.weights, len(self.examples.sources))
        for name in self.left_out:
            Train(self.training(name)).check()
            self.quiet_of(name)

    def run_here(self, reporter: Reporter = SILENT) -> Result:
        """Train what is not trained yet, judge all, and write the tables.

        Raises
        ------
        ConfigError, DataError, IncompleteError
            As `check`.
        KeyboardInterrupt
            As `Train.run_here`; typed again, the command goes on.
        """
        self.check()
        found = {}
        for name in self._each(self.left_out, reporter):
            Train(self.training(name)).run_here(reporter)
            found[name] = self._judged(name, reporter)
        reporter.table("transfer: P of sources that were left out", rows_of(found), HEAD)
        content = as_json(found)
        with storage_errors(self.output):
            (any_path(self.output) / RESULT).write_text(json.dumps(content, indent=1))
            (any_path(self.output) / TABLE).write_text(as_markdown(found, self.config))
        reporter.say(f"written: {any_path(self.output) / TABLE}")
        summary = {"product": str(self.output), "exit_code": 0, **content}
        return Result(self.name, any_path(self.output), summary, opener=_read)

    def _each(self, names: tuple[str, ...], reporter: Reporter) -> Iterator[str]:
        for name in names:
            reporter.heading(f"without {name}")
            yield name

    def _judged(self, name: str, reporter: Reporter) -> dict[str, Found]:
        """Return what the network without a source finds of it, and what STA/LTA does."""
        config, examples = self.config, self.examples
        model = load_model(self.training(name).model, rate_hz=examples.rate_hz)
        is_own = self.sources == name
        indices = windows_of(examples, is_own, config.least_snr)
        quiet = self.quiet_of(name)

        def of_network(which: Indices) -> npt.NDArray[np.float32]:
            with reporter.bar("classify", -(-which.size // PIECE)) as bar:
                found = predict(model, examples, which, on_advance=lambda _: bar.advance())
            return found[:, WaveletClass.EARTHQUAKE]

        rate = config.false_positive_rate
        return {
            model.document["network"]["name"]: judge(
                of_network(quiet), examples, indices, of_network(indices), rate
            ),
            "STA/LTA": judge(
                ratios_of(examples, quiet), examples, indices, ratios_of(examples, indices), rate
            ),
        }


def _read(path: AnyPath) -> Any:
    return json.loads((path / RESULT).read_text())
