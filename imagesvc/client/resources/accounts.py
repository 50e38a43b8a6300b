"""The user of a client: logging in, and its data."""

from __future__ import annotations

import httpx2

from ..calls import API, Call, model
from ..flows import Flow, answered
from ..methods import method
from ..models import Me, Token


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
