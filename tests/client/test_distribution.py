"""`imagesvc-client`: the client for programs on machines without the server and its libraries."""

from __future__ import annotations

import ast
import subprocess
import sys
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.http.asking import picture
from tests.server import Server

ROOT = Path(__file__).parent.parent.parent
DEPENDENCIES = {"anyio", "httpx2", "pydantic"}
PROGRAM = """
import sys
from pathlib import Path
from imagesvc_client import Client
from imagesvc_client.errors import UnsupportedMediaType

with Client(sys.argv[1]) as client:
    image = client.upload(Path(sys.argv[2]))
    client.wait(image.job.id, timeout=120)
    print(client.fetch(image.id, w=40, format="webp")[8:12].decode())
    try:
        client.upload(b"just text", filename="note.txt")
    except UnsupportedMediaType as error:
        print(error.code)
print("imagesvc" in sys.modules)
"""


def run(*command: str | Path, **environment: str) -> str:
    """The output of a command that succeeds."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True, text=True, check=False, env=environment or None,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT / "client")
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> dict[str, bytes]:
    (path,) = built.glob("*.whl")
    return files_of(path)


def files_of(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata_of(files: dict[str, bytes]) -> Message:
    (content,) = [files[name] for name in files if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(content)


def test_the_wheel_has_only_the_modules_of_the_package(
    wheel: dict[str, bytes],
) -> None:
    """The source is in imagesvc/client only, and no file conflicts with the server's package."""
    package = ROOT / "imagesvc"
    client = package / "client"
    sources = {str(path.relative_to(client)): path for path in client.rglob("*.py")}
    del sources["errors.py"]  # in its place are the errors themselves
    sources |= {f"errors/{path.name}": path for path in (package / "errors").glob("*.py")}
    sources["py.typed"] = package / "py.typed"
    modules = {name: content for name, content in wheel.items() if ".dist-info/" not in name}
    (licence,) = [content for name, content in wheel.items() if name.endswith("/LICENSE")]

    assert modules == {
        f"imagesvc_client/{name}": path.read_bytes() for name, path in sources.items()
    }
    assert licence == (ROOT / "LICENSE").read_bytes()


@pytest.mark.breadth
def test_a_wheel_that_is_built_in_a_clone_is_the_same(
    wheel: dict[str, bytes], tmp_path: Path
) -> None:
    """`pip install ./client` makes it without an sdist."""
    run(
        sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation",
        "--wheel-dir", tmp_path, ROOT / "client",
    )  # fmt: skip
    (path,) = tmp_path.glob("*.whl")

    assert files_of(path) == wheel


def test_the_wheel_imports_only_declared_dependencies(wheel: dict[str, bytes]) -> None:
    """A module of the server, or a library that only the server has, would be missing."""
    imported: set[str] = set()
    for name, content in wheel.items():
        if not name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(str(node.module).partition(".")[0])
    declared = {
        it.partition(">")[0] for it in metadata_of(wheel).get_all("Requires-Dist", failobj=[])
    }

    assert imported - sys.stdlib_module_names == declared == DEPENDENCIES


def test_the_wheel_has_the_version_of_the_server(wheel: dict[str, bytes]) -> None:
    """pyproject.toml of the server has the only version number."""
    (line,) = [it for it in (ROOT / "pyproject.toml").read_text().splitlines()
               if it.startswith("version = ")]  # fmt: skip

    assert f'version = "{metadata_of(wheel)["Version"]}"' == line


def test_the_wheel_uploads_without_the_server_s_package(
    wheel: dict[str, bytes], server: Server, tmp_path: Path
) -> None:
    """The program of the README runs when only the client is installed."""
    for name, content in wheel.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(content)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(picture(51))

    url = f"http://127.0.0.1:{server.port}"
    told = run(sys.executable, "-c", PROGRAM, url, photo, PYTHONPATH=str(tmp_path))

    assert told.split() == ["WEBP", "unsupported_media_type", "False"]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_a_new_environment_gets_only_the_client(
    built: Path, server: Server, tmp_path: Path, kind: str
) -> None:
    """Neither libvips nor a database is installed with it."""
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(picture(52))
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)

    (path,) = built.glob(kind)
    run(*pip, "install", "--quiet", path)
    told = run(python, "-c", PROGRAM, f"http://127.0.0.1:{server.port}", photo)
    installed = run(*pip, "list", "--format", "freeze")

    assert told.split() == ["WEBP", "unsupported_media_type", "False"]
    assert "imagesvc-client" in installed.replace("_", "-")
    assert not {"imagesvc", "pyvips", "starlette", "sqlalchemy", "pillow"} & {
        line.partition("==")[0].lower() for line in installed.splitlines()
    }
