"""Logs and request ids: a line of JSON for each request and each job, and no secrets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2
import pytest

from imagesvc.model.noted import Noted, RouteClass
from imagesvc.server.middleware.access_line import access_line, encoded_notes
from imagesvc.server.middleware.logged_path import logged_path
from tests.conftest import MakeServer
from tests.http.asking import picture, send_raw
from tests.server import Server, request_once
from tests.waiting import until


def lines(server: Server, **wanted: Any) -> list[dict[str, Any]]:
    """The log lines that have these members; each complete line must be one JSON object."""
    complete, _end, _rest = server.log().rpartition("\n")
    parsed = [json.loads(line) for line in complete.splitlines()]
    return [line for line in parsed if wanted.items() <= line.items()]


def one_line(server: Server, **wanted: Any) -> dict[str, Any]:
    """The only such line; lines are written some at a time, a moment later."""
    until(lambda: bool(lines(server, **wanted)))
    (line,) = lines(server, **wanted)
    return line


@pytest.mark.parametrize("wish", ["abc", "0af7651916cd43dd8448eb211c80319c", "a-b_c.d", "x" * 128])
@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/images/{id}?w=20"])
def test_a_sane_request_id_is_kept(server: Server, wish: str, path: str) -> None:
    """So that one request can be followed through proxies, cold and from memory."""
    image_id = server.upload(picture(1))["id"] if "{id}" in path else ""

    for _ in range(2):
        answer = server.client.get(path.format(id=image_id), headers={"x-request-id": wish})

        assert answer.headers.get_list("x-request-id") == [wish]


@pytest.mark.parametrize("wish", ["", "a b", "x" * 129, "<script>", 'a"b', "a,b", "a;b"])
def test_any_other_request_id_is_replaced(server: Server, wish: str) -> None:
    """It goes to the log and into a header, so it must be a plain word."""
    answer = server.client.get("/healthz", headers={"x-request-id": wish})

    (given,) = answer.headers.get_list("x-request-id")
    assert given
    assert given != wish


def test_every_request_has_an_id_of_its_own(server: Server) -> None:
    """Also those that are answered from memory."""
    url = f"/images/{server.upload(picture(2))['id']}?w=21"

    ids = {server.client.get(url).headers["x-request-id"] for _ in range(20)}

    assert len(ids) == 20


TOKEN = "kVb3nq0XW5cJt2yZr8LpUe7sAfGhMd1o"


ODD_PATHS = (
    "/s//{}", "//s/{}", "/S/{}/", "/s/%2F{}", "/s/%252F{}", "/s%2F{}", "/photos/s/{}/archive",
    "/x/../s/{}", "/{}", "/setup/{}", "/setup%23{}", "/api/v1/shared//{}/images", "/g/{}%20",
)  # fmt: skip
"""Where a token may stand after a link was copied or rewritten wrongly."""


@pytest.mark.parametrize(
    "path", ["/s/{}", "/s/{}/i/1", "/g/{}", "/api/v1/shared/{}", "/api/v1/guest/{}"]
)
def test_tokens_of_links_are_not_logged(server: Server, path: str) -> None:
    """Only their first characters, by which lines of one link are found."""
    wish = f"link{path.format('')}"

    server.client.get(path.format(TOKEN), headers={"x-request-id": wish, "accept": "text/html"})

    assert one_line(server, request_id=wish)["path"] == path.format(f"{TOKEN[:6]}…")
    assert TOKEN[6:] not in server.log()


def test_tokens_are_not_logged_wherever_they_stand(server: Server) -> None:
    """In targets and referrers that no page has, also where the request is refused."""
    for number, path in enumerate(ODD_PATHS):
        fields = f"host: localhost\r\nreferer: /s/{TOKEN}\r\nx-request-id: odd-{number}\r\n"
        for end in ("", "x-broken\r\n", "content-length: x\r\n"):
            head = f"GET {path.format(TOKEN)} HTTP/1.1\r\n{fields}{end}\r\n"
            assert send_raw(server, head.encode()) is not None

    logged = [one_line(server, request_id=f"odd-{number}") for number in range(len(ODD_PATHS))]
    assert all("…" in line["path"] for line in logged)
    assert TOKEN[6:] not in server.log()


def test_ids_and_words_of_paths_are_logged() -> None:
    """An operator finds the image, and the route."""
    path = f"/api/v1/collections/{uuid4()}/relationships/images/{uuid4()}"

    assert logged_path(path) == path


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/healthz", 200), ("GET", "/nothing", 404), ("POST", "/images", 400),
     ("GET", "/images/{id}?w=22", 200)],
)  # fmt: skip
def test_a_request_is_one_line(server: Server, method: str, path: str, status: int) -> None:
    """With what an operator greps for; a hot answer is logged as a cold one is."""
    image_id = server.upload(picture(3))["id"] if "{id}" in path else ""
    for turn in ("cold", "hot"):
        wish = f"{turn}-{status}-{method}-{len(path)}"

        answer = server.client.request(
            method, path.format(id=image_id), headers={"x-request-id": wish}
        )

        line = one_line(server, action="request", request_id=wish)
        assert line["method"] == method
        assert line["path"] == path.format(id=image_id).partition("?")[0]
        assert line["status"] == status == answer.status_code
        assert line["bytes"] == len(answer.content)
        assert line["ms"] >= 0
        assert line["client"] == "127.0.0.1"
        assert line["level"] == "info"
        assert line["timestamp"]


NOTES = encoded_notes(Noted(route=RouteClass.UPLOAD), 5)


def test_a_request_line_has_the_members_that_other_lines_have() -> None:
    """It is formatted without the logger, and texts of clients stay texts."""
    before = datetime.now(UTC)

    written = access_line(b"a-1", "GET", '/"x\n\\\x00é', HTTPStatus.OK, 7, 0.126, "::1", NOTES)

    line = json.loads(written)
    assert written.endswith(b"}\n")
    assert written.count(b"\n") == 1
    assert before <= datetime.fromisoformat(line.pop("timestamp")) <= datetime.now(UTC)
    assert line == {
        "action": "request", "event": "request", "level": "info", "request_id": "a-1",
        "method": "GET", "path": '/"x\n\\\x00é', "status": 200, "bytes": 7,
        "ms": 0.13, "client": "::1", "received": 5, "route": "upload", "cache": "none",
        "principal": None,
    }  # fmt: skip
    assert json.loads(access_line(b"a", "GET", "/", 200, 0, 0, None, NOTES))["client"] is None


def test_a_log_entry_is_one_line_for_every_url(server: Server) -> None:
    """A newline in a path must not forge an entry."""
    server.client.get("/x%0A%7B%22action%22:%22forged%22%7D%00%FF", headers={"x-request-id": "nl"})

    line = one_line(server, request_id="nl")
    assert line["path"].startswith('/x\n{"action":"forged"}')
    assert lines(server, action="forged") == []


def test_a_job_is_one_line(server: Server) -> None:
    """With its ids, how it ended, and how long that took."""
    image = server.upload(picture(4))
    server.finished(image["job"]["id"])

    (line,) = until(lambda: server.runner.lines(action="job.attempt", job=image["job"]["id"]))
    assert line["image"] == image["id"]
    assert line["status"] == "succeeded"
    assert line["attempt"] == 1
    assert line["ms"] > 0
    assert line["error"] is None


def test_no_secret_is_logged(server: Server) -> None:
    """Neither the query, which may carry a signature, nor headers, nor what was uploaded."""
    headers = {
        "authorization": "Bearer 5ec4e7-a",
        "cookie": "session=5ec4e7-b",
        "x-request-id": "quiet",
    }
    fields = {"title": "5ec4e7-c", "description": "5ec4e7-d"}
    files = {"file": ("5ec4e7-e.jpg", picture(5))}
    server.client.post("/images", files=files, data=fields, headers=headers)
    server.client.get("/images/x?sig=5ec4e7-f", headers={**headers, "x-request-id": "quiet2"})

    one_line(server, request_id="quiet")
    one_line(server, request_id="quiet2")
    assert "5ec4e7" not in server.log()


def test_a_quiet_server_logs_no_requests(make_server: MakeServer) -> None:
    """At level warning only trouble is worth a line, such as that there are no accounts.

    Whether SQLite is a version with a known fault depends on the machine.
    """
    server = make_server(log_level="warning", workers=1)
    server.client.get("/nothing")
    server.finished(server.upload(picture(6))["job"]["id"])

    server.stop()

    told = [line["action"] for line in lines(server)]
    assert [it for it in told if it not in {"sqlite.affected", "data_dir.new"}] == ["auth.off"]


@pytest.fixture(scope="module")
def readable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose log is text."""
    server = Server(tmp_path_factory.mktemp("text") / "data", log_format="text").start()
    yield server
    server.close()


