"""Signatures of URLs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imagesvc.auth.signing import Signer, canonical_query
from imagesvc.errors import SignatureInvalid

Pairs = list[tuple[str, str]]

PATH = "/images/0190a1b2-0000-7000-8000-000000000000"
SIGNER = Signer({"k1": b"secret", "old": b"older secret"})
NOW = 1_700_000_000.0


def test_the_documented_signature_is_correct() -> None:
    """The recipes in other languages are checked against this one signature."""
    signed = SIGNER.sign(PATH, [("w", "400"), ("format", "webp")], expires_at=1_800_000_000)

    assert signed[-1] == ("sig", "qqwu3U1W8zFb6_vWQcq08JoHgECkArmxUZCk0fZOqzA")


def test_a_signed_url_is_accepted_in_any_order_of_its_parameters() -> None:
    """Proxies and clients may reorder a query; what is signed is its canonical form."""
    signed = SIGNER.sign(PATH, [("w", "400"), ("h", "300")], expires_at=int(NOW) + 60)

    found = SIGNER.verify(PATH, signed[::-1], now=NOW)

    assert found is not None
    assert (found.key_id, found.expires_at) == ("k1", int(NOW) + 60)


@pytest.mark.parametrize(
    "tampered",
    [
        lambda pairs: [*pairs, ("h", "9")],
        lambda pairs: [("w", "401"), *pairs[1:]],
        lambda pairs: pairs[1:],
        lambda pairs: [pair for pair in pairs if pair[0] != "exp"],
        lambda pairs: [pair for pair in pairs if pair[0] != "sig"],
        lambda pairs: [pair for pair in pairs if pair[0] != "kid"],
        lambda pairs: [*pairs, pairs[-1]],
        lambda pairs: [*pairs[:-1], ("sig", pairs[-1][1][:-1])],
        lambda pairs: [*pairs[:-1], ("sig", "\xe9")],
        lambda pairs: [pair if pair[0] != "kid" else ("kid", "old") for pair in pairs],
        lambda pairs: [pair if pair[0] != "kid" else ("kid", "none") for pair in pairs],
    ],
)
def test_a_url_that_was_changed_is_refused(tampered: Callable[[Pairs], Pairs]) -> None:
    """Every parameter is covered, the expiry and the key id among them."""
    signed = SIGNER.sign(PATH, [("w", "400")], expires_at=int(NOW) + 60)

    with pytest.raises(SignatureInvalid):
        SIGNER.verify(PATH, tampered(signed), now=NOW)


def test_a_signature_is_for_one_path() -> None:
    """The signature of one image is not valid for another."""
    signed = SIGNER.sign(PATH, [("w", "400")])

    with pytest.raises(SignatureInvalid):
        SIGNER.verify(PATH[:-1] + "1", signed, now=NOW)


def test_an_expired_url_is_refused() -> None:
    """At the second of `exp` the URL is no longer valid."""
    signed = SIGNER.sign(PATH, [], expires_at=int(NOW))

    with pytest.raises(SignatureInvalid, match="expired"):
        SIGNER.verify(PATH, signed, now=NOW)


def test_an_older_key_still_verifies() -> None:
    """Keys are changed by adding one in front and removing the old one later."""
    signed = SIGNER.sign(PATH, [], key_id="old")

    found = SIGNER.verify(PATH, signed, now=NOW)

    assert found is not None
    assert found.key_id == "old"


def test_an_unknown_key_never_verifies_even_against_the_empty_secret() -> None:
    """The dummy secret for constant time must not be accepted."""
    forged = Signer({"ghost": b""}).sign(PATH, [])

    with pytest.raises(SignatureInvalid):
        SIGNER.verify(PATH, forged, now=NOW)


def test_a_url_without_signature_has_none() -> None:
    """The policy decides whether a signature is required."""
    assert SIGNER.verify(PATH, [("w", "400")], now=NOW) is None


def test_the_canonical_query_is_sorted_and_percent_encoded() -> None:
    """Letters, digits and -._~ stay; everything else is encoded from UTF-8."""
    pairs = [("w", "1"), ("gravity", "fp:0.5,0.5"), ("a b", "\xe9~")]

    assert canonical_query(pairs) == "a%20b=%C3%A9~&gravity=fp%3A0.5%2C0.5&w=1"
