"""The settings in force, for administrators."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from imagesvc.auth.principals import Scope
from imagesvc.http.calls import Call
from imagesvc.http.models import Model
from imagesvc.http.operations import operation
from imagesvc.http.requests import json_response
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import Kind, toml_text


class SettingOut(Model, title="Setting"):
    """A setting in force."""

    name: str
    value: str | None
    """With its unit, as in `imagesvc.toml`, but texts have no quotes; null if it is not set.

    Secrets are masked.
    """
    source: Kind
    place: str
    """The flag or the name of the file, else the same as `source`."""
    description: str


class SettingsOut(Model, title="Settings"):
    """All settings."""

    data: list[SettingOut]


@dataclass(frozen=True, slots=True)
class SettingEndpoints:
    """The operation that shows the settings."""

    settings: Settings

    @operation(
        "list_settings", "GET", "/api/v1/settings", tag="operation", scope=Scope.ADMIN,
        answers={200: SettingsOut},
    )  # fmt: skip
    async def show(self, _call: Call[None, None]) -> Response:
        """The settings in force, secrets masked, and where each comes from."""
        values = self.settings.shown()
        return json_response(SettingsOut(data=[self._shown(*item) for item in values.items()]))

    def _shown(self, name: str, value: object) -> SettingOut:
        origin = self.settings.origin_of(name)
        return SettingOut(
            name=name,
            value=value if value is None or isinstance(value, str) else toml_text(value),
            source=origin.kind,
            place=origin.place,
            description=type(self.settings).model_fields[name].description or "",
        )