def test_text_logs_are_for_reading(readable: Server) -> None:
    """On a terminal, or when asked for."""
    readable.client.get("/nothing")

    until(lambda: "/nothing" in readable.log())
    assert not readable.log().startswith("{")
    assert "HTTPStatus" not in readable.log()


HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\u2066\r\n\x7f"
"""A terminal's title, a bell, a C1 control, bidirectional marks and line ends."""


def test_text_logs_contain_no_terminal_escapes(readable: Server) -> None:
    """A path is decoded before it is logged."""
    server = readable
    server.client.get(f"/x{quote(HOSTILE)}", headers={"x-request-id": "hostile"})

    until(lambda: "hostile" in server.log())
    (line,) = [line for line in server.log().split("\n") if "hostile" in line]
    assert r"/x\x1b]0;owned\x07\x9b31m\u202e\u2066\r\n\x7f" in line
    assert not {"\x07", "\x9b", "\u202e", "\u2066", "\r", "\x7f"} & set(server.log())
    assert "\x1b]" not in server.log()


LOGGING = """
import structlog
from imagesvc.logs import configure_logs
hostile = {hostile!r}
configure_logs("text", "info")
log = structlog.get_logger()
log.info(hostile, nested={{"list": [hostile]}}, **{{hostile: 1}})
try:
    raise ValueError(hostile)
except ValueError as error:
    log.exception("failed", error=error)
"""


