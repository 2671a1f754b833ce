"""What is used of obspy, imported without the warnings its import gives.

obspy 1.5.1 reads its entry points through an interface that Python 3.11 calls deprecated; where
warnings are errors, as in the tests, importing it would fail.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from obspy import Stream, Trace, UTCDateTime, read_events, read_inventory
    from obspy.core.event.header import EventType
    from obspy.core.inventory import Channel, Inventory, Network, Site, Station
    from obspy.io.sac.arrayio import header_arrays_to_dict, read_sac
    from obspy.io.segy.header import DATA_SAMPLE_FORMAT_UNPACK_FUNCTIONS

EVENT_TYPES = frozenset(EventType)
"""Kinds of events that ObsPy knows, as QuakeML writes them."""

__all__ = [
    "DATA_SAMPLE_FORMAT_UNPACK_FUNCTIONS",
    "EVENT_TYPES",
    "Channel",
    "Inventory",
    "Network",
    "Site",
    "Station",
    "Stream",
    "Trace",
    "UTCDateTime",
    "header_arrays_to_dict",
    "read_events",
    "read_inventory",
    "read_sac",
]
