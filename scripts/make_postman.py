"""Writes a Postman collection (format v2.1) of docs/openapi.json: `make postman`.

It runs from top to bottom, in Postman and newman, with the API key of an admin in the variable
`key` and a `photo.jpg` in the working directory.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from scripts.postman_steps import STEPS, Step, events

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
ROOT = Path(__file__).parent.parent
MULTIPART, JSON = "multipart/form-data", "application/json"
PICTURE = "photo.jpg"
VARIABLES = {
    "base_url": "http://127.0.0.1:8000",
    "key": "",
    "password": "correct horse battery",
    "import_url": "https://example.org/photo.jpg",
    "webhook_url": "https://example.org/hook",
    "stream": "",
}


def collection(document: dict[str, Any]) -> dict[str, Any]:
    """A folder for each tag, and in it a request for each operation."""
    folders: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    every = {
        operation["operationId"]: (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    for name in [*(name for name in STEPS if name in every), *(every.keys() - STEPS.keys())]:
        path, method, operation = every[name]
        folders[operation["tags"][0]].append(_request(document, path, method, operation))
    meanings = {tag["name"]: tag["description"] for tag in document["tags"]}
    info = document["info"]
    return {
        "info": {"name": info["title"], "description": info["description"], "schema": SCHEMA},
        "auth": {"type": "bearer", "bearer": [_pair("token", "{{key}}", type="string")]},
        "variable": [_pair(name, value) for name, value in VARIABLES.items()],
        "item": [
            {"name": name, "description": meanings.get(name, ""), "item": items}
            for name, items in folders.items()
        ],
    }


def _request(
    document: dict[str, Any], path: str, method: str, operation: dict[str, Any]
) -> dict[str, Any]:
    step = STEPS.get(operation["operationId"], Step())
    parameters = [_resolved(document, item) for item in operation.get("parameters", ())]
    segments = [f":{part[1:-1]}" if part[:1] == "{" else part for part in path[1:].split("/")]
    request: dict[str, Any] = {
        "method": method.upper(),
        "description": operation.get("description", operation["summary"]),
        "header": [_optional(item) for item in parameters if item["in"] == "header"],
        "url": {
            "raw": "{{base_url}}/" + "/".join(segments),
            "host": ["{{base_url}}"],
            "path": segments,
            "query": _query(parameters, step),
            "variable": [
                _pair(
                    item["name"],
                    step.path.get(item["name"], f"{{{{{item['name']}}}}}"),
                    description=item["description"],
                )
                for item in parameters
                if item["in"] == "path"
            ],
        },
    }
    if not operation["security"]:
        request["auth"] = {"type": "noauth"}
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        request["body"] = _body(document, content, step)
    statuses = [int(status) for status in operation["responses"] if status[0] in "23"]
    return {
        "name": operation["operationId"],
        "event": events(step, statuses),
        "request": request,
        "response": [],
    }


def _query(parameters: list[dict[str, Any]], step: Step) -> list[dict[str, Any]]:
    optional = [_optional(item) for item in parameters if item["in"] == "query"]
    return [
        *(item for item in optional if item["key"] not in step.query),
        *(_pair(name, value) for name, value in step.query.items()),
    ]


def _body(document: dict[str, Any], content: dict[str, Any], step: Step) -> dict[str, Any]:
    if MULTIPART in content:
        properties = _resolved(document, content[MULTIPART]["schema"])["properties"]
        fields = [
            {"key": "file", "type": "file", "src": [PICTURE]}
            if name == "file"
            else {"key": name, "type": "text", "value": "", "disabled": True}
            for name in properties
        ]
        return {"mode": "formdata", "formdata": fields}
    if JSON in content:
        schema = _resolved(document, content[JSON]["schema"])
        text = json.dumps(step.body or schema["examples"][0], indent=2)
        return {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}
    return {"mode": "file", "file": {"src": PICTURE}}


def _resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in value:
        return value
    found: Any = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return _resolved(document, found)


def _optional(parameter: dict[str, Any]) -> dict[str, Any]:
    return _pair(
        parameter["name"],
        str(parameter.get("example", "")),
        description=parameter.get("description", ""),
        disabled=not parameter.get("required", False),
    )


def _pair(key: str, value: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "value": value, **more}


if __name__ == "__main__":
    made = collection(json.loads((ROOT / "docs" / "openapi.json").read_text()))
    Path(sys.argv[1]).write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