def test_every_value_of_a_text_log_is_printable() -> None:
    """Event names, names and nested values of fields, and the text of an exception."""
    done = subprocess.run(
        [sys.executable, "-c", LOGGING.format(hostile=HOSTILE)], capture_output=True, check=True
    )

    written = done.stderr.decode()
    assert "Traceback" in written
    assert written.count("owned") >= 5
    assert not {"\x07", "\x9b", "\u202e", "\u2066", "\r", "\x7f"} & set(written)
    assert "\x1b]" not in written


class Unlogged(Server):
    """A server whose log is on a full disk."""

    def __init__(self, data_dir: Path, **settings: Any) -> None:
        super().__init__(data_dir, **settings)
        self.log_path = Path("/dev/full")

    def log(self) -> str:
        """Nothing: reading that device does not end."""
        return ""


@pytest.mark.breadth
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, log_format: str) -> None:
    """`imagesvc serve 2>>/var/log/…` on a full disk: lines are lost, and no request is."""
    server = Unlogged(tmp_path / "data", workers=1, log_format=log_format)
    try:
        server.start()
        image = server.upload(picture(1))
        server.finished(image["job"]["id"])

        statuses = {
            server.client.get(path).status_code
            for path in (f"/images/{image['id']}?w=20", "/healthz")
            for _ in range(100)
        }

        assert statuses == {200}
        assert server.client.get("/nothing").status_code == 404
        assert server.stop() == 0
    finally:
        server.close()


@pytest.mark.breadth
@pytest.mark.parametrize(
    "log_format", ["auto", *(pytest.param(it, marks=pytest.mark.long) for it in ("json", "text"))]
)
def test_without_standard_error_no_file_gets_its_descriptor(
    tmp_path: Path, log_format: str
) -> None:
    """`2>&-`: the next file that is opened has its number."""
    server = Server(tmp_path / "data")
    command = (
        f"exec {sys.executable} -m imagesvc serve --port {server.port} --workers 1"
        f" --data-dir {server.data_dir} --log-format {log_format} 2>&-"
    )
    server.process = subprocess.Popen(["/bin/sh", "-c", command])

    try:
        until(lambda: is_ready(server))
        assert server.client.get("/nothing").status_code == 404
        assert server.stop() == 0
    finally:
        server.close()

    kept = [path.read_bytes() for path in server.data_dir.rglob("*") if path.is_file()]
    assert kept
    assert not any(b"service.ready" in content for content in kept)


def is_ready(server: Server) -> bool:
    """Whether it takes requests."""
    try:
        return server.client.get("/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def test_every_instant_in_the_log_has_one_form(server: Server) -> None:
    """Lines of requests and of all else are sorted together."""
    server.client.get("/healthz")
    until(lambda: bool(lines(server, action="request")))

    stamps = {line["timestamp"] for line in lines(server)}

    assert all(stamp.endswith("Z") for stamp in stamps)


def test_routine_lines_name_no_library_and_ready_has_the_urls(server: Server) -> None:
    """The first lines are what a new operator reads."""
    assert not [line for line in lines(server, level="info") if "logger" in line]
    ready = one_line(server, action="service.ready")
    assert ready["url"] == str(server.client.base_url).rstrip("/")
    assert (
        "html" in request_once("GET", ready["docs"], follow_redirects=True).headers["content-type"]
    )


@pytest.mark.files
def test_a_job_that_fails_is_a_warning(server: Server) -> None:
    """Who logs from `warning` on wants to see it. A worker keeps originals of a bucket."""
    image = server.upload(picture(77))
    server.finished(image["job"]["id"])
    server.lose(image["sha256"])
    process = {"ids": [image["id"]], "operations": ["w=33"]}

    answer = server.client.post("/api/v1/images/actions/process", json=process)
    until(lambda: server.runner.lines(action="job.attempt", status="failed"))

    assert answer.status_code == 202, answer.text
    attempts = server.runner.lines(action="job.attempt", image=image["id"])
    assert [line["level"] for line in attempts] == ["info", "warning"]
