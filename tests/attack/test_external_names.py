"""A crafted `sub` of the identity provider cannot get the name of another user."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesvc.auth.provider.external_names import MAX_NAME, names_for
from imagesvc.auth.users import check_name
from tests.accounts import admin_of
from tests.auth.test_provider import ISSUER, me, provider, server, token  # noqa: F401  # fixtures
from tests.server import Server

SUBJECTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255)
NAME = re.compile(r"id\.example\.test:[a-z0-9._@+-]+(~[0-9a-f]{20})?")


@pytest.mark.parametrize("attacker_comes_first", [True, False])
def test_the_hash_of_a_long_subject_is_not_the_name_of_its_user(
    server: Server,  # noqa: F811
    *,
    attacker_comes_first: bool,
) -> None:
    """Earlier it was, and a user with that hash as `sub` could lock the other user out."""
    victim = f"auth0|{'5f7c8ec7' * 8}{attacker_comes_first}"
    attacker = hashlib.sha256(victim.encode()).hexdigest()[:40]
    order = [attacker, victim] if attacker_comes_first else [victim, attacker]

    answers = {sub: me(server, token(sub=sub)) for sub in order}

    assert {answer.status_code for answer in answers.values()} == {200}
    names = {sub: answer.json()["name"] for sub, answer in answers.items()}
    assert names[victim] != names[attacker]
    assert "~" in names[victim]


def test_similar_subjects_get_different_names(server: Server) -> None:  # noqa: F811
    """Only a subject in the canonical form of names is used as a plain name."""
    subjects = [
        "admin", "Admin", "ADMIN", " admin", "admin ", "admin~", "root", "nobody",
        "ada", "Ada", "ada ", "ada\\", "ada:ada", "ada~" + "0" * 20, "/", "a" * 255, "a" * 254,
    ]  # fmt: skip

    made = {sub: me(server, token(sub=sub)).json() for sub in subjects}

    names = [user["name"] for user in made.values()]
    assert len(set(names)) == len({user["id"] for user in made.values()}) == len(subjects)
    assert all(NAME.fullmatch(name) and len(name) <= MAX_NAME for name in names)
    plain = {sub for sub, user in made.items() if "~" not in user["name"]}
    assert plain == {"ada"}
    for sub, user in made.items():
        assert me(server, token(sub=sub)).json()["id"] == user["id"]
    assert admin_of(server).id not in {user["id"] for user in made.values()}


@given(SUBJECTS, SUBJECTS)
def test_no_two_subjects_share_a_name(one: str, other: str) -> None:
    """This holds for every name that a provider lets its users choose."""
    names = [names_for(ISSUER, subject) for subject in (one, other)]

    for name in {*names[0], *names[1]}:
        assert len(name) <= MAX_NAME
        with pytest.raises(ValueError, match="must be"):
            check_name(name)
    if one != other:
        assert not {*names[0]} & {*names[1]}


def test_subjects_of_two_issuers_at_one_host_share_no_name() -> None:
    """The second user gets the name that is unique to its subject."""
    first, second = (names_for(f"https://id.test/{realm}", "ada") for realm in "ab")

    assert first[0] == second[0] == "id.test:ada"
    assert first[-1] != second[-1]
