"""The products and the stages that write them: the architecture in one table.

=========  ==========================  ==========================  ======================
stage      reads                       writes                      one task
=========  ==========================  ==========================  ======================
synth      scene                       RAW files and TRUTH         one node x one day
ingest     RAW                         WAVEFORMS                   one station x one day
label      WAVEFORMS                   LABELS                      station block x one day
assemble   WAVEFORMS, LABELS, arrivals WAVELETS                    shard of examples
infer      WAVEFORMS, a model          SCORES                      station block x one day
detect     SCORES, WAVEFORMS           CATALOG                     one hour, all stations
=========  ==========================  ==========================  ======================

``train`` reads WAVELETS and writes a model, a folder of its own kind
(`seisflow.stages.learn.artifact`).

A product is one Zarr group. Its root attribute ``seisflow`` says which product it is, by which
configuration and from which input (`Identity`). Beside the arrays lies a folder ``_seisflow``
with the plan, one receipt for every task done, and the provenance.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from seisflow.core.config import fingerprint
from seisflow.core.grid import NS_PER_S, SampleGrid, Span
from seisflow.errors import DataError

__all__ = [
    "FORMAT_VERSIONS",
    "RESULT_VERSIONS",
    "ArraySpec",
    "Identity",
    "Product",
    "mapping_differences",
]

FORMAT_VERSIONS = {
    "TRUTH": 1,
    "WAVEFORMS": 1,
    "LABELS": 2,
    "WAVELETS": 1,
    "SCORES": 1,
    "CATALOG": 1,
}
"""Layout version of each product; a change of layout raises it (CHANGELOG heading of its own)."""


RESULT_VERSIONS = {"synth": 1, "ingest": 1, "label": 1, "assemble": 2, "infer": 2, "detect": 2}
"""Raised when a stage gives other results for the same question, so that none are mixed."""


@dataclass(frozen=True)
class ArraySpec:
    """One array of a product.

    ``shards`` is None for an array that is written whole by one writer. ``values`` are written
    when the product is created (coordinates); other arrays start as ``fill``.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    fill: Any = None
    chunks: tuple[int, ...] | None = None
    shards: tuple[int, ...] | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)
    values: Any = None


@dataclass(frozen=True)
class Identity:
    """What makes two products the same: asked alike, from the same input, in the same layout.

    ``inputs`` names what was read: the identity of another product, or a digest of each file.
    """

    product: str
    stage: str
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    format_version: int
    result_version: int = 1

    @property
    def key(self) -> str:
        """32 hexadecimal digits that name the product."""
        return fingerprint(asdict(self))

    def differences(self, other: "Identity") -> list[str]:
        """Say in plain lines how another identity differs from this one."""
        lines = []
        for name in ("product", "format_version", "result_version"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                lines.append(f"{name}: asked {theirs!r}, found {mine!r}")
        lines += mapping_differences("", self.config, other.config)
        lines += mapping_differences("input ", self.inputs, other.inputs)
        return lines


def mapping_differences(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say in plain lines, ten at most, where two mappings differ."""
    lines = [
        f"{prefix}{k}: asked {new.get(k)!r}, found {old.get(k)!r}"
        for k in sorted({*old, *new})
        if old.get(k) != new.get(k)
    ]
    return [*lines[:10], f"{prefix}... and {len(lines) - 10} more"] if len(lines) > 10 else lines


@dataclass(frozen=True)
class Product:
    """What a product's root attribute says: identity, grid and size of a shard.

    Parameters
    ----------
    identity : Identity
        Which product this is.
    span : Span
        Time covered; whole UTC hours.
    rate : Fraction
        Samples per second of the waveforms it holds or was made from.
    shard_s : int
        Seconds of one shard along time.
    block : int
        Stations of one shard.
    """

    identity: Identity
    span: Span
    rate: Fraction
    shard_s: int
    block: int

    @property
    def grid(self) -> SampleGrid:
        """The sample grid of the product."""
        return SampleGrid.over(self.span, self.rate)

    @property
    def n_seconds(self) -> int:
        """Seconds covered."""
        return (self.span.end_ns - self.span.start_ns) // NS_PER_S

    def to_attrs(self) -> dict[str, Any]:
        """Return the content of the root attribute ``seisflow``."""
        return {
            "identity": asdict(self.identity),
            "key": self.identity.key,
            "start_ns": self.span.start_ns,
            "end_ns": self.span.end_ns,
            "sampling_rate_hz": float(self.rate),
            "rate": [self.rate.numerator, self.rate.denominator],
            "shard_s": self.shard_s,
            "block": self.block,
        }

    @classmethod
    def from_attrs(cls, attrs: Mapping[str, Any], where: str) -> "Product":
        """Read the root attribute ``seisflow``.

        Raises
        ------
        DataError
            The layout is of a version this program does not know.
        """
        identity = Identity(**attrs["identity"])
        known = FORMAT_VERSIONS.get(identity.product)
        if identity.format_version != known:
            raise DataError(
                f"{where} is a {identity.product} product in layout {identity.format_version}; "
                f"this version reads layout {known}; make the product again or use the seisflow "
                "that wrote it"
            )
        return cls(
            identity,
            Span(attrs["start_ns"], attrs["end_ns"]),
            Fraction(*attrs["rate"]),
            attrs["shard_s"],
            attrs["block"],
        )
