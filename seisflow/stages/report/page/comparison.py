"""The part of a campaign's page that compares detections with a catalogue."""

from collections.abc import Mapping, Sequence
from typing import Any

from seisflow.stages.report.page.elements import Part, Table, plain, table_of

__all__ = ["comparison_part"]

MAX_ROWS = 300
"""Rows of a table."""
WORDS = {"late": "at S", "equal": "baselines equal in"}
"""Names of a comparison that say less to people than to programs."""


def comparison_part(name: str, document: Mapping[str, Any]) -> Part:
    """Show a comparison of detections with a catalogue, whatever it counts.

    Parameters
    ----------
    name : str
        Path, as it is to be shown.
    document : mapping
        JSON content: single values become facts; a list of mappings becomes a table; a mapping
        becomes a table of its entries.
    """
    facts, tables = [], []
    for key, value in document.items():
        text = _words(key)
        if _is_rows(value):
            tables.append(_records(text, value))
        elif isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values()):
            tables.append(_records(text, [_with_name(k, v) for k, v in value.items()]))
        elif isinstance(value, Mapping):
            rows = [[_words(k), plain(v)] for k, v in value.items()]
            tables.append(table_of(text, ("", ""), rows))
        else:
            facts.append((text, plain(value)))
    facts.append(("file", name))
    return Part("comparison", "Comparison with a catalogue", facts, tables=tables)


def _words(key: str) -> str:
    return WORDS.get(key, key.replace("_", " "))


def _with_name(key: str, value: Any) -> dict[str, Any]:
    """Return an entry of a mapping as a row that begins with its name."""
    name = _words(key)
    return {"": name, **value} if isinstance(value, Mapping) else {"": name, "value": value}


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _records(caption: str, records: Sequence[Mapping[str, Any]]) -> Table:
    """Make a table of mappings; a column for every key there is."""
    head = list(dict.fromkeys(key for record in records for key in record))
    shown = records[:MAX_ROWS]
    if len(shown) < len(records):
        caption += f" ({len(shown):,} of {len(records):,} shown)"
    rows = [[plain(record.get(key)) for key in head] for record in shown]
    return table_of(caption, [_words(key) for key in head], rows)
