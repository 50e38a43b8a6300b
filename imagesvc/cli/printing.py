"""Commands that print a document: the settings in force, and the description of the API."""

from __future__ import annotations

import sys

import typer

from imagesvc.app.operations import api_document
from imagesvc.cli.loading import load_settings
from imagesvc.cli.options import DataDirOption, SetOption
from imagesvc.service.engine.transforms import read_watermarks
from imagesvc.service.identity.accounts import read_admin_key
from imagesvc.settings.sources import toml_text


def config(data_dir: DataDirOption = None, settings_given: SetOption = None) -> None:
    """Print the settings in force as an imagesvc.toml, secrets masked."""
    settings = load_settings(settings_given or (), (read_watermarks,), data_dir=data_dir)
    read_admin_key(settings)
    for name, value in settings.shown().items():
        typer.echo(f"# {name} is not set" if value is None else f"{name} = {toml_text(value)}")


def openapi() -> None:
    """Print the OpenAPI document of the API."""
    sys.stdout.write(api_document().decode())
