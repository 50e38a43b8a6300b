"""The documentation keeps step with the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from imagesvc.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
DOCUMENTED = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", CONFIGURATION, re.MULTILINE))
FIXED_DEFAULTS = [
    name for name, field in Settings.model_fields.items() if field.default_factory is None
]


def test_every_setting_is_documented_and_no_other() -> None:
    """An operator finds each knob in docs/configuration.md, and none that is gone."""
    assert sorted(DOCUMENTED) == sorted(Settings.model_fields)


@pytest.mark.parametrize("name", FIXED_DEFAULTS)
def test_a_documented_default_is_the_default(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the page gives as default, set in the environment as it stands, changes nothing."""
    monkeypatch.chdir(tmp_path)  # no .env and no imagesvc.toml

    monkeypatch.setenv(f"{PREFIX}{name.upper()}", DOCUMENTED[name].strip("`"))

    assert getattr(Settings(), name) == Settings.model_fields[name].default


def test_the_documented_file_is_one_that_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The imagesvc.toml of the page can be copied as it is, and all of it takes effect."""
    monkeypatch.chdir(tmp_path)
    example = re.findall(r"```toml\n(.+?)```", CONFIGURATION, re.DOTALL)[0]
    (tmp_path / "imagesvc.toml").write_text(example)

    in_force = Settings().shown()

    expected = Settings(**tomllib.loads(example)).shown()
    assert in_force == expected
    assert in_force["presets"]["card"] == "w=600&h=315&fit=cover"
