"""Traces: spans of what memory does not answer, sent to a receiver that speaks OTLP."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.http.asking import picture
from tests.receiver import Receiver
from tests.server import Server
from tests.waiting import PATIENCE, until

CLIENTS_SPAN = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Where spans and webhooks go."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def traced(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that traces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url("/otlp"))
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        place = tmp_path_factory.mktemp("traced") / "data"
        server = Server(place, tracing=True, webhook_allow='["127.0.0.1/32"]').start()
    yield server
    server.close()


def spans(receiver: Receiver) -> list[Span]:
    """The spans that have arrived."""
    return [
        span
        for _fields, body in receiver.at("/otlp/v1/traces")
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def trace(receiver: Receiver, trace_id: str, count: int) -> dict[str, Span]:
    """The spans of a trace by name, once there are so many."""

    def found() -> dict[str, Span] | None:
        named = {span.name: span for span in spans(receiver) if span.trace_id.hex() == trace_id}
        return named if len(named) >= count else None

    return until(found)


def attributes(span: Span) -> dict[str, Any]:
    """The attributes of a span."""
    return {it.key: getattr(it.value, it.value.WhichOneof("value") or "") for it in span.attributes}


def test_a_rendering_is_part_of_its_clients_trace(traced: Server, receiver: Receiver) -> None:
    """And so is its log line; what is in memory, or is not sampled by its client, has no span."""
    image = traced.upload(picture(1))
    url, first, last = f"/images/{image['id']}?w=20", "a" * 32, "b" * 32
    ask = traced.client.get
    ask(url, headers={"traceparent": f"00-{first}-{CLIENTS_SPAN}-01"})
    ask(url, headers={"traceparent": f"00-{'c' * 32}-{CLIENTS_SPAN}-01"})
    unsampled = {"traceparent": f"00-{'d' * 32}-{CLIENTS_SPAN}-00", "x-request-id": "unsampled"}
    ask(f"/images/{image['id']}?w=22", headers=unsampled)
    ask(f"/images/{image['id']}?w=21", headers={"traceparent": f"00-{last}-{CLIENTS_SPAN}-01"})

    trace(receiver, last, 2)
    found = trace(receiver, first, 2)
    request, render = found["GET /images/{image_id}"], found["render"]
    assert request.parent_span_id.hex() == CLIENTS_SPAN
    assert render.parent_span_id == request.span_id
    about = attributes(request)
    assert about["http.route"] == "/images/{image_id}"
    assert about["http.response.status_code"] == 200
    assert about["imagesvc.cache"] == "rendered"
    assert attributes(render)["imagesvc.encode_seconds"] > 0
    assert {span.trace_id.hex() for span in spans(receiver)}.isdisjoint({"c" * 32, "d" * 32})
    (line,) = until(lambda: traced.lines(action="request", trace_id=first))
    assert line["path"] == url.partition("?")[0]
    (line,) = until(lambda: traced.lines(request_id="unsampled"))
    assert line["trace_id"] == "d" * 32


def test_jobs_and_webhooks_have_traces_of_their_own(traced: Server, receiver: Receiver) -> None:
    """A webhook's receiver continues its trace, and the line of a job has the id of its."""
    traced.client.post("/api/v1/webhooks", json={"url": receiver.url("/hook")})
    image = traced.upload(picture(2))
    traced.finished(image["job"]["id"])

    (line,) = until(lambda: traced.lines(action="job.attempt", job=image["job"]["id"]))
    job = trace(receiver, line["trace_id"], 1)["job"]
    assert not job.parent_span_id
    assert attributes(job)["imagesvc.status"] == "succeeded"
    fields, _body = until(lambda: receiver.at("/hook"))[0]
    version, trace_id, parent, flags = fields["traceparent"].split("-")
    webhook = trace(receiver, trace_id, 1)["webhook"]
    assert (version, parent) == ("00", webhook.span_id.hex())
    assert int(flags, 16) & 1  # sampled
    assert attributes(webhook)["http.response.status_code"] == 204


@pytest.mark.parametrize(
    "given", ["00-zz-zz-01", "x" * 9000, '"}{"', "00-" + "0" * 32 + "-" + "0" * 16 + "-01"]
)
def test_a_hostile_context_is_ignored(traced: Server, receiver: Receiver, given: str) -> None:
    """The request begins a trace of its own, and neither path nor field names a span."""
    request_id = f"hostile-{len(given)}"

    traced.client.get("/x%0A%1B%22", headers={"traceparent": given, "x-request-id": request_id})

    (line,) = until(lambda: traced.lines(request_id=request_id))
    assert re.fullmatch(r"[0-9a-f]{32}", line["trace_id"])
    assert line["trace_id"] != "0" * 32
    (span,) = trace(receiver, line["trace_id"], 1).values()
    assert span.name == "GET"
    assert not span.parent_span_id


WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
from imagesvc.cli.main import run
sys.argv = ["imagesvc", "serve", "--port", "0", "--auth", "off", "--set", "tracing=on"]
sys.exit(run())
"""


@pytest.mark.breadth
def test_without_the_extra_the_setting_is_an_error(tmp_path: Path) -> None:
    """That says what to install; nothing of OpenTelemetry is imported before."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=tmp_path, capture_output=True, text=True, check=False,
        timeout=PATIENCE,
    )  # fmt: skip

    assert done.returncode == 2
    assert "pip install 'imagesvc[otel]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
