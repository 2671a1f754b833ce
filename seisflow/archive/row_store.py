"""An object store from which the chunks of a row come together.

zarr reads the chunks of a shard one after the other: an hour of samples is six or seven requests,
each waiting for the last. They lie side by side in the shard, and its index says where.
"""

from typing import Any

import numpy as np
import zarr
from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import ByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.storage import FsspecStore

__all__ = ["RowStore", "expect_row"]

CHECKSUM_BYTES = 4
EMPTY = 2**64 - 1
"""Length, in the index of a shard, of a chunk that holds nothing but the fill value."""


class RowStore(FsspecStore):
    """An object store that fetches what is expected of a shard when its index is read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._expected = range(0)
        self._chunks_per_shard = 1
        self._held: dict[str, tuple[int, bytes]] = {}

    def expect(self, chunks: range, chunks_per_shard: int) -> None:
        """Say which chunks along the last axis will be read next."""
        self._expected, self._chunks_per_shard = chunks, chunks_per_shard
        self._held.clear()

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return a file or a part of it."""
        if isinstance(byte_range, RangeByteRequest) and key in self._held:
            first, content = self._held[key]
            if first <= byte_range.start and byte_range.end <= first + len(content):
                part = content[byte_range.start - first : byte_range.end - first]
                return prototype.buffer.from_bytes(part)
        found = await super().get(key, prototype, byte_range)
        if found is not None and isinstance(byte_range, SuffixByteRequest) and self._expected:
            await self._hold(key, prototype, found.to_bytes())
        return found

    async def _hold(self, key: str, prototype: BufferPrototype, index: bytes) -> None:
        shard, n = int(key.rpartition("/")[2]), self._chunks_per_shard
        here = [chunk % n for chunk in self._expected if chunk // n == shard]
        places = np.frombuffer(index[:-CHECKSUM_BYTES], "<u8").reshape(-1, 2)[here]
        places = places[places[:, 1] != EMPTY]
        if len(places):
            first, stop = int(places[:, 0].min()), int(places.sum(axis=1).max())
            content = await super().get(key, prototype, RangeByteRequest(first, stop))
            if content is not None:
                self._held[key] = first, content.to_bytes()


def expect_row(array: zarr.Array[Any], start: int, stop: int) -> None:
    """Say that ``[start, stop)`` along the last axis is read next, where a shard holds one row."""
    shards = array.shards
    if isinstance(array.store, RowStore) and shards and shards[:-1] == array.chunks[:-1]:
        size = array.chunks[-1]
        array.store.expect(range(start // size, -(-stop // size)), shards[-1] // size)
