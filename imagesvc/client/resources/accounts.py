"""The user of a client: logging in, and its data."""

from __future__ import annotations

import httpx2

from ..calls import API, Call, model, nothing
from ..flows import Flow, answered
from ..methods import listing, method
from ..models import Me, Page, Session, Token
from ..parameters import Id


class Accounts:
    """The methods of users."""

    _headers: httpx2.Headers
    """Of every request."""

    @method
    def log_in(self, username: str, password: str) -> Flow[Token]:
        """Get tokens for a name and password, and use them from now on."""
        form = {"grant_type": "password", "username": username, "password": password}
        path = f"{API}/auth/token"
        token = yield from answered(
            Call("POST", path, model(Token), form=form, is_repeatable=False)
        )
        self._headers["authorization"] = f"Bearer {token.access_token}"
        return token

    @method
    def me(self) -> Flow[Me]:
        """The user of the credential, with its scopes and the storage used."""
        return answered(Call("GET", f"{API}/users/me", model(Me)))

    @listing
    def sessions(self, *, user: Id | None = None) -> Call[Page[Session]]:
        """Every session of browsers of the user, the newest first; admins may name another."""
        return Call("GET", f"{API}/sessions", model(Page[Session]), query={"user": user})

    @method
    def revoke_session(self, session_id: Id) -> Flow[None]:
        """End a session; its browser must log in again."""
        return answered(Call("DELETE", f"{API}/sessions/{session_id}", nothing))
