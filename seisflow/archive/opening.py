"""Opening products with xarray: lazy, with Dask chunks of whole shards.

What is opened is what notebooks expect: names are Python strings, attributes are numbers and text,
gaps are NaN. So it is drawn by ``.plot()`` and written by ``.to_netcdf()`` and ``.to_zarr()``.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
import zarr

from seisflow.archive.blocks import MODEL
from seisflow.archive.lazily import masked_samples, plain_text
from seisflow.archive.products import Product
from seisflow.archive.receipts import read_document
from seisflow.archive.schema import TIME_ATTRS
from seisflow.archive.stationindex import StationIndex
from seisflow.archive.store import open_group, read_product, zarr_store
from seisflow.archive.timeindex import SampleTimeIndex
from seisflow.core.files import AnyPath

__all__ = ["THRESHOLDS", "decoded", "open_product", "product_attrs", "thresholds_of"]

THRESHOLDS = "thresholds"
"""Attribute of SCORES that are opened: JSON text of what `thresholds_of` returns."""

TIME_ENCODING = {key: TIME_ATTRS[key] for key in ("units", "calendar")} | {"dtype": "int64"}
"""How times are written: in nanoseconds, so that none is rounded."""


def open_product(path: str | AnyPath, *, raw: bool = False) -> xr.Dataset:
    """Open a product of seisflow as a lazy `xarray.Dataset`.

    Parameters
    ----------
    path : path
        A product: what ``seisflow ingest``, ``label``, ``assemble``, ``infer``, ``detect`` or
        ``synth`` wrote.
    raw : bool
        Leave the samples of WAVEFORMS in the type they are stored in, with the fill value where
        there are none. It changes nothing else, and no other product.

    Returns
    -------
    xarray.Dataset
        The product's arrays, loaded only where they are used. Dask chunks are whole shards (one
        station and one day of samples; a block of stations and one day of seconds). ``station``
        is ``NET.STA.LOC.CHA``; ``sel`` takes ``STA`` or ``NET.STA`` too where that fits one alone
        (`StationIndex`). ``second`` names a second by its start and decodes to datetime64[ns] UTC.
        The attribute ``seisflow`` is JSON text that says how the product was made.

        WAVEFORMS: ``waveform (station, time)`` in counts as recorded, with ``time`` computed from
        the grid rather than stored, and ``coverage (station, second)``, the valid fraction of
        each second: 1 complete, 0 no data, NaN not yet ingested. Samples that were not recorded
        are NaN; integers become float64 for that, which holds each of them exactly (float32
        would not, above 2^24). With `raw` they stay integers, and what was not recorded is the
        attribute ``fill_sample``. The attribute ``recorded_dtype`` is the type they are stored in.

        LABELS: ``label``, ``deviation``, ``median_cc``, ``density`` and ``no_data_reason``, all
        ``(station, second)``, with ``std_cc`` and ``weighted_density`` of the method `reference`
        or ``p_noise`` of `calibrated`; ``undetermined_reason``, ``n_rn`` and ``mean_rn_spectrum``
        for each hour.

        WAVELETS: ``waveform (example, sample)`` in counts as recorded, NaN where not written, with
        a margin before and behind the window (``margin_s`` of the configuration in the attribute
        ``seisflow``); ``state``, ``wavelet_class``, ``split``, ``station``, ``event`` ("" for
        noise), ``start`` of the window (datetime64[ns] UTC), ``snr``, ``distance_km``,
        ``magnitude``, ``arrival_s`` (P after ``start``) and ``origin``, why it has its class, all
        ``(example)``. Examples come by split, and at random within one. Dask chunks are 2048
        examples.

        SCORES: ``probability (station, second, class)`` of the window of 4 s that begins 1 s before
        ``second``, NaN where there is none, and ``state (station, second)``, which says why;
        ``class`` names the classes. The attribute ``thresholds`` is JSON text: thresholds on the
        probability of an earthquake by the false-positive rate they keep to on validation data.

        CATALOG: for each ``event`` its ``time`` (P at the median node), ``n_nodes``, ``mean_cc``,
        ``stack_snr``, ``back_azimuth_deg``, ``apparent_velocity_m_s`` and more, ``stack (event,
        sample)`` (as ``catalog["stack"]``: a dataset has a method of that name), and
        ``node_probability (event, station)``; for each ``pick`` the row of its event
        (``pick_event``), ``pick_station``, ``pick_time``, ``pick_delay_s``, ``pick_cc``.

    Raises
    ------
    ConfigError
        There is nothing at `path`.
    DataError
        It is not a product of seisflow, or one in another layout.
    """
    product = read_product(path)
    found = decoded(zarr_store(path), open_group(path), product, raw=raw)
    if product.identity.product == "SCORES":
        found.attrs[THRESHOLDS] = json.dumps(thresholds_of(read_document(path, MODEL)))
    return found


def decoded(store: Any, group: zarr.Group, product: Product, *, raw: bool = False) -> xr.Dataset:
    """Return the arrays of a product as `open_product` does, wherever they are stored.

    Parameters
    ----------
    store : zarr store
        Where the arrays are.
    group : zarr.Group
        The same, opened.
    product : Product
        What it is.
    raw : bool
        As of `open_product`.
    """
    arrays = {name: array for name, array in group.arrays() if isinstance(array, zarr.Array)}
    dataset: xr.Dataset = xr.open_zarr(store, chunks=None, zarr_format=3)
    variables = {
        str(name): _plain(str(name), arrays[str(name)], variable)
        for name, variable in dataset.variables.items()
    }
    if "waveform" in variables and "coverage" in variables:
        variables["waveform"].attrs["recorded_dtype"] = variables["waveform"].dtype.name
        if not raw:
            variables["waveform"] = _masked(arrays, variables["waveform"], product)
    if "segment_station" in variables:  # rows change where stations are selected, names do not
        names = [str(name) for name in variables["station"].values]
        meanings = {"flag_values": list(range(len(names))), "flag_meanings": " ".join(names)}
        variables["segment_station"].attrs |= meanings
    return _assembled(dataset, variables, arrays, product)


def thresholds_of(document: Mapping[str, Any]) -> list[dict[str, float]]:
    """Return the thresholds that a model's document knows, each with its false-positive rate."""
    validation = document.get("metrics", {}).get("validation", {})
    return list(validation.get("thresholds", []))


