"""The memory tier: variants ready to send, bounded in bytes, least recently used out first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from imagesvc.model.ids import ImageId, VariantKey
from imagesvc.model.images import Variant

ENTRY_OVERHEAD = 2048
"""Bytes of an entry besides its body: the row, headers, and its URLs."""


@dataclass(slots=True)
class Entry:
    """A variant in memory; `is_used` since its last use was recorded."""

    variant: Variant
    body: bytes
    is_used: bool = field(default=True)

    @property
    def cost(self) -> int:
        """Bytes that the entry accounts for."""
        return len(self.body) + ENTRY_OVERHEAD


class MemoryCache:
    """An LRU of variants, for the event loop's thread only."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self.hits = 0
        self._entries: OrderedDict[VariantKey, Entry] = OrderedDict()
        self._listeners: list[Callable[[Entry], None]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def on_removal(self, listener: Callable[[Entry], None]) -> None:
        """Call `listener` with each removed entry, for every reason of the removal."""
        self._listeners.append(listener)

    def get(self, key: VariantKey) -> Entry | None:
        """The entry for an answer, now the most recently used; or None."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            entry.is_used = True
            self.hits += 1
        return entry

    def holds(self, entry: Entry) -> bool:
        """Whether an entry is in memory; this is no use of it."""
        return self._entries.get(entry.variant.key) is entry

    def put(self, entry: Entry) -> None:
        """Keep an entry, and let older ones go; one larger than a quarter of all is not kept."""
        self.remove(entry.variant.key)
        if entry.cost > self.max_bytes // 4:
            return
        self._entries[entry.variant.key] = entry
        self.bytes += entry.cost
        while self.bytes > self.max_bytes:
            self.remove(next(iter(self._entries)))

    def remove(self, key: VariantKey) -> None:
        """Remove an entry; an unknown key is ignored."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.cost
            for listener in self._listeners:
                listener(entry)

    def clear(self) -> None:
        """Let every entry go."""
        for key in list(self._entries):
            self.remove(key)

    def remove_of_images(self, *image_ids: ImageId) -> None:
        """Let every variant of these images go."""
        for key in self.keys_of_images(*image_ids):
            self.remove(key)

    def keys_of_images(self, *image_ids: ImageId) -> list[VariantKey]:
        """The variants of these images that are in memory, the least recently used first."""
        wanted, entries = frozenset(image_ids), self._entries.items()
        return [key for key, entry in entries if entry.variant.image_id in wanted]

    def take_used(self) -> list[VariantKey]:
        """The entries used since the last call."""
        used = [key for key, entry in self._entries.items() if entry.is_used]
        for key in used:
            self._entries[key].is_used = False
        return used
