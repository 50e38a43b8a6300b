"""All settings in one class, read from all sources.

Sources, strongest first: command-line flags, environment `IMAGESVC_*`, a `.env` file,
`imagesvc.toml`, the defaults.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import PrivateAttr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from imagesvc.settings.accounts import AccountSettings, OidcSettings
from imagesvc.settings.cluster import ClusterSettings
from imagesvc.settings.events import EventSettings
from imagesvc.settings.images.delivery import DeliverySettings
from imagesvc.settings.images.transforms import DEFAULT_PRESETS, TransformSettings
from imagesvc.settings.images.uploads import UploadSettings
from imagesvc.settings.limits import LimitSettings
from imagesvc.settings.network.addresses import AddressSettings
from imagesvc.settings.network.cdn import TAG_HEADERS, CdnSettings
from imagesvc.settings.network.connections import ConnectionSettings
from imagesvc.settings.processes import LogSettings, ProcessSettings
from imagesvc.settings.quantities import written
from imagesvc.settings.sources import ENV_FILE, PREFIX, TOML_FILE, Origin, Sources, decoded
from imagesvc.settings.storage import CacheSettings, RetentionSettings
from imagesvc.settings.work import RetrySettings, WorkTimeSettings


class Settings(
    LogSettings,  # Pydantic validates and lists the fields of the last class first
    RetentionSettings,
    ClusterSettings,
    LimitSettings,
    OidcSettings,
    AccountSettings,
    AddressSettings,
    CdnSettings,
    DeliverySettings,
    TransformSettings,
    CacheSettings,
    RetrySettings,
    ConnectionSettings,
    WorkTimeSettings,
    EventSettings,
    UploadSettings,
    ProcessSettings,
    BaseSettings,
):
    """The settings in force; frozen once read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        toml_file=TOML_FILE,
        frozen=True,
        enable_decoding=False,  # `_decoded` does it, so that its errors are listed with the others
        extra="ignore",
        env_parse_none_str="none",
    )
    _sources: Sources = PrivateAttr(default_factory=Sources)

    @field_validator("*", mode="before")
    @classmethod
    def _decoded(cls, value: object, info: ValidationInfo) -> object:
        """The value of any field, before the validators of the groups see it."""
        return decoded(value, cls.model_fields[info.field_name or ""].annotation)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, `.env`, `imagesvc.toml`: the first that names a setting wins."""
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, file_secret_settings, toml

    @property
    def upload_visibility(self) -> str:
        """The visibility of uploads and collections that name none."""
        if self.default_visibility == "auto":
            return "private" if self.has_accounts else "public"
        return self.default_visibility

    @property
    def tag_header(self) -> str:
        """The header field that names the image of a response, or `off`."""
        return TAG_HEADERS.get(self.cdn, self.cache_tag_header)

    def with_sources(self, sources: Sources) -> Self:
        """The same settings, which know where they come from."""
        copied = self.model_copy()
        copied._sources = sources  # noqa: SLF001  # of the same class
        return copied

    def origin_of(self, name: str) -> Origin:
        """Where the value of a setting comes from."""
        return self._sources.of(name)

    def shown(self) -> dict[str, Any]:
        """The settings as plain values with units, secrets masked."""
        fields, plain = type(self).model_fields, self.model_dump(mode="json")
        values = {name: written(fields[name], value) for name, value in plain.items()}
        removed = dict.fromkeys(DEFAULT_PRESETS.keys() - self.presets.keys(), False)
        return {**values, "presets": {**values["presets"], **removed}}
