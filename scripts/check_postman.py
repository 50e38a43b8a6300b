"""The Postman collection, run from top to bottom by newman against a server with accounts."""

from __future__ import annotations

import json
from pathlib import Path

from scripts.check_clients import DOCUMENT, Workshop
from scripts.make_postman import PICTURE, collection
from tests.accounts import printed_keys
from tests.http.asking import picture
from tests.receiver import Receiver
from tests.remote import Remote
from tests.server import Server


def run_collection(place: Path, workshop: Workshop) -> None:
    """Every request is answered as documented; one that is not ends the check.

    Args:
        place: a folder for the server's data.
        workshop: where newman is.
    """
    receiver, remote = Receiver(), Remote()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nConnection: close\r\n\r\n"
    variables = {
        "webhook_url": receiver.url("/hook"),
        "import_url": remote.url("/photo.jpg", head + picture(2)),
    }
    server = Server(
        place / "postman", auth="required", rate_limits="off", log_level="warning",
        allow_url_import="true", url_import_allow='["127.0.0.1/32"]',
        url_import_ports=f"[{remote.port}]", webhook_allow='["127.0.0.1/32"]',
    )  # fmt: skip
    try:
        server.start()
        (variables["key"],) = printed_keys(server)
        variables["base_url"] = f"http://127.0.0.1:{server.port}"
        (workshop.folder / PICTURE).write_bytes(picture(1))
        made = workshop.folder / "collection.json"
        made.write_text(json.dumps(collection(json.loads(DOCUMENT.read_text()))))
        given = [f"--env-var={name}={value}" for name, value in variables.items()]
        workshop.node(
            "newman", "run", made, "--working-dir", workshop.folder, "--color", "off",
            "--timeout-request", "60000", *given,
        )  # fmt: skip
    finally:
        server.close()
        receiver.close()
        remote.close()
