"""Watched sources: make, list, show, change, delete, scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import MISSING, AfterValidator, Field, StringConstraints
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.principals import Scope
from imagesvc.errors import Conflict, InvalidRequest, NotFound, UnsupportedMediaType
from imagesvc.http.bodies.fields import Tags
from imagesvc.http.bodies.json_bodies import Json, MergePatch
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import WHOLE, Model, Patch, Sent
from imagesvc.http.operations import LOCATION, Answer, operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.http.requests import Id, json_response
from imagesvc.library.sources.readers import Readers, checked_template
from imagesvc.library.sources.watcher import Watcher
from imagesvc.model.ids import SourceId, UserId, new_id, utc_now
from imagesvc.model.images import Visibility
from imagesvc.model.sources import OnVanish, Source, SourceKind
from imagesvc.store.accounts import UserStore
from imagesvc.store.sources.sources import SourceStore

TAG = "sources"
EVERY = "/api/v1/sources"
ONE = f"{EVERY}/{{source_id}}"
DEFAULT_SECONDS = 900

Interval = Annotated[int, Field(ge=10, le=30 * 86_400), WHOLE]
Address = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Template = Annotated[
    str, StringConstraints(max_length=200, pattern="^[^\\x00]*$"), AfterValidator(checked_template)
]


class SourceIn(Sent, title="SourceRequest"):
    """A place to look at for new files."""

    kind: SourceKind
    address: Address
    """A folder of the server, the URL of a bucket (`s3://bucket/prefix`), an index or a feed."""
    interval_seconds: Interval = DEFAULT_SECONDS
    """Between two scans."""
    collection: Template = ""
    """The title of the collection of each file; may have `{folder}`, `{year}` and so on."""
    tags: Tags = Field(default_factory=list)
    visibility: Visibility | None = None
    """The setting `default_visibility` when absent."""
    on_vanish: OnVanish = OnVanish.KEEP
    """What is done with the image of a file that is gone."""
    is_enabled: bool = True
    owner_id: Id | None = None
    """The user who gets the images; the requester when absent."""


class SourcePatch(Patch):
    """Changes of a source; absent members stay unchanged (RFC 7396)."""

    interval_seconds: Interval | MISSING = MISSING
    collection: Template | MISSING = MISSING
    tags: Tags | MISSING = MISSING
    visibility: Visibility | MISSING | None = MISSING
    on_vanish: OnVanish | MISSING = MISSING
    is_enabled: bool | MISSING = MISSING


class ScanOut(Model, title="Scan"):
    """What the last scan of a source found; files by what was done with them."""

    started_at: Instant
    seconds: float
    seen: int
    """Files that are there."""
    added: int
    """New images."""
    known: int
    """New files whose content the owner has already."""
    changed: int
    """New images of files that have another content than before; the earlier images stay."""
    renamed: int
    vanished: int
    waiting: int
    """Files that still change; the next scan looks at them again."""
    failed: int
    """Files that are not accepted; they are tried again when they change."""
    failures: list[str]
    """The first of them, with the reason."""
    error: str | None
    """What ended the scan, or why files that are gone were left alone."""


class SourceOut(Model, title="Source"):
    """A watched source."""

    id: UUID
    owner_id: UUID | None
    kind: SourceKind
    address: str
    interval_seconds: int
    collection: str
    tags: list[str]
    visibility: Visibility | None
    on_vanish: OnVanish
    is_enabled: bool
    is_scanning: bool
    created_at: Instant
    updated_at: Instant
    next_scan_at: Instant
    last_scan: ScanOut | None

    @classmethod
    def of(cls, source: Source, *, is_scanning: bool) -> SourceOut:
        """The representation of a source."""
        result = source.result
        same = cls.model_fields.keys() - {"is_scanning", "last_scan", "tags"}
        values: dict[str, Any] = {name: getattr(source, name) for name in same}
        last = None if result is None else ScanOut(**asdict(result))
        return cls(**values, tags=list(source.tags), is_scanning=is_scanning, last_scan=last)


@dataclass(frozen=True, slots=True)
class SourceEndpoints:
    """The operations on sources; the fields are their dependencies."""

    sources: SourceStore
    users: UserStore
    readers: Readers
    watcher: Watcher
    clock: Callable[[], datetime] = utc_now

    async def _known(self, context: Context) -> Source:
        return await self.sources.get(SourceId(context.id("source_id")))

    def _shown(self, source: Source) -> SourceOut:
        return SourceOut.of(source, is_scanning=source.id in self.watcher.running)

    @operation(
        "list_sources", "GET", EVERY, tag=TAG, scope=Scope.ADMIN, query=PageQuery,
        answers={200: page_of(Page[SourceOut])},
    )  # fmt: skip
    async def page(self, call: Call[PageQuery, None]) -> Response:
        """The watched sources, the newest first, each with its last scan."""
        found, last = await self.sources.page(limit=call.query.limit, after=call.query.cursor)
        shown: list[SourceOut] = [self._shown(source) for source in found]
        return page_response(call, Page[SourceOut], shown, cursor_text(last))

    @operation(
        "create_source", "POST", EVERY, tag=TAG, scope=Scope.ADMIN, body=Json(SourceIn),
        answers={201: Answer(SourceOut, LOCATION)}, errors=(Conflict, UnsupportedMediaType),
    )  # fmt: skip
    async def create(self, call: Call[None, SourceIn]) -> Response:
        """Watch a source; its first scan begins now."""
        given, now = call.body, self.clock()
        source = Source(
            id=SourceId(new_id()),
            owner_id=await self._owner(call, given.owner_id),
            kind=given.kind,
            address=given.address,
            interval_seconds=given.interval_seconds,
            collection=given.collection,
            tags=tuple(given.tags),
            visibility=given.visibility,
            on_vanish=given.on_vanish,
            is_enabled=given.is_enabled,
            created_at=now,
            updated_at=now,
            next_scan_at=now,
        )
        await self.readers.check(source)
        await self.sources.add(source)
        self.watcher.notify()
        location = {"location": f"{call.absolute_base}{EVERY}/{source.id}"}
        return json_response(self._shown(source), 201, location)

    async def _owner(self, call: Context, owner_id: UUID | None) -> UserId | None:
        if owner_id is None:
            return call.requester.user_id
        try:
            return (await self.users.get(UserId(owner_id))).id
        except NotFound as error:
            message = "names no user"
            raise InvalidRequest(f"owner_id {message}.", (("owner_id", message),)) from error

    @operation(
        "get_source", "GET", ONE, tag=TAG, scope=Scope.ADMIN,
        answers={200: SourceOut}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_known)
    async def show(self, _call: Call[None, None], source: Source) -> Response:
        """One source, with its last scan."""
        return json_response(self._shown(source))

    @operation(
        "edit_source", "PATCH", ONE, tag=TAG, scope=Scope.ADMIN, body=MergePatch(SourcePatch),
        answers={200: SourceOut}, errors=(NotFound, UnsupportedMediaType),
    )  # fmt: skip
    @with_subject(_known)
    async def edit(self, call: Call[None, SourcePatch], source: Source) -> Response:
        """Change what is done with the files of a source; images stay as they are."""
        given, now = call.body.given(), self.clock()
        if "tags" in given:
            given["tags"] = tuple(given["tags"])
        given |= {"updated_at": now, "next_scan_at": now}
        changed = await self.sources.edit(source.id, lambda known: replace(known, **given))
        self.watcher.notify()
        return json_response(self._shown(changed))

    @operation(
        "scan_source", "POST", f"{ONE}/actions/scan", tag=TAG, scope=Scope.ADMIN,
        answers={202: SourceOut}, errors=(NotFound, Conflict),
    )  # fmt: skip
    @with_subject(_known)
    async def scan(self, _call: Call[None, None], source: Source) -> Response:
        """Scan a source now; `is_scanning` and `last_scan` tell when it has ended.

        Raises:
            Conflict: the source is disabled.
        """
        now = self.clock()

        def begin(known: Source) -> Source:
            if not known.is_enabled:
                raise Conflict("This source is disabled; enable it first.")
            return replace(known, next_scan_at=now)

        due = await self.sources.edit(source.id, begin)
        self.watcher.notify()
        return json_response(self._shown(due), 202)

    @operation(
        "delete_source", "DELETE", ONE, tag=TAG, scope=Scope.ADMIN,
        answers={204: None}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_known)
    async def delete(self, _call: Call[None, None], source: Source) -> Response:
        """Watch a source no more; its images stay."""
        await self.sources.remove(source.id)
        await self.watcher.forget(source.id)
        return Response(status_code=204)
