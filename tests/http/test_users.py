"""Users: made, changed, disabled and removed, and the fate of their images."""

from __future__ import annotations

from typing import Any

import pytest

from tests.accounts import PASSWORD, Account, client_of, log_in, make_user, refused
from tests.http.asking import assert_problem, picture
from tests.server import Server

pytestmark = pytest.mark.joint

USERS, ME = "/api/v1/users", "/api/v1/users/me"


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user."""
    return make_user(guarded, admin, "ada")


def log_in_status(server: Server, name: str, password: str) -> int:
    """The status of an attempt to log in."""
    form = {"username": name, "password": password}
    return server.client.post("/api/v1/auth/token", data=form).status_code


def test_a_user_is_made_and_shown(guarded: Server, admin: Account) -> None:
    """The response has neither the password nor its hash."""
    sent = {"name": "grace", "password": PASSWORD, "quota_images": 3, "quota_bytes": None}
    made = admin.client.post(USERS, json=sent)

    user = made.json()
    assert made.status_code == 201
    assert made.headers["location"] == f"{USERS}/{user['id']}"
    assert admin.client.get(made.headers["location"]).json() == user
    assert user in admin.client.get(USERS).json()["data"]
    assert (user["has_password"], user["is_admin"], user["is_disabled"]) == (True, False, False)
    assert (user["quota_images"], user["quota_bytes"]) == (3, None)
    assert "argon2" not in made.text
    assert PASSWORD not in made.text


def test_users_are_listed_in_pages(guarded: Server, admin: Account) -> None:
    """The newest is first."""
    names = [
        make_user(guarded, admin, f"page-{number}") and f"page-{number}" for number in range(3)
    ]

    first = admin.client.get(USERS, params={"limit": 2}).json()
    second = admin.client.get(USERS, params={"limit": 2, "cursor": first["next_cursor"]}).json()

    listed = [user["name"] for user in first["data"] + second["data"]]
    assert listed[:3] == names[::-1]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "Ada"}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "id.example.test:1"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"name": "ok", "password": "short"}, "password"),
        ({"name": "ok", "password": "x" * 257}, "password"),
        ({"name": "ok", "is_admin": "yes"}, "is_admin"),
        ({"name": "ok", "id": "x"}, "id"),
    ],
)
def test_an_invalid_user_gets_a_reason(admin: Account, body: dict[str, Any], loc: str) -> None:
    """Each error has its place; the response does not contain the password."""
    answer = admin.client.post(USERS, json=body)

    document = assert_problem(answer, 400, "invalid_request")
    assert [fault["loc"] for fault in document["errors"]] == [loc]
    assert "short" not in answer.text.replace("too short", "")


def test_a_name_belongs_to_one_user(guarded: Server, admin: Account, ada: Account) -> None:
    """A name cannot be used twice, neither for a new nor for a changed user."""
    other = make_user(guarded, admin, "another")

    assert_problem(admin.client.post(USERS, json={"name": "ada"}), 409, "conflict")
    renamed = admin.client.patch(f"{USERS}/{other.id}", json={"name": "ada"})
    assert_problem(renamed, 409, "conflict")


def test_changing_ones_password_requires_the_old_one(guarded: Server, admin: Account) -> None:
    """A visitor of an unlocked laptop cannot lock out its owner; the change ends every login."""
    kim = make_user(guarded, admin, "kim", password=PASSWORD)
    tokens = log_in(guarded, "kim")
    client = client_of(guarded, tokens["access_token"])
    path, new = f"{USERS}/{kim.id}", "a new password"

    without = client.patch(path, json={"password": new})
    wrong = client.patch(path, json={"password": new, "old_password": "not the old one"})
    assert log_in_status(guarded, "kim", PASSWORD) == 200
    right = client.patch(path, json={"password": new, "old_password": PASSWORD})

    assert_problem(without, 400, "invalid_request")
    assert_problem(wrong, 403, "forbidden")
    assert right.status_code == 200
    refused(client.get(ME))
    assert kim.client.get(ME).status_code == 200
    assert log_in_status(guarded, "kim", PASSWORD) == 401
    assert log_in_status(guarded, "kim", new) == 200


def test_an_admin_sets_the_password_of_other_users(guarded: Server, admin: Account) -> None:
    """The user may have forgotten it."""
    lee = make_user(guarded, admin, "lee")

    answer = admin.client.patch(f"{USERS}/{lee.id}", json={"password": "a new password"})

    assert answer.status_code == 200
    assert log_in_status(guarded, "lee", "a new password") == 200


def test_only_an_admin_sets_a_first_password(guarded: Server, admin: Account) -> None:
    """A leaked key must not become a login that stays after the key is removed."""
    robot = make_user(guarded, admin, "robot")
    path, body = f"{USERS}/{robot.id}", {"password": "a new password"}

    assert_problem(robot.client.patch(path, json=body), 403, "forbidden")
    assert log_in_status(guarded, "robot", "a new password") == 401
    assert admin.client.patch(path, json=body).status_code == 200
    assert log_in_status(guarded, "robot", "a new password") == 200


@pytest.mark.parametrize("body", [{"is_admin": True}, {"is_disabled": False}, {"name": "root"}])
def test_users_cannot_raise_their_own_rights(ada: Account, body: dict[str, Any]) -> None:
    """Only an admin may change more than the password."""
    assert_problem(ada.client.patch(f"{USERS}/{ada.id}", json=body), 403, "forbidden")
    assert ada.client.get(ME).json()["scopes"] == ["read", "upload", "manage"]


@pytest.mark.parametrize("body", [{"is_admin": None}, {"password": None}, {"name": None}])
def test_null_changes_nothing(admin: Account, ada: Account, body: dict[str, Any]) -> None:
    """None of these members can be removed."""
    assert_problem(admin.client.patch(f"{USERS}/{ada.id}", json=body), 400, "invalid_request")


def test_the_last_admin_stays(guarded: Server, admin: Account) -> None:
    """Otherwise no one could make another; with a second admin, the first may be removed."""
    path = f"{USERS}/{admin.id}"

    for answer in (
        admin.client.patch(path, json={"is_disabled": True}),
        admin.client.patch(path, json={"is_admin": False}),
        admin.client.delete(path),
    ):
        assert_problem(answer, 409, "conflict")
    assert admin.client.get(ME).status_code == 200

    second = make_user(guarded, admin, "second-admin", is_admin=True)
    assert admin.client.delete(f"{USERS}/{second.id}").status_code == 204


def owner_with_image(server: Server, admin: Account, name: str) -> tuple[Account, str]:
    """A user with a private image that delivery has in memory."""
    owner = make_user(server, admin, name)
    body = {"title": name, "visibility": "private"}
    collection_id = owner.client.post("/api/v1/collections", json=body).json()["id"]
    image = owner.client.post(
        "/api/v1/images",
        files={"file": ("a.jpg", picture(3))},
        data={"visibility": "private", "collection_id": collection_id},
    ).json()
    assert owner.client.get(f"/images/{image['id']}").status_code == 200
    return owner, image["id"]


def test_a_user_with_images_is_not_removed_implicitly(guarded: Server, admin: Account) -> None:
    """The request must say who gets the images."""
    owner, image_id = owner_with_image(guarded, admin, "owner-who-stays")

    assert_problem(admin.client.delete(f"{USERS}/{owner.id}"), 409, "conflict")

    assert owner.client.get(f"/images/{image_id}").status_code == 200


def test_images_go_to_the_user_who_is_named(guarded: Server, admin: Account, ada: Account) -> None:
    """The new owner sees them, with their collections and jobs; the former owner is gone."""
    owner, image_id = owner_with_image(guarded, admin, "owner-who-goes")
    assert ada.client.get(f"/images/{image_id}").status_code == 404

    path = f"{USERS}/{owner.id}"
    answer = admin.client.delete(path, params={"images_to": ada.id})

    assert answer.status_code == 204
    assert ada.client.get(f"/images/{image_id}").status_code == 200
    image = ada.client.get(f"/api/v1/images/{image_id}").json()
    assert image["owner_id"] == ada.id
    usage = ada.client.get(ME).json()["usage"]
    assert (usage["image_count"], usage["image_bytes"]) == (1, image["bytes"])
    assert ada.client.get(f"/api/v1/collections/{image['collection_id']}").status_code == 200
    assert ada.client.get(f"/api/v1/jobs/{image['job']['id']}").status_code == 200
    assert_problem(admin.client.get(path), 404, "not_found")
    refused(owner.client.get(ME))


def test_images_go_to_nobody(guarded: Server, admin: Account, ada: Account) -> None:
    """Only admins can then see and change them."""
    owner, image_id = owner_with_image(guarded, admin, "owner-without-successor")

    answer = admin.client.delete(f"{USERS}/{owner.id}", params={"images_to": "nobody"})

    assert answer.status_code == 204
    assert ada.client.get(f"/images/{image_id}").status_code == 404
    assert admin.client.get(f"/api/v1/images/{image_id}").json()["owner_id"] is None
    assert admin.client.delete(f"/api/v1/images/{image_id}").status_code == 204


@pytest.mark.parametrize("new_owner", ["", "ada", "01900000-0000-7000-8000-000000000000", "self"])
def test_an_invalid_new_owner_is_refused(guarded: Server, admin: Account, new_owner: str) -> None:
    """Nothing is changed before the refusal."""
    owner = make_user(guarded, admin, f"ownerless-{len(new_owner)}")
    new_owner = owner.id if new_owner == "self" else new_owner

    answer = admin.client.delete(f"{USERS}/{owner.id}", params={"images_to": new_owner})

    document = assert_problem(answer, 400, "invalid_request")
    assert document["errors"][0]["loc"] == "images_to"
    assert owner.client.get(ME).status_code == 200
