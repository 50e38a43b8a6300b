"""The private parts of uvicorn that the service uses exist, and work as required.

The lower bound in pyproject.toml is the oldest version in which they do.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from imagesvc.server import answers, half_closed, lingering, protocol, running
from tests.in_process import answer_of

CYCLES = {"cycle", "self.cycle", "self._running", "self._last_cycle()"}


def tree_of(source: Any) -> ast.Module:
    """The syntax of a module or class."""
    return ast.parse(textwrap.dedent(inspect.getsource(source)))


def attributes(tree: ast.AST, owners: set[str]) -> set[str]:
    """The attributes of some expressions that the source reads, writes or calls."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in owners
    }


def own_names(tree: ast.AST) -> set[str]:
    """Names that a class of the service defines: methods, fields, and attributes of `__init__`."""
    names = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    names |= {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    begins = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    return names.union(*(attributes(begin, {"self"}) for begin in begins))


def inherited_names(ours: type) -> set[str]:
    """What the classes of the service define that a class of the service extends."""
    bases = [base for base in ours.__mro__[1:] if base.__module__.startswith("imagesvc")]
    return set().union(*(own_names(tree_of(base)) for base in bases))


def names_of(library_class: type) -> set[str]:
    """All names of instances of a class of uvicorn."""
    found = set(dir(library_class))
    for base in library_class.__mro__:
        if base.__module__.startswith("uvicorn"):
            found |= attributes(tree_of(base), {"self"}) | set(inspect.get_annotations(base))
    return found


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (answers.AnsweringProtocol, HttpToolsProtocol),
        (protocol.BoundedProtocol, HttpToolsProtocol),
        (running._Server, uvicorn.Server),
    ],
)
def test_uvicorn_has_all_that_subclasses_use(ours: type, theirs: type) -> None:
    """Names on `self` that the subclass does not define, and all on `super()`."""
    tree = tree_of(ours)
    used = (attributes(tree, {"self"}) - own_names(tree)) | attributes(tree, {"super()"})

    assert used
    assert used - inherited_names(ours) - names_of(theirs) == set()


@pytest.mark.parametrize(
    ("module", "owners", "theirs"),
    [
        (answers, CYCLES, RequestResponseCycle),
        (protocol, CYCLES, RequestResponseCycle),
        (half_closed, CYCLES, RequestResponseCycle),
        (lingering, CYCLES, RequestResponseCycle),
        (answers, {"self.flow"}, FlowControl),
        (protocol, {"self.flow"}, FlowControl),
        (answers, {"self.server_state"}, ServerState),
    ],
)
def test_uvicorn_objects_have_all_that_is_used(module: Any, owners: set[str], theirs: type) -> None:
    """The request cycle, the flow control, and the state of the server."""
    used = attributes(tree_of(module), owners)

    assert used
    assert used - names_of(theirs) == set()


def test_answers_at_once_never_reach_the_application() -> None:
    """Uvicorn starts each request with the method that the service overrides."""
    head, body = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n", b"at once"
    app = PlainTextResponse("the application", 500)

    answer = answer_of(app, lambda _scope, _fields: (head, body))

    assert (answer.status_code, answer.text) == (200, "at once")
