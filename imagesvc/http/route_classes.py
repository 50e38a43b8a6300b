"""The class of each operation in the metrics: operations of one class take about equally long."""

from __future__ import annotations

from imagesvc.http.bodies.receiving import Streamed
from imagesvc.http.operations import Operation
from imagesvc.model.noted import RouteClass

_BY_NAME = {
    "import_image": RouteClass.UPLOAD,
    "get_timeline": RouteClass.LIST,
    "get_timeline_month": RouteClass.LIST,
    "get_facets": RouteClass.LIST,
    "summarize_jobs": RouteClass.LIST,
    "home": RouteClass.PAGE,
    "get_shared_original": RouteClass.ORIGINAL,
    "get_shared_picture": RouteClass.VARIANT,
    "get_archive": RouteClass.STREAM,
    "get_shared_archive": RouteClass.STREAM,
    "stream_events": RouteClass.STREAM,
    "show_share_page": RouteClass.PAGE,
    "show_guest_page": RouteClass.PAGE,
}
_BY_TAG = {
    "delivery": RouteClass.VARIANT,  # a request for an original is noted when its query is read
    "gallery": RouteClass.PAGE,
    "documentation": RouteClass.PAGE,
}


def route_class(operation: Operation) -> RouteClass:
    """The class of an operation."""
    if operation.name in _BY_NAME:
        return _BY_NAME[operation.name]
    if isinstance(operation.body, Streamed):
        return RouteClass.UPLOAD
    if operation.name.startswith("list_"):
        return RouteClass.LIST
    return _BY_TAG.get(operation.tag, RouteClass.API)
