"""Metrics and lines of requests: by class and tier, with labels that no client can make up."""

from __future__ import annotations

import re
import socket
from bisect import bisect_left
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from imagesvc.app.operations import OPERATIONS
from imagesvc.histograms import SECONDS, Histogram
from imagesvc.http.route_classes import route_class
from imagesvc.model.noted import CacheTier, RouteClass
from imagesvc.server.metrics.requests import METHODS, Tally
from tests.accounts import Account
from tests.http.asking import picture
from tests.server import Server
from tests.waiting import PATIENCE, until


def series(server: Server, name: str, admin: Account) -> Counter[tuple[str, ...]]:
    """The values of a metric, by the values of its labels in the order of their names."""
    found: Counter[tuple[str, ...]] = Counter()
    for line in admin.client.get("/metrics").text.splitlines():
        if match := re.fullmatch(rf"imagesvc_{name}\{{(.*)\}} (\S+)", line):
            found[tuple(re.findall(r'="([^"]*)"', match[1]))] = int(float(match[2]))
    return found


def line_of(server: Server, request_id: str) -> dict[str, Any]:
    """The log line of a request."""
    (line,) = until(lambda: server.lines(request_id=request_id))
    return line


def test_a_variant_is_counted_by_the_tier_that_had_it(guarded: Server, admin: Account) -> None:
    """Rendered, then from memory; its line says the same, and who asked for it."""
    client = admin.client
    me = client.get("/api/v1/users/me").json()["id"]
    image = client.post("/images", files={"file": ("a.jpg", picture(1))}).json()
    url = f"/images/{image['id']}?w=33"
    name = "request_duration_seconds_count"
    before = series(guarded, name, admin)
    sent = series(guarded, "response_bytes_total", admin)

    for tier in ("rendered", "memory", "memory"):
        answer = client.get(url, headers={"x-request-id": f"as-{tier}"})
    client.get(f"/images/{image['id']}", headers={"x-request-id": "whole"})
    client.get("/api/v1/images?limit=1", headers={"x-request-id": "listed"})

    counts = series(guarded, name, admin) - before
    assert counts["rendered", "variant"] == 1
    assert counts["memory", "variant"] == 2
    assert counts["none", "original"] == 1
    assert counts["none", "list"] == 1
    assert counts["none", "api"] == 2  # of the figures themselves
    now = series(guarded, "response_bytes_total", admin)
    assert (now - sent)["variant",] == 3 * len(answer.content)
    line = line_of(guarded, "as-rendered")
    assert (line["route"], line["cache"]) == ("variant", "rendered")
    assert line_of(guarded, "listed")["principal"] == me
    assert line_of(guarded, "whole")["route"] == "original"


HOSTILE = (
    b"%0A%1B%5B31m%22%7D", b"x%22%7D%20imagesvc_up%201%0A", b"..%2F..%2Fetc", b"%F0%9F%92%A9",
)  # fmt: skip


def test_no_request_makes_up_a_label(guarded: Server, admin: Account) -> None:
    """Paths, methods and fields of any content are counted under values of fixed sets."""
    with socket.create_connection(("127.0.0.1", guarded.port), PATIENCE) as connection:
        for number, path in enumerate(HOSTILE):
            method = (b"PROPFIND", b"GET", b"M-SEARCH", b"DELETE")[number]
            fields = b'User-Agent: "} 1\\n\r\nX-Request-ID: "\\n\r\n'
            end = b"Connection: close\r\n" if number == len(HOSTILE) - 1 else b""
            connection.sendall(
                b"%b /%b HTTP/1.1\r\nHost: localhost\r\n%b%b\r\n" % (method, path, fields, end)
            )
        while connection.recv(65536):
            pass

    text = admin.client.get("/metrics").text

    labels = set(re.findall(r'[{,](\w+)="([^"\\]*)"', text))
    found = {name: {value for other, value in labels if other == name} for name, _ in labels}
    assert text.count('="') == len(re.findall(r'[{,]\w+="[^"\\]*"', text))
    assert found["method"] <= METHODS | {"other"}
    assert "other" in found["method"]
    assert found["route"] <= set(RouteClass)
    assert found["cache"] <= set(CacheTier)
    assert all(re.fullmatch(r"[1-5]\d\d|succeeded|failed|pending|processing", it)
               for it in found["status"])  # fmt: skip


def test_every_operation_has_a_class() -> None:
    """Those that last are apart, since they would hide how long the others take."""
    classes = {operation.name: route_class(operation) for operation in OPERATIONS}

    lasting = {name for name, kind in classes.items() if kind is RouteClass.STREAM}
    assert lasting == {"stream_events", "get_archive", "get_shared_archive"}
    uploads = {name for name, kind in classes.items() if kind is RouteClass.UPLOAD}
    assert uploads == {
        "upload_image", "upload_image_by_action", "upload_image_by_delivery_path", "put_upload",
        "upload_as_guest", "import_image",
    }  # fmt: skip
    assert RouteClass.OTHER not in classes.values()


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_what_is_not_above_each_bound(values: list[float]) -> None:
    """As Prometheus defines `le`, also for what is on a bound."""
    values = [*values, SECONDS[2], 1.5 * SECONDS[0]]
    histogram, tally = Histogram(), Tally()
    for value in values:
        histogram.add(value)
        tally.note(200, value, 1)

    found = dict(histogram.cumulative())

    assert found == dict(tally.cumulative())
    assert found.pop("+Inf") == len(values) == tally.statuses[200]
    ordered = sorted(values)
    for name, count in found.items():
        bound = float(name)
        assert count == bisect_left(ordered, True, key=lambda value: value > bound)
