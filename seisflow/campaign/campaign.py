"""A campaign: which stages it has, of which products, and where these lie."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from seisflow.campaign.config import ArchiveSize, CampaignConfig, ClusterTable
from seisflow.campaign.tables import FILES, is_needed, tables
from seisflow.core.config import StageConfig
from seisflow.core.files import AnyPath
from seisflow.core.shipped import (
    DEFAULT_MODEL,
    default_model,
    hint_of_shipped,
    shipped_models,
)
from seisflow.errors import ConfigError
from seisflow.formats.listing import list_files
from seisflow.registry import config_of, stage_of

__all__ = ["Campaign"]


@dataclass(frozen=True)
class Campaign:
    """A campaign file that was checked.

    Parameters
    ----------
    path : Path
        The file.
    config : CampaignConfig
        What stands before the tables.
    tables : mapping
        Values of the options of each stage that has a table.
    cluster : ClusterTable
        Where tasks run.
    archive : ArchiveSize, optional
        What a plan assumes instead of reading the archive.
    """

    path: AnyPath
    config: CampaignConfig
    tables: Mapping[str, Mapping[str, Any]]
    cluster: ClusterTable = field(default_factory=ClusterTable)
    archive: ArchiveSize | None = None

    def product(self, name: str) -> AnyPath:
        """Return where a product is, or will be."""
        return self.given(name) or self.config.folder / FILES[name]

    def given(self, name: str) -> AnyPath | None:
        """Return where a product is that is there already, of a model also the shipped one."""
        said: AnyPath | None = getattr(self.config, name, None)
        return default_model() if said is None and name == "model" and self.takes_shipped else said

    @property
    def takes_shipped(self) -> bool:
        """Whether infer takes the shipped model: none is given, none trained, and there is one."""
        is_open = "infer" in self.tables and "train" not in self.tables
        return is_open and self.config.model is None and DEFAULT_MODEL in shipped_models()

    def stages(self) -> tuple[list[str], dict[str, str]]:
        """Return the stages to run, in order, and the reason of each that is left out."""
        there = {name for name in ("waveforms", "model") if self.given(name)}
        run, left_out = [], {}
        if self.takes_shipped:
            left_out["train"] = f"no table [train]; infer takes the shipped model {DEFAULT_MODEL}"
        for stage, table in tables().items():
            given = {o.product for o in table.products if o.name in self.tables.get(stage, ())}
            lacking = [name for name in table.needs if name not in there | given]
            if table.makes in there:
                continue
            if stage not in self.tables:
                left_out[stage] = f"no table [{stage}]"
            elif lacking:
                left_out[stage] = f"no {' and no '.join(lacking)} in this campaign"
            else:
                run.append(stage)
                there.add(table.makes)
        if run == ["report"] and not there - {"page"}:
            return [], left_out | {"report": "nothing to report in this campaign"}
        return run, left_out

    def config_of(self, stage: str) -> StageConfig:
        """Return the configuration of a stage, with all products that it may read.

        Raises
        ------
        ConfigError
            A value of its table cannot be.
        """
        return self._configured(stage, {o.product for o in tables()[stage].products})

    def stage(self, name: str) -> Any:
        """Return a stage as it can be run now: of products it need not have, those there are."""
        stages, _ = self.stages()
        made = {tables()[stage].makes for stage in stages}
        made |= {product for product in ("waveforms", "model") if self.given(product)}
        there = {product for product in made if self.product(product).exists()}
        return stage_of(name)(self._configured(name, there))

    def _configured(self, stage: str, there: set[str]) -> StageConfig:
        table, values = tables()[stage], dict(self.tables[stage])
        for option in table.products:
            if option.name in values:
                continue
            if is_needed(option) or option.product in {*there, table.makes}:
                values[option.name] = self.product(option.product)
        return config_of(stage).build(values)

    def refuse_missing(self) -> None:
        """Refuse a campaign whose files are not there.

        Raises
        ------
        ConfigError
            It names every file that is missing.
        """
        problems = [
            f"  {where}: {path} does not exist"
            + (f"; give one that does{hint_of_shipped()}" if where.endswith("model") else "")
            for where, path in self._inputs()
            if not path.exists()
        ]
        if "ingest" in self.tables:
            try:
                list_files(self.tables["ingest"]["raw"])
            except ConfigError as error:
                problems += [f"  [ingest] raw: {error}"]
        if problems:
            lines = "\n".join(problems)
            raise ConfigError(
                f"{self.path} asks for what is not there; nothing was run:\n{lines}\n"
                f"paths count from the folder of the campaign file, {self.path.parent}"
            )

    def _inputs(self) -> Iterator[tuple[str, AnyPath]]:
        for name in ("waveforms", "model"):
            if path := getattr(self.config, name):
                yield name, path
        for stage, values in self.tables.items():
            for option in tables()[stage].keys:
                value = values.get(option.name)
                if option.is_path and isinstance(value, AnyPath):
                    yield f"[{stage}] {option.dashed}", value
