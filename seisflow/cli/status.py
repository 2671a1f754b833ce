"""``seisflow status``."""

from collections.abc import Sequence
from typing import Annotated

import typer
from upath import UPath

from seisflow.archive.store import read_product
from seisflow.archive.summary import common_rows, few_lines, note_rows, summary_json
from seisflow.archive.work import progress_of
from seisflow.cli.options import JsonOption, a_path
from seisflow.console import ERRORS, print_json, table

SHOWN = 100


def status(
    product: Annotated[
        UPath, typer.Argument(metavar="PRODUCT", help="Any product of seisflow.", parser=a_path)
    ],
    as_json: JsonOption = False,
) -> None:
    """Show how far a product is: done, missing, failed with reasons, throughput, CPU-hours.

    Reads receipts only, so it may be asked while the product is being made.
    """
    found = read_product(product)
    state = progress_of(product)
    rows = {
        **common_rows(product, state),
        **note_rows(state.plan.notes),
        "kind": f"{found.identity.product}, layout {found.identity.format_version}",
        "span": f"{found.span} at {float(found.rate):g} Hz",
        "problems": state.n_problems,
        **state.counts,
    }
    table("status", rows)
    show_some("failed", [f"{name}: {why}" for name, why in state.failed.items()], "red")
    if state.missing:
        some = ", ".join(state.missing[:5])
        ERRORS.print(f"missing: {some}{', ...' if len(state.missing) > 5 else ''}")
    show_some("problem", state.problems, "yellow")
    if as_json:
        print_json(summary_json(product, state, {}, None))


def show_some(what: str, lines: Sequence[str], style: str) -> None:
    """Print the lines, of many the first of each kind, and say how to see the others."""
    for line in few_lines(lines, SHOWN):
        ERRORS.print(f"{what}: {line}", style=style)
    if len(lines) > SHOWN:
        ERRORS.print(f"{what}: ... {len(lines)} in all; --json lists them", style=style)
