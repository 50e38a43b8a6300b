"""Watched sources."""

from __future__ import annotations

from typing import Any

from ..calls import API, Call, model, nothing
from ..flows import Flow, answered
from ..grids import Source
from ..methods import listing, method
from ..models import Page
from ..parameters import Id

SOURCES = f"{API}/sources"


class Sources:
    """The methods of sources, for admins."""

    @listing
    def sources(self) -> Call[Page[Source]]:
        """Every watched source, the newest first."""
        return Call("GET", SOURCES, model(Page[Source]))

    @method
    def source(self, source_id: Id) -> Flow[Source]:
        """One source, with its last scan."""
        return answered(Call("GET", f"{SOURCES}/{source_id}", model(Source)))

    @method
    def create_source(self, /, kind: str, address: str, **options: Any) -> Flow[Source]:
        """Watch a source.

        Args:
            kind: such as `folder`.
            address: such as its path on the server.
            options: `interval_seconds`, `collection`, `tags`, `visibility`, `on_vanish`,
                `is_enabled`, `owner_id`.
        """
        body = {"kind": kind, "address": address, **options}
        call = Call("POST", SOURCES, model(Source), json=body, is_repeatable=False)
        return answered(call)

    @method
    def update_source(self, /, source_id: Id, **changes: Any) -> Flow[Source]:
        """Change the options of a source."""
        return answered(Call("PATCH", f"{SOURCES}/{source_id}", model(Source), json=changes))

    @method
    def scan_source(self, source_id: Id) -> Flow[Source]:
        """Scan a source now."""
        return answered(Call("POST", f"{SOURCES}/{source_id}/actions/scan", model(Source)))

    @method
    def delete_source(self, source_id: Id) -> Flow[None]:
        """Watch a source no more; its images stay."""
        return answered(Call("DELETE", f"{SOURCES}/{source_id}", nothing))
