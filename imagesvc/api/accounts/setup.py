"""The set-up: the first admin chooses a name and a password."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field
from starlette.responses import Response

from imagesvc.api.accounts.sessions import SET_COOKIE, CurrentSessionOut, logged_in
from imagesvc.api.accounts.users import Name, Password
from imagesvc.auth.csrf import check_own_origin
from imagesvc.auth.rates.limits import Limit
from imagesvc.auth.sessions.setup import Setup
from imagesvc.errors import Conflict, Forbidden, SetupClosed
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call
from imagesvc.http.models import Sent
from imagesvc.http.operations import Answer, operation


class SetupIn(Sent, title="SetupRequest"):
    """The token of the set-up link, and the name and password of the first admin."""

    token: str = Field(max_length=100)
    """The part of the link after `#`."""
    name: Name
    password: Password


@dataclass(frozen=True, slots=True)
class SetupEndpoints:
    """The operation of the set-up; the field is its dependency."""

    setup: Setup

    @operation(
        "set_up", "POST", "/api/v1/setup", tag="accounts", limit=Limit.ADDRESS, body=Json(SetupIn),
        answers={200: Answer(CurrentSessionOut, SET_COOKIE)},
        errors=(SetupClosed, Forbidden, Conflict),
    )  # fmt: skip
    async def complete(self, call: Call[None, SetupIn]) -> Response:
        """Give the first admin a name and a password, and log the browser in.

        The token is that of the link that the first start or `imagesvc setup-link` printed. It can
        be used once, within 30 minutes, and only while no admin has a password.
        """
        check_own_origin(call.request)
        body = call.body
        admin, opened = await self.setup.complete(
            body.token, body.name, body.password, call.request
        )
        return logged_in(call.request, admin, opened, self.setup.sessions)
