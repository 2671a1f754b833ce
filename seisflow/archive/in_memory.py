"""Datasets in memory of the form in which products are opened.

Invariant: names, dimensions, indexes and attributes come from the layout of the product and the
code that opens products, so a dataset made here differs from an opened product in where its
arrays are alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr
from zarr.storage import MemoryStore

from seisflow.archive.opening import decoded
from seisflow.archive.products import ArraySpec, Product
from seisflow.archive.store import add_array, as_usual, consolidate_store, root_attributes

__all__ = ["dataset_in_memory"]


def dataset_in_memory(
    product: Product,
    arrays: Iterable[ArraySpec],
    title: str,
    values: Mapping[str, npt.NDArray[np.generic]],
) -> xr.Dataset:
    """Return the dataset that `open_product` would give of a product, with its arrays in memory.

    Parameters
    ----------
    product : Product
        What it is.
    arrays : iterable of ArraySpec
        All its arrays, coordinates with their values.
    title : str
        What a reader sees first.
    values : mapping of str to ndarray
        What the arrays without values hold, as they are seen when opened: samples with NaN where
        nothing was recorded.
    """
    store = MemoryStore()
    with as_usual():
        group = zarr.create_group(store, zarr_format=3, attributes=root_attributes(product, title))
        for spec in arrays:
            add_array(group, replace(spec, chunks=None, shards=None))
    consolidate_store(store)
    found = decoded(store, group, product)
    for name, array in values.items():
        found.variables[name].data = array
    for loaded, variable in found.variables.items():
        if loaded != "time":  # computed from the grid, and as large as the samples
            variable.load()
    return found
