"""`make api-check`: the document against the service, and clients that generators make of it.

schemathesis asks real servers, with and without accounts; redocly reads the document; clients in
TypeScript and Python are made of it, must compile, and upload a picture; newman runs the Postman
collection; and the recipes for Django and upload widgets are carried out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.check_clients import Target, Workshop
from scripts.check_postman import run_collection
from scripts.check_recipes import carry_out
from tests.accounts import printed_keys
from tests.http.asking import picture
from tests.server import Server

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
EXAMPLES = int(os.environ.get("EXAMPLES", "10"))
SEQUENCES = 10 * EXAMPLES
REQUEST_SECONDS = "12"
"""Less than the time between two heartbeats of a stream of events, which has no other end."""
UNLINKED = ("purge_variants", "add_collection_images", "remove_collection_images")
"""What is not called in sequences, where DELETE is thought to end what the path names, and a 404
to be about that and not about images in the body."""


def main() -> None:
    """Run every check; the first that fails ends it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        workshop = Workshop(place / "workshop")
        server = Server(place / "open", log_level="warning").start()
        try:
            # Without accounts nobody needs a key, so none can be ignored.
            examine(server, without="ignored_auth")
        finally:
            server.close()
        server = Server(place / "accounts", auth="required", rate_limits="off", log_level="warning")
        try:
            server.start()
            (key,) = printed_keys(server)
            server.client.headers["Authorization"] = f"Bearer {key}"
            as_admin = ("--header", f"Authorization: Bearer {key}")
            examine(server, *as_admin, own_ids=admins_own(server))
            server.client.get("/api/v1/users/me").raise_for_status()  # else the rest proved little
            workshop.wait()
            workshop.lint()
            sent = place / "a.jpg"
            sent.write_bytes(picture(1))
            workshop.check(Target(f"http://127.0.0.1:{server.port}", key, sent))
        finally:
            server.close()
        run_collection(place, workshop)
        carry_out(place, workshop)
        sys.stdout.write(
            "The document is valid; generated clients, the collection and the recipes work.\n"
        )


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


if __name__ == "__main__":
    main()
