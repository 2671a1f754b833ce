"""What people are told of a stage that has ended."""

from seisflow.archive.summary import few_lines
from seisflow.core.files import AnyPath
from seisflow.core.reporting import Reporter
from seisflow.engine.stage import Result

__all__ = ["tell_problems", "tell_result"]

SHOWN = 20
"""Lines of a kind that are told; the others are in the product."""


def tell_result(result: Result, reporter: Reporter) -> None:
    """Tell what a stage made, what failed, and what could not be used."""
    if result.rows:
        reporter.table(result.stage, result.rows)
    if result.progress is None:
        return
    for name, reason in list(result.progress.failed.items())[:SHOWN]:
        reporter.say(f"failed: {name}: {reason}", "red")
    tell_problems(result.problems, reporter, result.path, result.progress.n_problems)


def tell_problems(
    problems: tuple[str, ...],
    reporter: Reporter,
    product: AnyPath | None = None,
    n_problems: int = 0,
) -> None:
    """Tell the problems, of many the first of each kind, and which product has the others.

    Parameters
    ----------
    problems : tuple of str
        Those that are known here.
    reporter : Reporter
        Who is told.
    product : path, optional
        Where all of them stand.
    n_problems : int
        How many those are.
    """
    for problem in few_lines(problems, SHOWN):
        reporter.say(f"problem: {problem}", "yellow")
    n_problems = max(n_problems, len(problems))
    if n_problems > min(len(problems), SHOWN):
        where = f"; 'seisflow status {product}' lists them once made" if product else ""
        reporter.say(f"... {n_problems} problems in all{where}")
