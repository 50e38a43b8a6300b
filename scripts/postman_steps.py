"""What the requests of the Postman collection send and keep, so that it runs from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REFS = {"data": [{"type": "images", "id": "{{image_id}}"}]}
ANSWER = "pm.response.json()"
SLOT = f"""\
const slot = {ANSWER};
pm.collectionVariables.set("upload_id", slot.id);
for (const pair of slot.url.split("?")[1].split("&")) {{
  const [name, value] = pair.split("=");
  pm.collectionVariables.set(name, value);
}}"""
SIGNED = {name: f"{{{{{name}}}}}" for name in ("kid", "exp", "sig")}
NEW_NAME = 'pm.collectionVariables.set("user_name", "postman-" + Date.now());'
NEW_COLLECTION = """\
// The one before has been deleted.
pm.sendRequest({
  url: pm.variables.replaceIn("{{base_url}}/api/v1/collections"),
  method: "POST",
  header: {
    "Authorization": pm.variables.replaceIn("Bearer {{key}}"), "Content-Type": "application/json",
  },
  body: { mode: "raw", raw: JSON.stringify({ title: "Guests" }) },
}, (_error, answer) => pm.collectionVariables.set("collection_id", answer.json().id));"""
WITHOUT_END = """\
// The stream does not end by itself: set the variable `stream` to follow it.
if (!pm.variables.get("stream")) pm.execution.skipRequest();"""


@dataclass(frozen=True, slots=True)
class Step:
    """What one request has beside what the document says."""

    keeps: Mapping[str, str] = field(default_factory=dict)
    """Variables, and where in the answer their values are, as JavaScript."""
    path: Mapping[str, str] = field(default_factory=dict)
    """Values of path parameters that are not the variables of the same names."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters that are sent, beside those in the document."""
    body: Any = None
    """Of JSON; else an example."""
    accepted: tuple[int, ...] = ()
    """Statuses besides those of success that are no failure of the run."""
    before: str = ""
    """A script to run first."""
    after: str = ""
    """A script to run on the answer."""


