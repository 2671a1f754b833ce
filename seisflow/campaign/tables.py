"""What the tables of a campaign file may say, and how products go from stage to stage.

Invariant: both follow from the configurations of the stages. A key is an option, as it is typed
after ``--``, or an argument; what names a product of the campaign (``product=`` at the field) need
not be said. A stage makes the product that none before it has made, and one that makes none
(synth, evaluate) is no part of a campaign.
"""

from dataclasses import dataclass
from functools import cache

from seisflow.core.options import Option
from seisflow.registry import STAGES, config_of

__all__ = ["FILES", "StageTable", "tables"]

FILES = {
    "waveforms": "waveforms.zarr",
    "labels": "labels.zarr",
    "wavelets": "wavelets.zarr",
    "model": "model",
    "scores": "scores.zarr",
    "catalog": "catalog",
    "comparison": "catalog/comparison.json",
    "page": "page.html",
}
"""Where products lie in the folder of a campaign."""
HOW = ("cluster", "nodes")
"""Options of where a training runs, which a campaign says for all stages, or has no use for."""


@dataclass(frozen=True)
class StageTable:
    """What a campaign knows of a stage.

    Parameters
    ----------
    stage : str
        Its name, and that of the table.
    keys : tuple of Option
        What can be said in it.
    products : tuple of Option
        What the campaign gives: products that are read or made.
    makes : str
        The product it makes.
    """

    stage: str
    keys: tuple[Option, ...]
    products: tuple[Option, ...]
    makes: str

    @property
    def needs(self) -> tuple[str, ...]:
        """Products without which it cannot run."""
        return tuple(o.product for o in self.products if o.is_required and o.product != self.makes)

    @property
    def switches(self) -> tuple[str, ...]:
        """Keys that are true or false here, and elsewhere name a product that may be used."""
        return tuple(option.name for option in self.keys if option.product)

    def key(self, dashed: str) -> Option | None:
        """Return the option that a key of the file stands for."""
        return next((option for option in self.keys if option.dashed == dashed), None)


@cache
def tables() -> dict[str, StageTable]:
    """Return the table of every stage of a campaign, in the order in which they run."""
    found: dict[str, StageTable] = {}
    for stage in STAGES:
        options = [o for o in config_of(stage).options() if o.name not in HOW]
        made = {table.makes for table in found.values()}
        new = [o.product for o in options if o.product and o.product not in made]
        if new:
            found[stage] = _table(stage, options, new[0])
    return found


def _table(stage: str, options: list[Option], makes: str) -> StageTable:
    """Sort the options of a stage into what is said and what is known."""
    known = [o for o in options if o.product and not _is_switch(o, makes)]
    keys = [o for o in options if o not in known]
    return StageTable(stage, tuple(keys), tuple(known), makes)


def _is_switch(option: Option, makes: str) -> bool:
    """Tell whether an option takes a product for a purpose of its own: true or false is enough."""
    is_own = option.product != option.name and option.product != makes
    return is_own and not option.is_required
