"""What the tables of a campaign file may say, and how products go from stage to stage.

Invariant: both follow from the configurations of the stages. A key is an option, as it is typed
after ``--``, or an argument; what names a product of the campaign (``product=`` at the field) need
not be said, and can be only where there may be none of it. A stage makes the product that none
before it has made, and one that makes none (synth, evaluate) is no part of a campaign.
"""

from dataclasses import dataclass
from functools import cache

from seisflow.core.options import Option
from seisflow.registry import STAGES, config_of

__all__ = ["FILES", "StageTable", "is_needed", "tables"]

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
        What the campaign gives unless its table does: products that are read or made.
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
        return tuple(o.product for o in self.products if is_needed(o) and o.product != self.makes)

    def key(self, dashed: str) -> Option | None:
        """Return the option that a key of the file stands for."""
        return next((option for option in self.keys if option.dashed == dashed), None)


def is_needed(option: Option) -> bool:
    """Tell whether a stage cannot do without a product: what is given by its place, not by name."""
    return option.is_argument or option.is_required


@cache
def tables() -> dict[str, StageTable]:
    """Return the table of every stage of a campaign, in the order in which they run."""
    found: dict[str, StageTable] = {}
    for stage in STAGES:
        options = config_of(stage).options()
        made = {table.makes for table in found.values()}
        new = [o.product for o in options if o.product and o.product not in made]
        if new:
            keys = tuple(o for o in options if not o.product or o.may_be_none)
            products = tuple(o for o in options if o.product)
            found[stage] = StageTable(stage, keys, products, new[0])
    return found
