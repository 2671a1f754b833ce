"""``seisflow status``."""

from typing import Annotated

import typer
from upath import UPath

from seisflow.archive.store import read_product
from seisflow.archive.work import progress_of
from seisflow.cli.console import ERRORS, print_json, table
from seisflow.cli.options import JsonOption, a_path
from seisflow.cli.summary import common_rows, summary_json


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
        "kind": f"{found.identity.product}, layout {found.identity.format_version}",
        "span": f"{found.span} at {float(found.rate):g} Hz",
        "problems": state.n_problems,
        **state.counts,
    }
    table("status", rows)
    for name, reason in state.failed.items():
        ERRORS.print(f"failed: {name}: {reason}", style="red")
    if state.missing:
        some = ", ".join(state.missing[:5])
        ERRORS.print(f"missing: {some}{', ...' if len(state.missing) > 5 else ''}")
    for problem in state.problems:
        ERRORS.print(f"problem: {problem}", style="yellow")
    if as_json:
        print_json(summary_json(product, state, {}, None))
