"""Parameter names of other services, so that an error can name the parameter to use here."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

_ADVICE = {
    ("q", "q=format:jpg"): ("extension", "ext", "format", "type", "mimetype", "contenttype"),
    ("q", "q=tags:sea"): ("tag", "tags", "label", "labels"),
    ("q", "q"): ("search", "query", "text", "filter", "keyword", "keywords", "term"),
    ("q", "q=title:word"): ("title",),
    ("q", "q=filename:word"): ("filename", "name", "file"),
    ("q", "q=date:2018-03, or from: and to:"): ("date", "from", "to", "since", "until", "year"),
    ("q", "q=width:>=1920"): ("width", "minwidth", "maxwidth"),
    ("q", "q=height:..1080"): ("height", "minheight", "maxheight"),
    ("q", "q=orientation:landscape"): ("orientation",),
    ("q", "q=camera:x100"): ("camera",),
    ("q", "q=color:blue or q=color:#2f6b9a, with # as %23"): ("color", "colour", "colors"),
    ("q", "q=similar: and an id"): ("similar", "similarto"),
    ("cursor", "cursor, with the next_cursor of the page before"): (
        "page", "offset", "skip", "start", "after", "next", "nextcursor", "pagetoken",
        "nextpagetoken", "pagenumber", "startingafter", "continuationtoken", "marker",
    ),
    ("q", "limit, or q=size:>1MB for the bytes of a file"): ("size",),
    ("limit", "limit"): (
        "perpage", "pagesize", "count", "size", "max", "maxresults", "maxkeys", "take", "top",
        "first", "rows", "num",
    ),
    ("sort", "sort and order"): ("sortby", "orderby", "ordering"),
    ("order", "order"): (
        "direction", "dir", "sortorder", "sortdirection", "desc", "asc", "descending", "ascending",
        "reverse",
    ),
    ("owner", "owner"): ("user", "userid", "ownerid"),
    ("collection", "collection"): ("album", "albumid", "collectionid", "folder"),
    ("visibility", "visibility"): ("public", "private", "unlisted", "ispublic", "privacy"),
    ("total", "total=true"): ("includetotal", "withtotal", "include", "totalcount", "withcount"),
    ("status", "status"): ("state",),
    ("image", "image"): ("imageid",),
    ("created_from", "created_from"): ("from", "since", "after", "createdafter"),
    ("created_to", "created_to"): ("to", "until", "before", "createdbefore"),
}  # fmt: skip
"""The parameter here, the advice, and the names in other services, in lower case."""


def advice(name: str, known: AbstractSet[str]) -> str:
    """The end of a sentence that refuses a parameter: which one to use instead."""
    plain = "".join(char for char in name.lower() if char not in "_-[].")
    for (parameter, words), names in _ADVICE.items():
        if parameter in known and (plain in names or plain == parameter.replace("_", "")):
            return f"use {words}"
    return f"known are {', '.join(sorted(known))}" if known else "there are none here"