def product_attrs(dataset: xr.Dataset) -> Mapping[str, Any]:
    """Return what a dataset's attribute ``seisflow`` says; nothing if it has none.

    It is JSON text in what `open_product` returns, and a mapping in what `xarray.open_zarr` does.
    """
    found = dataset.attrs.get("seisflow")
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:  # text of somebody else
            return {}
    return found if isinstance(found, Mapping) else {}


def _plain(name: str, array: zarr.Array[Any], variable: xr.Variable) -> xr.Variable:
    """Return a variable of a plain type that says nothing of how it lay in its store."""
    is_text, is_time = variable.dtype.kind == "T", variable.dtype.kind == "M"
    if is_text and variable.dims == (name,):
        names = np.array([str(text) for text in variable.values], dtype=np.str_)
        plain = xr.Variable(variable.dims, names, variable.attrs)
    else:
        plain = plain_text(array, variable) if is_text else variable.copy(deep=False)
    plain.encoding = dict(TIME_ENCODING) if is_time else {"dtype": object} if is_text else {}
    return plain


def _masked(
    arrays: Mapping[str, zarr.Array[Any]], variable: xr.Variable, product: Product
) -> xr.Variable:
    """Return samples with NaN for gaps."""
    if variable.dtype.kind == "f":
        return variable
    found = masked_samples(arrays["waveform"], arrays["coverage"], product.rate, variable)
    found.attrs["fill_sample"] = "NaN"
    return found


def _assembled(
    dataset: xr.Dataset,
    variables: dict[str, xr.Variable],
    arrays: Mapping[str, zarr.Array[Any]],
    product: Product,
) -> xr.Dataset:
    """Put variables together: Dask chunks of whole shards, indexes, attributes."""
    for name, array in arrays.items():
        if array.shards is not None:
            dims = array.metadata.dimension_names or ()  # type: ignore[union-attr]
            variables[name] = variables[name].chunk(dict(zip(dims, array.shards, strict=True)))
    coords = {name: variables.pop(str(name)) for name in dataset.coords}
    attrs = {k: json.dumps(v) if isinstance(v, Mapping) else v for k, v in dataset.attrs.items()}
    found = xr.Dataset(variables, coords, attrs)
    if "source" in dataset.encoding:
        found.encoding = {"source": dataset.encoding["source"]}
    if "station" in found.dims:
        stations = StationIndex.over(found.station.values)
        names = stations.create_variables({"station": found.station.variable})
        found = found.assign_coords(xr.Coordinates(names, {"station": stations}))
    if "time" in found.dims:
        times = xr.Coordinates.from_xindex(SampleTimeIndex.over(product.grid))
        found = found.assign_coords(times)
        found.variables["time"].encoding = dict(TIME_ENCODING)
    return found
