"""``seisflow status``."""

from collections.abc import Sequence
from typing import Annotated

import typer
from upath import UPath

from seisflow.archive.summary import few_lines
from seisflow.campaign.status import status_of
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
    found = status_of(product)
    state = found.progress
    table("status", found.rows)
    show_some("failed", [f"{name}: {why}" for name, why in state.failed.items()], "red")
    if state.missing:
        some = ", ".join(state.missing[:5])
        ERRORS.print(f"missing: {some}{', ...' if len(state.missing) > 5 else ''}")
    show_some("problem", state.problems, "yellow")
    if as_json:
        print_json(found.summary)


def show_some(what: str, lines: Sequence[str], style: str) -> None:
    """Print the lines, of many the first of each kind, and say how to see the others."""
    for line in few_lines(lines, SHOWN):
        ERRORS.print(f"{what}: {line}", style=style)
    if len(lines) > SHOWN:
        ERRORS.print(f"{what}: ... {len(lines)} in all; --json lists them", style=style)
