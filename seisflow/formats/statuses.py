"""What catalogues say of their own entries: kinds of events, and whether somebody rejected them.

Invariant: what is no earthquake never passes for one. A kind that is not known to be an earthquake
is none; where a catalogue does not say, its events are earthquakes.
"""

__all__ = ["is_earthquake", "is_rejected", "no_event"]

UNSAID = ("", "not reported", "unknown", "uk", "none", "nan")
EARTHQUAKES = (
    "earthquake",
    "eq",
    "le",
    "re",
    "ts",
    "local",
    "regional",
    "teleseism",
    "induced earthquake",
    "induced or triggered event",
    "fluid injection",
    "fluid extraction",
    "reservoir loading",
    "rock burst",
    "rockburst",
    "ice quake",
    "icequake",
    "volcano-tectonic",
    "tectonic earthquake",
    "outside of network interest",
    "ke",
    "se",
    "l",
    "r",
    "d",
)
"""Kinds of QuakeML 1.2 and ComCat that are shear failures in rock or ice, codes of the Southern
California network, of the ISC and of SEISAN, and words in use."""

NO_EVENTS = ("not existing", "duplicate")
"""Kinds of QuakeML that stand for nothing that happened, or happened under another name."""

REJECTED = ("rejected", "deleted", "delete", "bad")
"""Of QuakeML's evaluationStatus and ComCat's status."""


def _plain(text: object) -> str:
    return "" if text is None else str(text).strip().lower().replace("_", " ")


def is_earthquake(event_type: object) -> bool:
    """Tell whether a kind of event, as a catalogue writes it, is an earthquake; None is one."""
    return _plain(event_type) in UNSAID + EARTHQUAKES


def no_event(event_type: object) -> bool:
    """Tell whether a kind of event says that nothing happened, or that it is listed elsewhere."""
    return _plain(event_type) in NO_EVENTS


def is_rejected(status: object) -> bool:
    """Tell whether a status says that a pick, an origin or an event is to be ignored."""
    return _plain(status) in REJECTED
