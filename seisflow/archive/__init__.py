"""Our stores: what products hold, how they are made, written and opened. The only user of zarr."""
