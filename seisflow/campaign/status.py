"""How far a product is, read from its receipts while it is made or afterwards."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seisflow.archive.products import Product
from seisflow.archive.store import read_product
from seisflow.archive.summary import common_rows, note_rows, summary_json
from seisflow.archive.work import Progress, progress_of
from seisflow.core.files import AnyPath, any_path
from seisflow.core.wording import markdown_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ProductStatus", "status_of"]


@dataclass(frozen=True)
class ProductStatus:
    """How far a product is.

    Attributes
    ----------
    path : Path
        Where it stands.
    product : Product
        What it is.
    progress : Progress
        Tasks done, failed with reasons, and missing; what was counted, and what it took.
    """

    path: AnyPath
    product: Product
    progress: Progress

    @property
    def is_complete(self) -> bool:
        """Whether every task is done."""
        return self.progress.is_complete

    @property
    def summary(self) -> dict[str, Any]:
        """All of it as JSON content."""
        return summary_json(self.path, self.progress, {}, None)

    @property
    def rows(self) -> dict[str, Any]:
        """The same for people."""
        found, state = self.product, self.progress
        return {
            **common_rows(self.path, state),
            **note_rows(state.plan.notes),
            "kind": f"{found.identity.product}, layout {found.identity.format_version}",
            "span": f"{found.span} at {float(found.rate):g} Hz",
            "problems": state.n_problems,
            **state.counts,
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """Return a table of all tasks: ``state`` is done, failed or missing."""
        import pandas as pd  # half a second

        state = self.progress
        rows = [
            *((task, "done", "") for task in state.done),
            *((task, "failed", reason) for task, reason in state.failed.items()),
            *((task, "missing", "") for task in state.missing),
        ]
        columns = ["task", "state", "reason"]
        return pd.DataFrame(rows, columns=columns).set_index("task").sort_index()

    def __repr__(self) -> str:
        return "\n".join(markdown_table(("status", ""), list(self.rows.items())))


def status_of(product: str | AnyPath) -> ProductStatus:
    """Read how far a product is; it may be asked while the product is being made.

    Parameters
    ----------
    product : path
        Any product with tasks.

    Raises
    ------
    ConfigError, DataError
        There is no product.
    """
    path = any_path(product)
    return ProductStatus(path, read_product(path), progress_of(path))
