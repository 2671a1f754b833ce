"""Where the WAVEFORMS are that a product was made from."""

import json

from seisflow.archive.blocks import SOURCES
from seisflow.archive.store import HIDDEN, read_product
from seisflow.core.files import AnyPath, any_path
from seisflow.errors import ConfigError, DataError

__all__ = ["find_waveforms"]


def find_waveforms(product: AnyPath, given: AnyPath | None = None) -> AnyPath:
    """Return the path of the very WAVEFORMS that a product was made from.

    Parameters
    ----------
    product : Path
        LABELS, SCORES or CATALOG.
    given : path, optional
        Where they are said to be. Without it, where they were when the product was begun: beside
        it as then, if both were moved together, else at the same absolute path.

    Raises
    ------
    ConfigError
        They are not there, or another product is.
    """
    asked = read_product(product).identity.inputs["waveforms"]
    places = [given] if given is not None else recorded_places(product)
    found = []
    for place in places:
        try:
            key = read_product(place, "WAVEFORMS").identity.key
        except (ConfigError, DataError) as error:
            found.append(str(error))
            continue
        if key == asked:
            return place
        found.append(f"{place} is WAVEFORMS with identity {key}")
    seen = "; ".join(found) or "where they were is not recorded in it"
    advice = "give their path with --waveforms"
    if given is not None:
        advice = f"give the path of those, or make {product.name} anew from these"
    raise ConfigError(
        f"{product} was made from WAVEFORMS with identity {asked}, and they were not found: "
        f"{seen}; {advice}"
    )


def recorded_places(product: AnyPath) -> list[AnyPath]:
    """Return where the waveforms were when a product was begun; empty if nobody wrote it down."""
    file = product / HIDDEN / SOURCES
    try:
        known = json.loads(file.read_text())
        places = [product.absolute().parent / known["relative"], any_path(known["waveforms"])]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return list(dict.fromkeys(place.resolve() for place in places))
