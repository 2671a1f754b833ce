"""Tables of others as text: separators, encodings, headings, open quotes and line numbers.

Invariants: a row that cannot be read is a problem named by its line, as an editor counts lines, and
never stops the others; a heading means one thing in one kind of table; what was taken from which
column, what was left out and why is said with the rows.
"""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from seisflow.core.files import AnyPath
from seisflow.core.grid import DAY_NS, checked_time_ns, format_time, parse_time
from seisflow.errors import ConfigError, DataError

__all__ = [
    "Cells",
    "LeftOut",
    "Table",
    "TableKind",
    "code",
    "gather",
    "is_xml",
    "number",
    "read_table",
    "text_of",
    "time_ns",
]

SEPARATORS = ",;\t|"
LONGEST_CELL_LINES = 10
"""A quoted cell may go on over so many lines; beyond, its quote was never closed."""

ENCODINGS = ("utf-8-sig", "cp1252")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")

NOTHING = ("-", "--", "nan", "none", "null", "n/a", "na", "nat")
"""Words for nothing, in lower case."""

NOT_NS = 30 * DAY_NS
"""A time closer to 1970 was given in seconds, milliseconds or microseconds."""

Cells = Mapping[str, str]
"""The cells of a row by the name of what they mean, stripped; empty where the row says nothing."""

R = TypeVar("R")


@dataclass(frozen=True)
class TableKind:
    """One kind of table: what its columns may be called and which it needs.

    Parameters
    ----------
    what : str
        Its name in messages, for example ``station table``.
    headings : mapping of str to tuple of str
        For each thing a row can say the headings understood, in lower case, the preferred first.
    required : tuple of tuple of str
        Sets of things, one of which must be there, the usual one first; ``a|b`` is one of two.
    other : str
        What else than a table the file may be, for example ``StationXML``.
    doubtful : mapping of str to tuple of str
        Headings that are not taken where one of some others is there, which give them another
        meaning.
    """

    what: str
    headings: Mapping[str, tuple[str, ...]]
    required: tuple[tuple[str, ...], ...]
    other: str
    doubtful: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class LeftOut:
    """Something that was read and is not to be used, and why."""

    reason: str


@dataclass(frozen=True)
class Table(Generic[R]):
    """Rows of a file in its order, and what became of the others.

    Parameters
    ----------
    rows : tuple
        What was read.
    problems : tuple of str
        What could not be read, by line.
    left_out : mapping of str to int
        How many were read and not used, by reason.
    columns : mapping of str to str
        The heading each thing was taken from; empty for XML.
    ignored : tuple of str
        Headings nothing was taken from.
    notes : tuple of str
        What else is to be said.
    """

    rows: tuple[R, ...]
    problems: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def said(self, path: AnyPath) -> tuple[str, ...]:
        """Say which columns were taken for what, and what else is to be said, a line each."""
        lines = list(self.notes)
        if self.columns:
            taken = ", ".join(
                name if name == heading.strip().lower() else f"{name} from '{heading.strip()}'"
                for name, heading in self.columns.items()
            )
            unread = f"; not read: {', '.join(self.ignored)}" if self.ignored else ""
            lines.insert(0, f"columns: {taken}{unread}")
        return tuple(f"{path.name}: {line}" for line in lines)

    def said_of_left_out(self, path: AnyPath) -> tuple[str, ...]:
        """Say what was read and is not used, a line for each reason."""
        return tuple(f"{path.name}: left out {n}: {r}" for r, n in sorted(self.left_out.items()))