STEPS: Mapping[str, Step] = {
    "upload_image": Step(keeps={"image_id": ".id", "job_id": ".job.id"}),
    "upload_image_by_action": Step(keeps={"second_id": ".id"}),
    "upload_image_by_delivery_path": Step(keeps={"third_id": ".id"}),
    # 403: the setting allow_url_import is off.
    "import_image": Step(body={"url": "{{import_url}}"}, accepted=(403,)),
    "get_upload_url": Step(after=SLOT),
    "put_upload": Step(query=SIGNED),
    # The image has been made by the request before.
    "complete_upload": Step(query=SIGNED),
    "list_images": Step(),
    "get_timeline": Step(),
    "get_facets": Step(),
    "create_archive": Step(
        body={"ids": ["{{image_id}}"], "preset": "thumbnail"}, keeps={"archive_id": ".id"}
    ),
    "get_archive": Step(),
    "create_search": Step(keeps={"search_id": ".id"}),
    "list_searches": Step(),
    "get_search": Step(),
    "edit_search": Step(),
    "delete_search": Step(),
    "get_timeline_month": Step(path={"month": "2026-05"}),
    "get_image": Step(),
    "edit_image": Step(body={"title": "Low tide", "visibility": "public"}),
    "process_images": Step(
        body={"id": "{{image_id}}", "operations": ["thumbnail", {"w": 200, "format": "webp"}]},
        keeps={"job_id": ".data[0].id"},
    ),
    "update_images": Step(body={"ids": ["{{image_id}}"], "add_tags": ["heligoland"]}),
    "check_images": Step(),
    "list_variants": Step(),
    "sign_urls": Step(body={"operations": ["original", "thumbnail"], "expires_in": 3600}),
    "purge_variants": Step(),
    "trash_images": Step(body={"ids": ["{{second_id}}"]}),
    "restore_images": Step(body={"ids": ["{{second_id}}"]}),
    "empty_trash": Step(),
    "delete_image": Step(path={"image_id": "{{second_id}}"}),
    "delete_images": Step(body={"ids": ["{{third_id}}"]}),
    "get_picture": Step(query={"w": "200"}),
    "get_preset": Step(path={"preset": "thumbnail"}),
    "get_blurred": Step(),
    "list_collections": Step(),
    "create_collection": Step(body={"title": "Heligoland"}, keeps={"collection_id": ".id"}),
    "get_collection": Step(),
    "edit_collection": Step(body={"title": "Heligoland in spring"}),
    "add_collection_images": Step(body=REFS),
    "list_collection_images": Step(),
    "create_share": Step(
        body={"image_id": "{{image_id}}", "allow_download": True},
        keeps={"share_id": ".id", "token": ".url.split('/s/')[1]"},
    ),
    "list_shares": Step(),
    "get_share": Step(),
    "get_shared": Step(),
    "list_shared_images": Step(),
    "get_shared_picture": Step(path={"preset": "thumbnail"}),
    "get_shared_original": Step(),
    "get_shared_archive": Step(),
    "edit_share": Step(body={"password": "low tide"}),
    "unlock_shared": Step(body={"password": "low tide"}),
    "delete_share": Step(),
    "create_upload_link": Step(
        before=NEW_COLLECTION, body={"collection_id": "{{collection_id}}"},
        keeps={"link_id": ".id", "token": ".url.split('/g/')[1]"},
    ),
    "list_upload_links": Step(),
    "get_upload_link": Step(),
    "edit_upload_link": Step(body={"max_files": 10}),
    "get_guest_link": Step(),
    "upload_as_guest": Step(),
    "delete_upload_link": Step(),
    "remove_collection_images": Step(body=REFS),
    "delete_collection": Step(),
    "list_jobs": Step(),
    "summarize_jobs": Step(),
    "retry_jobs": Step(body={"status": "failed"}),
    "get_job": Step(),
    # 409: it has succeeded. Cancelling a job that has ended deletes it.
    "retry_job": Step(accepted=(409,)),
    "cancel_job": Step(),
    "create_user": Step(
        before=NEW_NAME, body={"name": "{{user_name}}", "password": "{{password}}"},
        keeps={"user_id": ".id"},
    ),
    "create_token": Step(
        body={"grant_type": "password", "username": "{{user_name}}", "password": "{{password}}"},
        keeps={"refresh_token": ".refresh_token"},
    ),
    "revoke_token": Step(body={"token": "{{refresh_token}}"}),
    "create_session": Step(
        body={"name": "{{user_name}}", "password": "{{password}}"},
        keeps={"session_id": ".session.id"},
    ),
    # 403: the link of the first start is on its terminal only.
    "set_up": Step(
        body={"token": "x", "name": "{{user_name}}", "password": "{{password}}"}, accepted=(403,)
    ),
    "get_session": Step(),
    "list_sessions": Step(query={"user": "{{user_id}}"}),
    "revoke_session": Step(),
    "delete_session": Step(),
    "get_me": Step(),
    "list_users": Step(),
    "get_user": Step(),
    "update_user": Step(body={"quota_images": 1000}),
    "create_api_key": Step(
        body={"name": "postman", "scopes": ["read"]}, keeps={"key_id": ".id"}
    ),
    "list_api_keys": Step(),
    "delete_api_key": Step(),
    "delete_user": Step(),
    "stream_events": Step(before=WITHOUT_END),
    # 400: the setting source_roots is empty.
    "create_source": Step(keeps={"source_id": ".id"}, accepted=(400,)),
    "list_sources": Step(),
    "get_source": Step(accepted=(404,)),
    "edit_source": Step(accepted=(404,)),
    "scan_source": Step(accepted=(404,)),
    "delete_source": Step(accepted=(404,)),
    "create_webhook": Step(
        body={"url": "{{webhook_url}}", "event_types": ["image.created"]},
        keeps={"webhook_id": ".id"},
    ),
    "list_webhooks": Step(),
    "get_webhook": Step(),
    "edit_webhook": Step(body={"event_types": ["image.created", "image.deleted"]}),
    "test_webhook": Step(),
    "list_webhook_deliveries": Step(keeps={"delivery_id": ".data[0].id"}),
    # 409: it is still on its way.
    "replay_webhook_delivery": Step(accepted=(409,)),
    "renew_webhook_secret": Step(),
    "delete_webhook": Step(),
    "home": Step(),
    "is_alive": Step(),
    "is_ready": Step(),
    "get_metrics": Step(),
    "list_settings": Step(),
    "get_statistics": Step(),
    "purge_many_variants": Step(body={"tag": "heligoland"}),
    "get_openapi": Step(),
    "show_docs": Step(),
    "get_docs_asset": Step(path={"asset": "page.js"}),
}  # fmt: skip
"""By operation, in the order in which they run within their folder."""


def events(step: Step, statuses: list[int]) -> list[dict[str, Any]]:
    """The scripts of a request, as the format has them."""
    lines = [
        'pm.test("answered as documented", () =>',
        f"  pm.expect({sorted({*statuses, *step.accepted})}).to.include(pm.response.code));",
        *(
            f'if (pm.response.code < 300) pm.collectionVariables.set("{name}", {ANSWER}{place});'
            for name, place in step.keeps.items()
        ),
    ]
    scripts = {"prerequest": step.before, "test": "\n".join([*lines, step.after]).strip()}
    return [
        {"listen": listen, "script": {"type": "text/javascript", "exec": text.splitlines()}}
        for listen, text in scripts.items()
        if text
    ]
