"""Webhooks: deliveries, repeats, and refused targets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.accounts import Account, make_user
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, picture
from tests.receiver import Receiver
from tests.server import Server
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.joint

HOOKS = "/api/v1/webhooks"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Where webhooks go."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may send to one local address."""
    server = Server(
        tmp_path_factory.mktemp("hooked") / "data", workers=1, webhook_retry_delay="100ms",
        webhook_timeout=f"{PATIENCE}s", webhook_allow='["127.0.0.1/32"]',
    )  # fmt: skip
    yield server.start()
    server.close()


def made(server: Server, url: str, **fields: Any) -> dict[str, Any]:
    """Make a webhook."""
    answer = server.client.post(HOOKS, json={"url": url, **fields})
    assert answer.status_code == 201, answer.text
    hook: dict[str, Any] = answer.json()
    return hook


def is_signed_by(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether a message is signed with a secret (Standard Webhooks 1.0)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join(
        [headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body]
    )
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


def deliveries_of(server: Server, hook: dict[str, Any]) -> list[dict[str, Any]]:
    """The deliveries of a webhook, the newest first."""
    page = server.client.get(f"{HOOKS}/{hook['id']}/deliveries", params={"limit": "200"})
    found: list[dict[str, Any]] = page.json()["data"]
    return found


def test_an_event_is_signed(hooked: Server, receiver: Receiver) -> None:
    """The receiver can verify the sender and the content."""
    hook = made(hooked, receiver.url("/signed"), event_types=["image.created"])
    image = hooked.upload(picture(1))
    until(lambda: receiver.at("/signed"))
    ((headers, body),) = receiver.at("/signed")

    assert len(base64.b64decode(hook["secret"][len("whsec_") :])) == 32
    assert is_signed_by(hook["secret"], headers, body)
    document = json.loads(body)
    assert set(document) == {"type", "timestamp", "id", "data"}
    assert document["type"] == "image.created"
    assert document["data"]["image_id"] == image["id"]
    assert "secret" not in hooked.client.get(f"{HOOKS}/{hook['id']}").json()


def test_a_failure_is_tried_again_and_a_success_replayed(
    hooked: Server, receiver: Receiver
) -> None:
    """All attempts have one id, by which a receiver recognises repeats."""
    hook = made(hooked, receiver.url("/retried", 500, 302), event_types=["image.deleted"])
    one = f"{HOOKS}/{hook['id']}"
    assert hooked.client.post(f"{one}/test").status_code == 202

    def delivery() -> dict[str, Any]:
        found: dict[str, Any] = hooked.client.get(f"{one}/deliveries").json()["data"][0]
        return found

    until(lambda: delivery()["status"] == "succeeded")
    assert (delivery()["attempts"], delivery()["answer_status"]) == (3, 204)
    again = hooked.client.post(f"{one}/deliveries/{delivery()['id']}/replay")
    assert again.status_code == 202
    until(lambda: len(receiver.at("/retried")) == 4)
    assert {headers["webhook-id"] for headers, _ in receiver.at("/retried")} == {delivery()["id"]}


def test_a_gone_receiver_is_sent_nothing_more(hooked: Server, receiver: Receiver) -> None:
    """410 disables the webhook, as PATCH does."""
    hook = made(hooked, receiver.url("/gone", 410), event_types=["image.deleted"])
    one = f"{HOOKS}/{hook['id']}"
    hooked.client.post(f"{one}/test")

    until(lambda: hooked.client.get(one).json()["is_enabled"] is False)
    assert_problem(hooked.client.post(f"{one}/test"), 409, "conflict")
    assert len(receiver.at("/gone")) == 1


@pytest.mark.parametrize(
    "host", ["[::1]", "[::ffff:127.0.0.2]", "169.254.169.254", "127.0.0.2", "localhost:0"]
)
def test_private_addresses_are_refused(hooked: Server, host: str) -> None:
    """A webhook must not reach internal hosts."""
    answer = hooked.client.post(HOOKS, json={"url": f"http://{host}/"})

    assert assert_problem(answer, 400, "invalid_request")["errors"][0]["loc"] == "url"


def test_a_slow_receiver_delays_no_other(hooked: Server, receiver: Receiver) -> None:
    """At most two of its deliveries are in progress."""
    receiver.released.clear()
    slow = made(hooked, receiver.url("/held"), event_types=["image.deleted"])
    quick = made(hooked, receiver.url("/quick"), event_types=["image.deleted"])
    for _ in range(20):
        hooked.client.post(f"{HOOKS}/{slow['id']}/test")
    hooked.client.post(f"{HOOKS}/{quick['id']}/test")

    until(lambda: receiver.at("/quick"))
    assert len(receiver.at("/held")) <= 2
    hooked.client.delete(f"{HOOKS}/{slow['id']}").raise_for_status()
    receiver.released.set()


def test_a_new_secret_signs_from_the_next_attempt_on(hooked: Server, receiver: Receiver) -> None:
    """This includes waiting deliveries: the old secret signs nothing any more."""
    receiver.released.clear()
    hook = made(hooked, receiver.url("/held-renewed", 500), event_types=["image.deleted"])
    hooked.client.post(f"{HOOKS}/{hook['id']}/test").raise_for_status()
    until(lambda: receiver.at("/held-renewed"))

    renewed = hooked.client.post(f"{HOOKS}/{hook['id']}/secret").json()["secret"]
    receiver.released.set()

    until(lambda: len(receiver.at("/held-renewed")) == 2)
    first, last = receiver.at("/held-renewed")
    assert is_signed_by(hook["secret"], *first)
    assert is_signed_by(renewed, *last)
    assert not is_signed_by(hook["secret"], *last)


def test_a_patched_webhook_gets_its_new_event_types(hooked: Server, receiver: Receiver) -> None:
    """Waiting deliveries go to the new URL, too."""
    receiver.released.clear()
    hook = made(hooked, receiver.url("/held-before", 500), event_types=["image.deleted"])
    one = f"{HOOKS}/{hook['id']}"
    hooked.client.post(f"{one}/test").raise_for_status()
    until(lambda: receiver.at("/held-before"))

    patch = {"url": receiver.url("/after"), "event_types": ["image.created"]}
    hooked.client.patch(one, json=patch).raise_for_status()
    receiver.released.set()
    image = hooked.upload(picture(2))
    hooked.finished(image["job"]["id"])
    hooked.client.delete(f"/api/v1/images/{image['id']}").raise_for_status()

    until(lambda: {d["status"] for d in deliveries_of(hooked, hook)} == {"succeeded"})
    types = [json.loads(body)["type"] for _, body in receiver.at("/after")]
    assert sorted(types) == ["image.created", "webhook.test"]


def test_an_enabled_webhook_gets_later_events(hooked: Server, receiver: Receiver) -> None:
    """Events that happened while it was disabled are not sent."""
    hook = made(hooked, receiver.url("/paused"), event_types=["image.created"])
    one = f"{HOOKS}/{hook['id']}"
    hooked.client.patch(one, json={"is_enabled": False}).raise_for_status()
    for seed in (3, 4, 5):
        hooked.upload(picture(seed))

    hooked.client.patch(one, json={"is_enabled": True}).raise_for_status()
    image = hooked.upload(picture(6))

    until(lambda: receiver.at("/paused"))
    until(lambda: {d["status"] for d in deliveries_of(hooked, hook)} == {"succeeded"})
    told = [json.loads(body)["data"]["image_id"] for _, body in receiver.at("/paused")]
    assert told == [image["id"]]


def test_a_21st_webhook_is_refused(guarded: Server, admin: Account) -> None:
    """Each event is stored once for each webhook."""
    ann = make_user(guarded, admin, "hooker")
    bodies = [
        {"url": f"http://127.0.0.1:1/{n}", "event_types": ["image.deleted"]} for n in range(21)
    ]

    answers = [ann.client.post(HOOKS, json=body) for body in bodies]

    assert [answer.status_code for answer in answers[:20]] == [201] * 20
    assert_problem(answers[20], 409, "conflict")
    ann.client.delete(f"{HOOKS}/{answers[0].json()['id']}").raise_for_status()
    assert ann.client.post(HOOKS, json=bodies[0]).status_code == 201


def test_the_log_is_kept_as_long_as_events(make_server: MakeServer, receiver: Receiver) -> None:
    """The table must not grow without limit."""
    server = make_server(
        workers=1, webhook_allow='["127.0.0.1/32"]', event_retention="1s", gc_interval="200ms"
    )
    hook = made(server, receiver.url("/pruned"), event_types=["image.deleted"])
    server.client.post(f"{HOOKS}/{hook['id']}/test").raise_for_status()
    until(lambda: receiver.at("/pruned"))

    until(lambda: not deliveries_of(server, hook))


@pytest.mark.breadth
@pytest.mark.parametrize(("seconds", "times"), [(PATIENCE, 1), (0.1, 2)])
def test_a_stop_loses_no_delivery(
    make_server: MakeServer, receiver: Receiver, seconds: float, times: int
) -> None:
    """A delivery in progress is finished, or cancelled and sent again under its id."""
    server = make_server(
        workers=1, webhook_allow='["127.0.0.1/32"]', shutdown_timeout=f"{seconds}s",
        webhook_timeout=f"{PATIENCE}s",
    )  # fmt: skip
    receiver.released.clear()
    path = f"/held-{times}"
    hook = made(server, receiver.url(path), event_types=["image.deleted"])
    sent = server.client.post(f"{HOOKS}/{hook['id']}/test").json()
    until(lambda: receiver.at(path))

    server.begin_stop()
    if times == 1:
        receiver.released.set()
    server.stop()
    receiver.released.set()
    server.start()

    until(lambda: deliveries_of(server, hook)[0]["status"] == "succeeded")
    (delivery,) = deliveries_of(server, hook)
    assert delivery["attempts"] == 1
    ids = [headers["webhook-id"] for headers, _ in receiver.at(path)]
    assert ids == [sent["id"]] * times


def test_a_receiver_that_stays_unreachable_is_disabled(
    make_server: MakeServer, receiver: Receiver
) -> None:
    """Its owner sees the time and the reason; enabled again, it starts over."""
    server = make_server(
        workers=1, webhook_allow='["127.0.0.1/32"]', webhook_retry_delay="1ms",
        webhook_disable_after="1ms",
    )  # fmt: skip
    hook = made(server, receiver.url("/dead", *[503] * 100), event_types=["image.deleted"])
    one = f"{HOOKS}/{hook['id']}"
    assert hook["failing_since"] is None

    server.client.post(f"{one}/test").raise_for_status()
    until(lambda: not server.client.get(one).json()["is_enabled"])

    assert server.client.get(one).json()["failing_since"] is not None
    (delivery,) = deliveries_of(server, hook)
    assert (delivery["status"], delivery["attempts"]) == ("failed", 6)
    assert (delivery["answer_status"], "503" in delivery["error"]) == (503, True)
    back = server.client.patch(one, json={"is_enabled": True}).json()
    assert (back["is_enabled"], back["failing_since"]) == (True, None)
