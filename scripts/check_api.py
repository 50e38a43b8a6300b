"""`make api-check`: the document against the service, and clients that generators make of it.

schemathesis asks real servers, with and without accounts; openapi-typescript and
openapi-python-client make clients, which must compile, and one of which uploads a picture.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from imagesvc.model import Format
from tests.accounts import printed_keys
from tests.http.asking import picture
from tests.server import Server

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
FILE = "application/octet-stream"
EXAMPLES = int(os.environ.get("EXAMPLES", "10"))
SEQUENCES = 10 * EXAMPLES
REQUEST_SECONDS = "12"
"""Less than the time between two heartbeats of a stream of events, which has no other end."""
UNLINKED = ("purge_variants", "add_collection_images", "remove_collection_images")
"""What is not called in sequences, where DELETE is thought to end what the path names, and a 404
to be about that and not about images in the body."""
OPENAPI_TYPESCRIPT, TYPESCRIPT = "openapi-typescript@7.13.0", "typescript@5.9.3"
FLOW = """
import io, sys, time
from image_client import Client
from image_client.api.images import delete_image, list_images, upload_image
from image_client.api.jobs import get_job
from image_client.models import UploadImageFilesBody
from image_client.types import File

client = Client(base_url=sys.argv[1])
file = File(io.BytesIO(open(sys.argv[2], "rb").read()), "a.jpg", "image/jpeg")
image = upload_image.sync(client=client, body=UploadImageFilesBody(file=[file], title="generated"))
while get_job.sync(client=client, job_id=image.job.id).status != "succeeded":
    time.sleep(0.05)
assert image.id in [item.id for item in list_images.sync(client=client).data]
assert delete_image.sync_detailed(client=client, image_id=image.id).status_code == 204
print("the generated Python client uploads, waits, lists and deletes")
"""


def main() -> None:
    """Run every check; the first that fails ends it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        server = Server(place / "open", log_level="warning").start()
        try:
            generated_python(server, place)
            # Without accounts nobody needs a key, so none can be ignored.
            examine(server, without="ignored_auth")
        finally:
            server.close()
        generated_typescript(place)
        server = Server(place / "accounts", auth="required", rate_limits="off", log_level="warning")
        try:
            server.start()
            (key,) = printed_keys(server)
            server.client.headers["Authorization"] = f"Bearer {key}"
            as_admin = ("--header", f"Authorization: Bearer {key}")
            examine(server, *as_admin, own_ids=admins_own(server))
            server.client.get("/api/v1/users/me").raise_for_status()  # else the rest proved little
        finally:
            server.close()


def admins_own(server: Server) -> list[str]:
    """The ids of the only key and the only user of a new server."""
    lists = [server.client.get(f"/api/v1/{name}").json() for name in ("api-keys", "users")]
    return [item["id"] for page in lists for item in page["data"]]


def examine(server: Server, *options: str, without: str = "", own_ids: Sequence[str] = ()) -> None:
    """schemathesis: every check, examples that are valid and not, and sequences of calls.

    Args:
        server: which one.
        options: more of schemathesis' own.
        without: a check that makes no sense there.
        own_ids: what must not be deleted, since the calls are made with it.
    """
    os.environ["OWN_IDS"] = " ".join(own_ids)  # for scripts/schemathesis_hooks.py
    left_out = [without] if without else []
    single = "examples,coverage,fuzzing"
    _schemathesis(server, single, EXAMPLES, left_out, *options)
    # A link puts a good value in the place of a bad one, and this check still waits for a refusal.
    left_out.append("negative_data_rejection")
    unlinked = [f"--exclude-operation-id={name}" for name in UNLINKED]
    _schemathesis(server, "stateful", SEQUENCES, left_out, *unlinked, *options)
    assert "request.bug" not in server.log(), server.log()[-4000:]


def _schemathesis(
    server: Server, phases: str, examples: int, left_out: list[str], *options: str
) -> None:
    url = f"http://127.0.0.1:{server.port}/api/v1/openapi.json"
    excluded = ["--exclude-checks", ",".join(left_out)] if left_out else []
    subprocess.run(
        [BIN / "schemathesis", "--config-file", ROOT / "scripts" / "schemathesis.toml", "run", url,
         "--phases", phases, "--checks", "all", "--request-timeout", REQUEST_SECONDS,
         "--max-examples", str(examples), "--seed", "1", "--no-color", *excluded, *options],
        env={**os.environ, "SCHEMATHESIS_HOOKS": "scripts.schemathesis_hooks"}, cwd=ROOT,
        check=True,
    )  # fmt: skip


def generated_python(server: Server, place: Path) -> None:
    """openapi-python-client makes a client; a picture goes its way through it."""
    document = ROOT / "docs" / "openapi.json"
    target = place / "python"
    overrides = {item.media_type: FILE for item in Format}
    config = {"post_hooks": [], "content_type_overrides": {**overrides, "image/*": FILE}}
    (place / "config.json").write_text(json.dumps(config))
    subprocess.run(
        [BIN / "openapi-python-client", "generate", "--path", document, "--config",
         place / "config.json", "--output-path", target, "--meta", "none", "--fail-on-warning"],
        check=True,
    )  # fmt: skip
    package = place / "image_client"
    target.rename(package)
    subprocess.run([sys.executable, "-m", "compileall", "-q", package], check=True)
    (place / "flow.py").write_text(FLOW)
    (place / "a.jpg").write_bytes(picture(1))
    subprocess.run(
        [sys.executable, place / "flow.py", f"http://127.0.0.1:{server.port}", place / "a.jpg"],
        check=True, cwd=place,
    )  # fmt: skip


def generated_typescript(place: Path) -> None:
    """openapi-typescript makes types that the strict compiler takes."""
    npx = ["npx", "--yes", "--package", OPENAPI_TYPESCRIPT, "--package", TYPESCRIPT]
    types = place / "api.ts"
    document = ROOT / "docs" / "openapi.json"
    subprocess.run([*npx, "openapi-typescript", document, "-o", types], check=True, cwd=place)
    subprocess.run([*npx, "tsc", "--strict", "--noEmit", types], check=True, cwd=place)


if __name__ == "__main__":
    main()