def is_xml(path: AnyPath, what: str, give: str) -> bool:
    """Tell whether a file begins as XML does.

    Raises
    ------
    ConfigError
        It cannot be opened.
    """
    return _read_bytes(path, what, give, 4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read_table(
    path: AnyPath, kind: TableKind, rows_of: Callable[[Cells], Iterable[R | LeftOut]]
) -> Table[R]:
    """Read a table of text.

    Parameters
    ----------
    path : Path
        Columns separated by commas, semicolons, tabs or ``|``, with headings in the first line
        that is no comment (``#``; the headings themselves may begin so); UTF-8, UTF-16 with its
        mark, or Windows-1252.
    kind : TableKind
        What its columns mean.
    rows_of : callable
        Makes any number of things of the cells of a row, or raises ValueError.

    Returns
    -------
    Table

    Raises
    ------
    ConfigError
        The file cannot be opened, lacks a column, or has a heading twice.
    DataError
        It is no text.
    """
    give = f"give a CSV table or {kind.other}"
    lines = _Lines(_decode(path, _read_bytes(path, kind.what, give), kind))
    try:
        headings = lines.headings(kind)
    except ValueError as error:
        raise DataError(f"{kind.what} {path} cannot be read: {error}") from error
    columns = _find_columns(path, kind, headings)
    found = gather(_each_row(path, lines, columns, rows_of))
    return Table(
        found.rows, found.problems, found.left_out, columns.taken, columns.ignored, found.notes
    )


def gather(found: Iterable[R | LeftOut | ValueError]) -> Table[R]:
    """Sort what was read from a file: rows, what was left out, and problems."""
    rows: list[R] = []
    problems: list[str] = []
    left_out: Counter[str] = Counter()
    for item in found:
        if isinstance(item, LeftOut):
            left_out[item.reason] += 1
        elif isinstance(item, ValueError):
            problems.append(str(item))
        else:
            rows.append(item)
    return Table(tuple(rows), tuple(problems), dict(left_out))


def text_of(cells: Cells, name: str) -> str:
    """Return a cell of a row, empty where it holds a word for nothing."""
    text = cells.get(name, "")
    return "" if text.lower() in NOTHING else text


def code(cells: Cells, name: str) -> str:
    """Return a code of a row.

    Raises
    ------
    ValueError
        A spreadsheet made a number of it.
    """
    text = text_of(cells, name)
    if re.fullmatch(r"\d+\.0", text):
        raise ValueError(f"{name} {text!r} is a number as spreadsheets write it; give the code")
    return text


def number(cells: Cells, name: str) -> float:
    """Return a number of a row, NaN where the cell is empty.

    Raises
    ------
    ValueError
        It is no number.
    """
    text = text_of(cells, name)
    try:
        return float(text) if text else math.nan
    except ValueError:
        comma = "; write it with a decimal point" if "," in text else ""
        raise ValueError(f"{name} {text!r} is no number{comma}") from None


def time_ns(cells: Cells, name: str = "time") -> int:
    """Return a time of a row, ns since 1970: ``<name>_ns``, or ``<name>`` with a ``date`` beside.

    Raises
    ------
    ConfigError
        It is no time, or ns that are seconds or microseconds by their size.
    """
    if cells.get(f"{name}_ns"):
        return _ns(cells[f"{name}_ns"])
    text = cells.get(name, "")
    if cells.get("date") and "-" not in text:
        text = f"{cells['date']}T{text}"
    return parse_time(text)


def _ns(text: str) -> int:
    try:
        value = checked_time_ns(int(text))
    except ValueError:
        raise ConfigError(f"{text!r} is no whole number of ns since 1970 of our years") from None
    if abs(value) < NOT_NS:
        raise ConfigError(f"{text} ns is {format_time(value)}; give ns since 1970, not s or us")
    return value


def _read_bytes(path: AnyPath, what: str, give: str, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise ConfigError(
            f"{what} {path} cannot be opened: {error.strerror or error}; {give}"
        ) from error


def _decode(path: AnyPath, data: bytes, kind: TableKind) -> str:
    is_utf_16 = data.startswith(UTF_16) and not data.startswith(b"\xff\xfe\0\0")
    encodings = ("utf-16",) if is_utf_16 else ENCODINGS
    for encoding in encodings if is_utf_16 or b"\0" not in data else ():
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataError(f"{kind.what} {path} is neither CSV text nor {kind.other}")


class _Lines:
    """The lines of a table, counted as an editor counts them, and cut into cells."""

    def __init__(self, text: str) -> None:
        self._lines = list(io.StringIO(text, newline=None))
        self._at = 0
        self.separator = ","
        self.width = 0

    def headings(self, kind: TableKind) -> list[str]:
        """Find the separator and the headings in the first line; a comment may hold them."""
        known = {heading for names in kind.headings.values() for heading in names}
        candidates: list[tuple[int, int, str, list[str]]] = []
        for at, line in enumerate(self._lines):
            is_comment = line.startswith("#")
            if not line.strip() or line.lower().startswith("sep="):  # a word to spreadsheets
                continue
            n, separator, cells = _best_cut(line.lstrip("# ") if is_comment else line, known)
            if n > 1 or not is_comment:
                candidates.append((n, at, separator, cells))
            if not is_comment:
                break
        if not candidates:
            return []
        _, at, self.separator, cells = max(candidates)
        self._at, self.width = at + 1, len(cells)
        return cells

    def __iter__(self) -> Iterator[tuple[int, list[str] | ValueError]]:
        """Yield number and cells of each row; an error where a line is no row."""
        while self._at < len(self._lines):
            line, number_ = self._lines[self._at], self._at + 1
            self._at += 1
            if line.startswith("#") or not line.strip():
                continue
            try:
                cells = self._row(line)
            except ValueError as error:
                cells = error
            extra = [] if isinstance(cells, ValueError) else cells[self.width :]
            if any(cell.strip() for cell in extra):
                cells = ValueError(
                    f"{self.width + len(extra)} cells under {self.width} headings; put quotes "
                    "around what holds a separator"
                )
            yield number_, cells

    def _row(self, line: str) -> list[str] | ValueError:
        """Cut a line, with those after it where a quote is open; these are left if it stays so."""
        if not _is_open(line, self.separator):
            return _cut(line, self.separator)
        whole = line
        for further in range(1, LONGEST_CELL_LINES):
            if self._at + further > len(self._lines):
                break
            whole += self._lines[self._at + further - 1]
            if not _is_open(whole, self.separator):
                cells = _cut(whole, self.separator)
                if len(cells) == self.width:
                    self._at += further
                    return cells
                break
        return ValueError("a quote is opened and not closed")


def _is_open(text: str, separator: str) -> bool:
    """Tell whether a quoted cell goes on behind the text."""
    if '"' not in text:
        return False
    try:
        list(csv.reader(io.StringIO(text), delimiter=separator, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _best_cut(line: str, known: Collection[str]) -> tuple[int, str, list[str]]:
    """Cut a line into the most known headings; return their number, the separator, the cells."""
    cuts = [(separator, _cut(line, separator)) for separator in SEPARATORS]
    named = [len({_plain(cell) for cell in cells} & set(known)) for _, cells in cuts]
    best = named.index(max(named))
    return (named[best], *cuts[best])


def _cut(text: str, separator: str) -> list[str]:
    """Cut one row into cells."""
    rows = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    try:
        return next(rows, [])
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _plain(heading: str) -> str:
    return heading.strip().lower().replace(" ", "_")


@dataclass(frozen=True)
class _Columns:
    """Where in a row each thing stands."""

    at: Mapping[str, int]
    taken: Mapping[str, str]
    ignored: tuple[str, ...]

    def cells(self, row: Sequence[str]) -> dict[str, str]:
        return {name: row[i].strip() if i < len(row) else "" for name, i in self.at.items()}


def _find_columns(path: AnyPath, kind: TableKind, found: Sequence[str]) -> _Columns:
    """Match the headings of a table with the ones understood.

    Raises
    ------
    ConfigError
        A column is missing, or one that is needed is there twice.
    """
    plain = [_plain(heading) for heading in found]
    for heading, others in kind.doubtful.items():
        if set(others) & set(plain):
            plain = ["" if name == heading else name for name in plain]
    at: dict[str, int] = {}
    for name, headings in kind.headings.items():
        heading = next(
            (h for h in headings if h in plain and plain.index(h) not in at.values()), ""
        )
        if heading:
            at[name] = plain.index(heading)
    _refuse_missing(path, kind, at, found)
    twice = [found[i] for i in at.values() if plain.count(plain[i]) > 1]
    if twice:
        raise ConfigError(
            f"{kind.what} {path} has more than one column {', '.join(map(repr, twice))}; keep one"
        )
    ignored = tuple(h.strip() for i, h in enumerate(found) if h.strip() and i not in at.values())
    return _Columns(at, {name: found[i] for name, i in at.items()}, ignored)


def _refuse_missing(
    path: AnyPath, kind: TableKind, at: Mapping[str, int], found: Sequence[str]
) -> None:
    missing = [
        [names for names in needed if not any(name in at for name in names.split("|"))]
        for needed in kind.required
    ]
    if not all(missing):
        return
    firsts = [names.partition("|")[0] for names in missing[0]]
    allowed = "; ".join(f"{name}: {', '.join(kind.headings[name])}" for name in firsts)
    raise ConfigError(
        f"{kind.what} {path} has no column for {', '.join(firsts)}; found headings "
        f"{', '.join(h.strip() for h in found) or 'none'}; allowed are {allowed}"
    )


def _each_row(
    path: AnyPath,
    lines: _Lines,
    columns: _Columns,
    rows_of: Callable[[Cells], Iterable[R | LeftOut]],
) -> Iterator[R | LeftOut | ValueError]:
    for line, row in lines:
        try:
            if isinstance(row, ValueError):
                raise row
            yield from rows_of(columns.cells(row))
        except ValueError as error:
            yield ValueError(f"{path.name} line {line}: {error}")
