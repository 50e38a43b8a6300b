"""Promises that hold for every error."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import re
from collections.abc import Iterator

import pytest

import imagesvc
from imagesvc import errors
from imagesvc.errors import (
    ImagesvcError,
    InvalidRequest,
    RangeNotSatisfiable,
    RateLimited,
    Rejected,
    Unavailable,
    by_code,
)

STATUS_OF_CODE = {
    "no_file": 400,
    "empty_file": 400,
    "invalid_transform": 400,
    "invalid_request": 400,
    "invalid_query": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "setup_closed": 403,
    "password_required": 403,
    "signature_invalid": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "conflict": 409,
    "gone": 410,
    "used_up": 410,
    "precondition_failed": 412,
    "file_too_large": 413,
    "uri_too_long": 414,
    "unsupported_media_type": 415,
    "range_not_satisfiable": 416,
    "corrupt_image": 422,
    "image_too_large": 422,
    "too_costly": 422,
    "source_unavailable": 422,
    "idempotency_key_reused": 422,
    "rate_limited": 429,
    "quota_exceeded": 429,
    "headers_too_large": 431,
    "internal_error": 500,
    "worker_died": 503,
    "timed_out": 503,
    "overloaded": 503,
    "database_damaged": 503,
    "original_damaged": 503,
    "insufficient_storage": 507,
}
"""Codes are public: clients compare them. Rows may be added to this table, but not changed."""


def kinds(root: type[ImagesvcError] = ImagesvcError) -> Iterator[type[ImagesvcError]]:
    """Every class of error."""
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


@pytest.fixture(scope="module")
def kinds_of_service() -> list[type[ImagesvcError]]:
    """The errors of the service, in an order that does not depend on earlier imports.

    A client has two more, the command line has one of its own, and so have tests.
    """
    for module in pkgutil.walk_packages(imagesvc.__path__, "imagesvc."):
        if ".migrations" not in module.name:  # scripts of Alembic
            importlib.import_module(module.name)
    found = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in kinds()}
    others = ("imagesvc.client", "imagesvc.cli.", "tests.")
    return [found[name] for name in sorted(found) if not name.startswith(others)]


def an_instance(kind: type[ImagesvcError]) -> ImagesvcError:
    """An error of this class with all optional values."""
    if issubclass(kind, (RangeNotSatisfiable, RateLimited)):
        return kind(1234)
    return kind("What went wrong.", (("w", "must be a number"), ("h", "too")))


def test_an_error_has_a_status_a_code_and_a_title(
    kinds_of_service: list[type[ImagesvcError]],
) -> None:
    """Programs use the code, proxies the status, people the title."""
    for kind in kinds_of_service:
        assert STATUS_OF_CODE[kind.code] == kind.status, kind
        assert kind.title, kind
        assert not kind.title.endswith("."), kind
        assert kind.__doc__, kind


def test_an_error_with_a_code_is_in_the_namespace_and_in_the_tree(
    kinds_of_service: list[type[ImagesvcError]],
) -> None:
    """Programs import it from one place; modules that refine one keep its code."""
    for kind in kinds_of_service:
        if "code" in vars(kind) or kind.__module__.startswith(errors.__name__):
            assert getattr(errors, kind.__name__) is kind
            assert kind.__name__ in errors.__all__
            assert re.search(rf" {kind.__name__}\b", str(errors.__doc__)), kind


def test_no_code_is_forgotten(kinds_of_service: list[type[ImagesvcError]]) -> None:
    """A public code stays public."""
    assert {kind.code for kind in kinds_of_service} == set(STATUS_OF_CODE)


def test_an_error_status_distinguishes_client_and_server(
    kinds_of_service: list[type[ImagesvcError]],
) -> None:
    """4xx: change the request. 5xx: it may succeed later. Retries of jobs use this, too."""
    for kind in kinds_of_service:
        assert issubclass(kind, Rejected) == (400 <= kind.status < 500), kind
        if kind is not ImagesvcError:
            assert issubclass(kind, Unavailable) == (kind.status >= 500), kind


def test_an_error_crosses_a_process_border_whole(
    kinds_of_service: list[type[ImagesvcError]],
) -> None:
    """An error that cannot be unpickled loses the worker's answer."""
    for kind in kinds_of_service:
        error = an_instance(kind)

        copy = pickle.loads(pickle.dumps(error))

        assert type(copy) is kind
        assert vars(copy) == vars(error)
        assert str(copy) == str(error) == error.detail


def test_a_stored_code_finds_an_error_again() -> None:
    """Jobs store the code of their error."""
    for code, status in STATUS_OF_CODE.items():
        assert by_code(code).code == code
        assert by_code(code).status == status, code


def test_a_code_does_not_find_an_error_of_a_part_that_inherits_it() -> None:
    """The class does not depend on what is imported."""

    class OfAPart(Rejected):
        """As `library` has."""

    assert OfAPart.code == InvalidRequest.code
    assert by_code(OfAPart.code) is InvalidRequest


def test_an_unknown_code_is_an_internal_error() -> None:
    """An example is a code of a newer version."""
    assert by_code("from_the_future") is ImagesvcError
