"""The Postman collection that `make postman` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.make_postman import SCHEMA, collection
from scripts.postman_steps import STEPS

SNAPSHOT = Path(__file__).parent.parent / "docs" / "openapi.json"


def test_it_has_every_operation_with_its_parameters_and_body() -> None:
    """The collection is complete."""
    document = json.loads(SNAPSHOT.read_text())
    operations = {
        operation["operationId"]: (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }

    made = collection(document)

    requests = {item["name"]: item["request"] for folder in made["item"] for item in folder["item"]}
    assert made["info"]["schema"] == SCHEMA
    assert requests.keys() == operations.keys() == STEPS.keys()
    for name, (method, path, operation) in operations.items():
        request = requests[name]
        url = request["url"]
        shown = "/".join(f"{{{part[1:]}}}" if part[:1] == ":" else part for part in url["path"])
        given: list[Any] = [*url["query"], *url["variable"], *request["header"]]
        assert (request["method"], f"/{shown}") == (method, path)
        extra = STEPS[name].query.keys() & {"kid", "exp", "sig"}  # of a presigned URL
        assert len(given) == len(operation.get("parameters", ())) + len(extra)
        assert ("body" in request) == ("requestBody" in operation)
