"""Edits of many images at once, by id or by search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from imagesvc.cancellation import run_to_end
from imagesvc.errors import Conflict, InvalidRequest
from imagesvc.library.edit import ImageChange
from imagesvc.library.tags import MAX_TAGS, kept_tags, tags_of
from imagesvc.model.ids import CollectionId, ImageId, utc_now
from imagesvc.model.images import Image
from imagesvc.store.bulk.edits import BulkEdits, Edited
from imagesvc.store.search.listing import ImageFilter, Position

BATCH = 100
"""Images of one transaction, so that other writes wait for some tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class BulkChange:
    """The same change of several images."""

    fields: ImageChange = field(default_factory=ImageChange)
    """New values; tags are added and removed instead."""
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    """#hashtags of the description stay."""
    moves: bool = False
    """Whether `collection_id` counts."""
    collection_id: CollectionId | None = None
    """The collection to put images into; None to take them out of their collection."""
    leaves_others: bool = False
    """Whether images leave another collection for this one."""

    def applied_to(self, image: Image) -> Image:
        """The image with the change.

        Raises:
            Conflict: it is in another collection, or others would see what has not been accepted.
            InvalidRequest: it would have too many tags.
        """
        fields = self.fields
        if self.add_tags or self.remove_tags:
            fields = replace(fields, tags=self._tags(image))
        changed = fields.applied_to(image)
        if not self.moves:
            return changed
        is_elsewhere = image.collection_id not in {None, self.collection_id}
        if is_elsewhere and self.collection_id is not None and not self.leaves_others:
            message = "is another collection than that of the image"
            raise Conflict("An image can be in one collection only.", (("collection_id", message),))
        return replace(changed, collection_id=self.collection_id)

    def _tags(self, image: Image) -> tuple[str, ...]:
        is_described_anew = self.fields.description is not None
        tags = kept_tags(image.tags, image.description) if is_described_anew else image.tags
        removed = set(tags_of(self.remove_tags, "")) - set(tags_of((), image.description))
        kept = [tag for tag in tags if tag not in removed]
        found = dict.fromkeys([*kept, *tags_of(self.add_tags, "")])
        if len(found) > MAX_TAGS:
            message = f"would give this image more than {MAX_TAGS} tags"
            raise InvalidRequest(f"add_tags {message}.", (("add_tags", message),))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class BulkEditor:
    """Edits many images."""

    edits: BulkEdits
    on_changed: Callable[[ImageId], None]
    """Removes the remembered responses of an image."""
    clock: Callable[[], datetime] = utc_now

    async def edit(self, image_ids: Sequence[ImageId], change: Callable[[Image], Image]) -> Edited:
        """Change images in batches; on return no URL of them is answered as before the change.

        A cancellation waits for the batch that is being written; later ones are not changed.

        Raises:
            InvalidRequest: there is no such collection.
        """
        done = Edited()
        for start in range(0, len(image_ids), BATCH):
            batch = await run_to_end(self._edit(image_ids[start : start + BATCH], change))
            done.changed += batch.changed
            done.unchanged += batch.unchanged
            done.errors |= batch.errors
        return done

    async def edit_found(self, wanted: ImageFilter, change: Callable[[Image], Image]) -> Edited:
        """As `edit`, all images of a list.

        The list is walked by upload, so that a change that has an image leave the list does not
        move the others.

        Raises:
            InvalidQuery: as for a page of the list.
        """
        done = Edited()
        after: Position | None = None
        while True:
            found, after = await self.edits.found(wanted, limit=BATCH, after=after)
            batch = await self.edit(list(found), change)
            done.changed += batch.changed
            done.unchanged += batch.unchanged
            done.errors |= batch.errors
            if after is None:
                return done

    async def _edit(self, image_ids: Sequence[ImageId], change: Callable[[Image], Image]) -> Edited:
        batch = await self.edits.edit(image_ids, change, now=self.clock())
        for image_id in batch.changed:
            self.on_changed(image_id)
        return batch
