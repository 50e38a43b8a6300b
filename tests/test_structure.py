"""Sizes and imports of the modules of imagesvc."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "imagesvc"
MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if not path.is_relative_to(PACKAGE / "store" / "db" / "sqlite" / "migrations" / "versions")
)
MODULE_LINES = 300
FOLDER_MODULES = 16
FUNCTION_LINES = 60
FUNCTION_LINES_P90 = 16

Function = ast.FunctionDef | ast.AsyncFunctionDef
Imports = Mapping[str, set[str]]


def lines_of(function: Function) -> int:
    """The lines of a function without its docstring."""
    lines = last_line(function) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    docstring = function.body[0]
    return lines - (last_line(docstring) - docstring.lineno + 1)


def last_line(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno


@functools.cache
def nodes_of(source: str) -> Sequence[ast.AST]:
    """All parts of a module; two tests walk through all modules."""
    return list(ast.walk(ast.parse(source)))


def functions_of(source: str) -> Iterator[Function]:
    for node in nodes_of(source):
        if isinstance(node, Function):
            yield node


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(name: str, path: Path) -> str:
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def targets_of(source: str, package: str) -> Iterator[str]:
    """What a module of a package imports, as absolute names of modules or of their members."""
    for node in nodes_of(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def cycles_of(imports: Imports) -> list[list[str]]:
    """The groups of modules that import each other, directly or through others."""
    reached = {module: reached_from(module, imports) for module in imports}
    groups = {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in imports
        if module in reached[module]
    }
    return sorted(sorted(group) for group in groups)


def reached_from(module: str, imports: Imports) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        new = imports[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


@pytest.fixture(scope="module")
def lengths() -> Mapping[str, int]:
    """The lines of every function, by its place."""
    return {
        f"{path.relative_to(PACKAGE)}:{function.lineno} {function.name}": lines_of(function)
        for path in MODULES
        for function in functions_of(path.read_text())
    }


def beyond(sizes: Mapping[str, int], limit: int) -> Mapping[str, int]:
    return {name: size for name, size in sizes.items() if size > limit}


def p90_of(lengths: Sequence[int]) -> int:
    return sorted(lengths)[len(lengths) * 9 // 10]


def test_no_module_is_long() -> None:
    """A module has one subject, and a reader has an overview of it."""
    sizes = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in MODULES}

    assert len(sizes) > 300
    assert beyond(sizes, MODULE_LINES) == {}


def test_no_folder_has_many_modules() -> None:
    """The list of a folder's modules is its table of contents."""
    folders = {path.parent for path in MODULES}
    sizes = {
        str(folder.relative_to(PACKAGE)): sum(path.parent == folder for path in MODULES)
        for folder in folders
    }

    assert beyond(sizes, FOLDER_MODULES) == {}


def test_no_function_is_long(lengths: Mapping[str, int]) -> None:
    """Docstrings do not count."""
    assert len(lengths) > 2000
    assert beyond(lengths, FUNCTION_LINES) == {}


def test_most_functions_are_short(lengths: Mapping[str, int]) -> None:
    """Nine of ten functions fit on a part of a screen."""
    assert p90_of([*lengths.values()]) <= FUNCTION_LINES_P90


def test_no_module_imports_itself_through_others() -> None:
    """Imports in functions and those for type checkers count, too."""
    names = {name_of(path): path for path in MODULES}
    imports = {
        name: {
            found
            for target in targets_of(path.read_text(), package_of(name, path))
            if (found := target if target in names else target.rpartition(".")[0]) in names
        }
        for name, path in names.items()
    }

    assert "imagesvc.store.db.database" in imports["imagesvc.store.images"]
    assert "imagesvc.client.calls" in imports["imagesvc.client.resources.images"]
    assert cycles_of(imports) == []


def test_a_cycle_is_found() -> None:
    """A module that imports a cycle is not part of it."""
    imports = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}

    assert cycles_of(imports) == [["a", "b", "c"]]


def test_a_docstring_does_not_count_as_lines_of_a_function() -> None:
    """Decorators do not count either."""
    source = (
        '@decorated\ndef function(\n    x,\n):\n    """One.\n\n    Two.\n    """\n    return x\n'
    )

    (function,) = functions_of(source)

    assert lines_of(function) == 4
