"""Opening products with xarray: lazy, with Dask chunks of whole shards."""

import xarray as xr

from seisflow.archive.store import open_group, read_product, zarr_store
from seisflow.archive.timeindex import SampleTimeIndex
from seisflow.core.files import AnyPath

__all__ = ["open_product"]


def open_product(path: str | AnyPath) -> xr.Dataset:
    """Open a product of seisflow as a lazy `xarray.Dataset`.

    Parameters
    ----------
    path : path
        A product: what ``seisflow ingest``, ``label``, ``assemble``, ``infer``, ``detect`` or
        ``synth`` wrote.

    Returns
    -------
    xarray.Dataset
        The product's arrays, loaded only where they are used. Dask chunks are whole shards (one
        station and one day of samples; a block of stations and one day of seconds). ``station``
        is ``NET.STA.LOC.CHA``; ``second`` names a second by its start and decodes to
        datetime64[ns] UTC.

        WAVEFORMS: ``waveform (station, time)`` in counts as recorded, with ``time`` computed from
        the grid rather than stored, and ``coverage (station, second)``, the valid fraction of
        each second: 1 complete, 0 no data, NaN not yet ingested. Samples that are not covered
        hold the array's ``fill_sample`` attribute.

        LABELS: ``label``, ``deviation``, ``median_cc``, ``density`` and ``no_data_reason``, all
        ``(station, second)``, with ``std_cc`` and ``weighted_density`` of the method `reference`
        or ``p_noise`` of `calibrated`; ``undetermined_reason``, ``n_rn`` and ``mean_rn_spectrum``
        for each hour.

        WAVELETS: ``waveform (example, sample)`` in counts as recorded, NaN where not written, with
        a margin before and behind the window (``margin_s`` of the configuration in the attribute
        ``seisflow``); ``state``, ``wavelet_class``, ``split``, ``station``, ``event`` ("" for
        noise), ``start`` of the window (datetime64[ns] UTC), ``snr``, ``distance_km``,
        ``magnitude`` and ``arrival_s`` (P after ``start``), all ``(example)``. Examples come by
        split, and at random within one. Dask chunks are 2048 examples.

        SCORES: ``probability (station, second, class)`` of the window of 4 s that begins 1 s before
        ``second``, NaN where there is none, and ``state (station, second)``, which says why;
        ``class`` names the classes.

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
    shards = {
        name: dict(zip(array.metadata.dimension_names or (), array.shards, strict=True))  # type: ignore[union-attr]
        for name, array in open_group(path).arrays()
        if array.shards is not None
    }
    dataset: xr.Dataset = xr.open_zarr(zarr_store(path), chunks=None, zarr_format=3)
    dataset = dataset.assign({name: dataset[name].chunk(sizes) for name, sizes in shards.items()})
    if "time" in dataset.dims:
        index = SampleTimeIndex.over(product.grid)
        dataset = dataset.assign_coords(xr.Coordinates.from_xindex(index))
    return dataset
