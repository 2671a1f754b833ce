"""Bytes, durations, moments and lengths, as people read them."""

__all__ = ["human_bytes", "human_moment", "human_time", "length_unit"]

KM_FROM_M = 5000.0


def human_bytes(n: float) -> str:
    """Write a number of bytes with three digits."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if n < 1000 or unit == "TB":
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.3g} {unit}"
        n /= 1000
    raise AssertionError


def human_time(seconds: float) -> str:
    """Write a duration with its two largest units."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours} h {m:02d} min" if hours else f"{m} min {s:02d} s"


def human_moment(time_ns: int) -> str:
    """Write ns since 1970 UTC to the millisecond."""
    import numpy as np  # all else here is needed by commands that should start at once

    return str(np.datetime64(round(time_ns, -6) // 1_000_000, "ms")).replace("T", " ")


def length_unit(length_m: float) -> tuple[str, float]:
    """Return the unit that suits the lengths of a map, and its metres."""
    return ("km", 1000.0) if length_m >= KM_FROM_M else ("m", 1.0)
