"""The station coordinate: stations are chosen by full id or by any part of it that fits one."""

from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

import numpy as np
import xarray as xr
from xarray.core.indexing import IndexSelResult
from xarray.indexes import PandasIndex

from seisflow.core.wording import SHOWN, some_names

__all__ = ["StationIndex", "fits"]


class _AlignsAsPandas(type(PandasIndex)):  # type: ignore[misc]
    """Makes a class of indexes equal to `PandasIndex`.

    xarray compares the classes of two indexes before it aligns their labels, and refuses to align
    those of two classes: a table of some stations could not be multiplied with a product.
    """

    def __eq__(cls, other: object) -> bool:
        return other is PandasIndex or other is cls

    def __hash__(cls) -> int:
        return hash(PandasIndex)


class StationIndex(PandasIndex, metaclass=_AlignsAsPandas):
    """Index of stations ``NET.STA.LOC.CHA`` that knows them by station code, too.

    ``sel`` takes full ids, and ``STA``, ``NET.STA``, ``STA.LOC.CHA`` and the like where they fit
    one station alone; lists, arrays and both ends of slices likewise. In all else it is the plain
    index of the ids.

    Raises
    ------
    KeyError
        From ``sel``: no station fits, or several; it names those that do or nearly do.
    """

    __slots__ = ()

    @classmethod
    def over(cls, names: Iterable[str]) -> "StationIndex":
        """Build the index of stations along the dimension ``station``."""
        plain = np.array([str(name) for name in names], dtype=np.str_)
        return cls(plain, "station", coord_dtype=plain.dtype)

    def sel(
        self, labels: dict[Any, Any], method: str | None = None, tolerance: Any = None
    ) -> IndexSelResult:
        """Select stations; see the class for what is taken."""
        ((name, label),) = labels.items()
        if isinstance(label, slice):
            ends = (label.start, label.stop)
            start, stop = (None if end is None else self._id(str(end)) for end in ends)
            return super().sel({name: slice(start, stop, label.step)}, method, tolerance)
        with suppress(KeyError):
            return super().sel(labels, method, tolerance)
        return super().sel({name: self._ids(label)}, method, tolerance)

    def _ids(self, label: Any) -> Any:
        values = np.asarray(getattr(label, "values", label))
        known = {text: self._id(text) for text in np.unique(values.astype(str)).tolist()}
        ids = np.array([known[str(v)] for v in values.ravel()]).reshape(values.shape)
        if isinstance(label, xr.Variable | xr.DataArray):
            return label.copy(data=ids)
        return ids if values.ndim else ids.item()

    def _id(self, text: str) -> str:
        """Return the id that a text stands for."""
        names: list[str] = [str(name) for name in self.index]
        if text in names:
            return text
        fitting: list[str] = [name for name in names if fits(name, text)]
        if len(fitting) == 1:
            return str(fitting[0])
        if fitting:
            raise KeyError(
                f"{text!r} fits {len(fitting)} stations: {some_names(fitting)}; give one"
            )
        near = _near(names, text)
        meant = (
            f"nearest: {some_names(near)}"
            if near
            else f"there are {len(names)}: {some_names(names)}"
        )
        raise KeyError(f"no station {text!r}; {meant}")

    def __repr__(self) -> str:
        return f"StationIndex({self.index!r})"


def fits(name: str, text: str) -> bool:
    """Tell whether a text is the beginning of an id, or of one without its network, in parts."""
    return any(f"{part}.".startswith(f"{text}.") for part in (name, name.partition(".")[2]))


def _near(names: list[str], text: str) -> list[str]:
    """Return the ids of which the whole, the station code or NET.STA is spelt much like a text."""
    spelt: dict[str, list[str]] = {}
    for name in names:
        network, code = (*name.split("."), "")[:2]
        for part in (name, code, f"{network}.{code}"):
            spelt.setdefault(part.upper(), []).append(name)
    close = get_close_matches(text.upper(), spelt, SHOWN)
    return list(dict.fromkeys(name for part in close for name in spelt[part]))
