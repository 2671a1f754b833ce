"""The page that says what each file is for leaves none out."""

import re

from deployed import DEPLOY

PAGES = {"README.md", "SECURITY.md"}


def test_the_table_names_every_file_and_no_other() -> None:
    rows = re.findall(r"^\| `([^`{]+)` \|", (DEPLOY / "README.md").read_text(), re.MULTILINE)
    files = {str(path.relative_to(DEPLOY)) for path in DEPLOY.rglob("*") if path.is_file()}
    assert len(rows) == len(set(rows))
    assert set(rows) == files - PAGES


def test_the_table_of_metrics_is_whole() -> None:
    from seisflow.engine.metrics import COUNTERS

    named = re.findall(r"^\| `(seisflow_\w+)_total\{stage\}` \|", page(), re.MULTILINE)
    assert set(named) == {f.name for counter in COUNTERS.values() for f in counter.collect()}


def page() -> str:
    return (DEPLOY / "README.md").read_text()
