"""JSON bodies that mean nothing, or two things: a problem document, never a 500."""

from __future__ import annotations

import json
import time

import pytest

from imagesvc.errors import InvalidRequest
from imagesvc.http.bodies.strict_json import check_json
from tests.http.asking import assert_problem
from tests.server import Server

pytestmark = pytest.mark.joint

LOGIN = b'{"username":"a","password":"secret-secret"}'
FAULTS = {
    "nothing": (b"", "body"),
    "half": (b'{"username":', "body"),
    "a list": (b"[]", "body"),
    "utf-16": (LOGIN.decode().encode("utf-16"), "body"),
    "a name twice": (b'{"username":"a","username":"b","password":"c"}', "username"),
    "a name twice, deeper": (b'{"username":{"a":1,"a":2}}', "a"),
    "NUL": (b'{"username":"a\\u0000b","password":"c"}', "username"),
    "NUL in a name": (b'{"a\\u0000":1}', "body"),
    "half a surrogate pair": (b'{"username":"\\ud83d","password":"c"}', "username"),
    "NaN": (b'{"username":NaN}', "body"),
    "endless digits": (b'{"username":1' + b"0" * 6000 + b"}", "body"),
    "deep": (b'{"username":' + b"[" * 40 + b"]" * 40 + b"}", "body"),
    "very deep": (b"[" * 60_000, "body"),
    "a number for a text": (b'{"username":1,"password":"c"}', "username"),
    "a stranger": (b'{"username":"a","password":"c","age":3}', "age"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_json_with_a_fault_is_refused_and_the_fault_is_named(server: Server, name: str) -> None:
    """What two parsers read differently, or storage does not take, goes no further."""
    body, loc = FAULTS[name]

    answer = server.client.post(
        "/api/v1/auth/token", content=body, headers={"content-type": "application/json"}
    )

    document = assert_problem(answer, 400, "invalid_request")
    assert document["errors"][0]["loc"] == loc


def test_a_body_of_another_type_is_415(server: Server) -> None:
    """A browser cannot be made to send JSON to this without asking first (CORS)."""
    answer = server.client.post(
        "/api/v1/auth/token", content=LOGIN, headers={"content-type": "text/plain"}
    )

    assert_problem(answer, 415, "unsupported_media_type")


def test_json_beyond_its_bound_is_413(server: Server) -> None:
    """It is held in memory, so it cannot be as long as a file."""
    answer = server.client.post(
        "/api/v1/auth/token",
        content=b" " * (70 << 10) + LOGIN,
        headers={"content-type": "application/json"},
    )

    assert_problem(answer, 413, "file_too_large")


def test_nul_in_a_query_is_refused(server: Server) -> None:
    """It would end a text early somewhere below."""
    answer = server.client.get("/api/v1/images", params={"cursor": "a\x00b"})

    assert assert_problem(answer, 400, "invalid_request")["errors"][0]["loc"] == "cursor"


def test_the_location_of_a_value_is_computed_only_for_errors() -> None:
    """A long name around many values is not copied for each of them."""
    body = json.dumps({"a" * (8 << 20): [1] * 40_000 + ["\0"]}).encode()
    began = time.process_time()

    with pytest.raises(InvalidRequest) as refused:
        check_json(body)

    assert refused.value.fields == (("a" * 80, "must not contain NUL characters"),)
    assert time.process_time() - began < 3.0
