"""Settings: their sources, their units, and the errors for invalid ones."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from starlette.requests import Request

from imagesvc.api.administration.settings import SettingEndpoints
from imagesvc.auth.principals import STRANGER
from imagesvc.cli.loading import load_settings
from imagesvc.http.calls import Call
from imagesvc.settings.images.transforms import DEFAULT_PRESETS
from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import PREFIX, SettingsError
from imagesvc.syntax.hosts import is_loopback


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working directory without files, and an environment without IMAGESVC_* variables."""
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def faults() -> dict[str, str]:
    """The errors of loading: setting or variable to message."""
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return dict(line.split(": ", 1) for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_upload_size", "50MiB", 50 << 20),
        ("max_upload_size", "1kB", 1000),
        ("max_upload_size", "123", 123),
        ("max_upload_size", "1.5 GiB", 3 << 29),
        ("job_timeout", "30", 30.0),
        ("job_timeout", "30s", 30.0),
        ("job_timeout", "500ms", 0.5),
        ("job_timeout", "1.5m", 90.0),
        ("job_timeout", " 2 h ", 7200.0),
        ("gc_grace", "2d", 172800.0),
        ("gc_grace", "0", 0.0),
        ("max_pixels", "100MP", 100_000_000),
        ("max_pixels", "0.5 mp", 500_000),
        ("max_pixels", "4096", 4096),
        ("access_token_lifetime", "5m", 300.0),
        (
            "presets",
            '{"thumbnail": "w=9", "preview": "w=8"}',
            {**DEFAULT_PRESETS, "thumbnail": "w=9", "preview": "w=8"},
        ),
        (
            "presets",
            '{"blurred": false, "card": "w=1", "never-there": false}',
            {k: v for k, v in DEFAULT_PRESETS.items() if k != "blurred"} | {"card": "w=1"},
        ),
        ("max_age", "1h", 3600.0),
        ("eager_presets", "[]", ()),
        ("eager_presets", '["blurred"]', ("blurred",)),
    ],
)
def test_a_setting_accepts_its_units(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    """Users need not count zeros."""
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", text)

    assert getattr(load_settings(), name) == value


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("max_upload_size", "50 potatoes", "such as 500kB, 50MiB or 10GiB"),
        ("max_upload_size", "0", "at least 1 (environment)"),
        ("max_upload_size", "-1", "50MiB"),
        ("job_timeout", "soon", "500ms"),
        ("job_timeout", "0s", "more than 0"),
        ("job_timeout", "1e3", "500ms"),
        ("max_pixels", "100 acres", "100MP"),
        ("workers", "0", "more than 0"),
        ("workers", "many", "a whole number"),
        ("port", "65536", "at most 65535"),
        ("quality_jpeg", "101", "must be at most 100 (environment)"),
        ("log_format", "xml", "'json'"),
        ("presets", "thumbnail", "must be a table, such as IMAGESVC_PRESETS='{"),
        ("presets", '{"thumb nail": "w=9"}', "not a valid name"),
        ("presets", '{"thumbnail": 9}', "must be text"),
        (
            "eager_presets",
            "thumbnail",
            """must be a list, such as IMAGESVC_EAGER_PRESETS='["thumbnail", "preview"]'""",
        ),
        ("trusted_proxies", "127.0.0.1/32", """IMAGESVC_TRUSTED_PROXIES='["10.0.0.0/8"]'"""),
        ("cors_origins", "5", """IMAGESVC_CORS_ORIGINS='["https://app.example.org"]'"""),
        ("signing_keys", "[]", "must be a table"),
        ("url_import_ports", "[]", "must not be empty"),
        ("rate_limit", "fast", "such as 20/s or 100/m burst 50, or off"),
        ("ignored_parameters", '["a b"]', "utm_*"),
        ("watermarks", '{"a": {"text": "x", "color": "red"}}', "a color such as ffffff"),
        ("watermarks", '{"a": {"text": "x", "size": 9}}', "no such key"),
        ("eager_presets", '["nope"]', "no preset nope"),
        ("auth", "perhaps", "'required'"),
        ("trusted_proxies", '["proxy"]', "must be a network such as 10.0.0.0/8"),
        ("url_import_allow", '["10.0.0.1/8/9"]', "network"),
        ("quota_images", "many", "a whole number"),
        ("jwt_jwks", "https://id.test/keys", "set together; jwt_issuer is not"),
        ("host", "", "is empty"),
        ("host", " ", "is empty"),
        ("host", "127.0.0.1,", "with commas between"),
        ("host", '["127.0.0.1", "::1"]', "with commas between, without quotes"),
        ("data_dir", "", "is empty"),
        ("cache_tag_header", "", "is empty"),
        ("fd", "socket", "systemd, descriptors such as 3"),
        ("uds_mode", "rw", "0?[0-7]"),
        ("trusted_proxies", '["tcp"]', "network"),
        ("cdn", "fastly", "requires cdn_zone"),
        ("database_url", "mysql://host/name", "must be a URL such as postgresql://"),
        ("database_url", "postgresql:host", "must be a URL such as postgresql://"),
        ("database_url", "postgresql://a:b:c/d@host/name", "/ is %2F"),
        ("database_url", "postgresql://a:b@c@host/name", "@ is %40"),
        ("database_url", "postgresql://a:b@host-a:5432,host-b:x/name", "host-a:5432,host-b:5432"),
        ("database_url", "postgres://host/name", "requires either secret_key or secret_key_file"),
        ("blob_url", "s3://bucket/prefix", "requires database_url"),
        ("direct_uploads", "true", "requires blob_url"),
        ("delivery_redirects", "true", "requires a blob_url that begins with s3://"),
        ("blob_public_endpoint", "https://s3.example.org", "requires a blob_url of a service"),
        ("blob_url", "ftp://bucket", "must begin with s3://"),
        ("blob_url", "s3://key:secret@bucket/", "credentials"),
        ("secret_key", "5e" * 31, "64 hexadecimal digits"),
        ("secret_key", "xy" * 32, "64 hexadecimal digits"),
        ("cdn", "akamai", "'cloudflare'"),
        ("cdn_zone", "../zone", "must be an id"),
        ("cdn_api_url", "http://api.example.org", "https URL"),
        ("signing_keys", '{"a": ""}', "the key a is empty"),
    ],
)
def test_an_invalid_setting_is_named_with_its_valid_form(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, word: str
) -> None:
    """A traceback does not help with a mistyped number."""
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", text)

    ((where, message),) = faults().items()

    assert where.split(".")[0] == name
    assert word in message
    assert "[" not in where


SECRET_TEXTS = ("http://user:hunter2@host/?a=hunter2", '["https://user:hunter2@host/#"]')
"""No valid value of any setting but `eager_presets`, whose errors show names of presets."""


def test_no_error_shows_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """URLs may have credentials, and errors are logged; the names and the valid form suffice."""
    for text in SECRET_TEXTS:
        with monkeypatch.context() as patched:
            for name in Settings.model_fields.keys() - {"eager_presets"}:
                patched.setenv(f"{PREFIX}{name.upper()}", text)
            messages = reported_errors()
        assert len(messages.splitlines()) > len(Settings.model_fields) / 2
        assert "hunter2" not in messages
    with pytest.raises(SettingsError) as caught:
        load_settings(["hunter2", "speed=hunter2"])

    assert "hunter2" not in str(caught.value)


@pytest.mark.breadth
def test_no_error_of_a_setting_shows_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is checked when each setting is valid by itself says no more."""
    reported = 0
    for name in Settings.model_fields.keys() - {"eager_presets"}:
        for text in SECRET_TEXTS:
            with monkeypatch.context() as patched:
                patched.setenv(f"{PREFIX}{name.upper()}", text)
                messages = reported_errors()
            reported += bool(messages)
            assert "hunter2" not in messages, name

    assert reported > len(Settings.model_fields)


def reported_errors() -> str:
    """The errors of the settings, or nothing."""
    try:
        load_settings()
    except SettingsError as error:
        return str(error)
    return ""


def test_all_errors_are_reported_together(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """Errors of all sources are reported together, so that the next start succeeds."""
    (place / "imagesvc.toml").write_text('max_frames = "x"\ncolour = "red"\n')
    (place / ".env").write_text("IMAGESVC_QUALITY_AVIF=0\nIMAGESVC_SPEED=9\nOTHER_APP=1\n")
    for name, text in {
        "PORT": "x", "PRESETS": "{", "HOST": "0.0.0.0", "AUTH": "off", "EAGER_PRESETS": "[",
        "FOO": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"{PREFIX}{name}", text)

    assert set(faults()) == {
        "port", "presets", "eager_presets", "auth", "max_frames", "quality_avif",
        "colour", "IMAGESVC_FOO", "IMAGESVC_SPEED",
    }  # fmt: skip


def test_unknown_names_and_bad_presets_are_reported_in_one_run(place: Path) -> None:
    """Presets are read by other code than numbers; invalid settings hide none."""
    (place / "imagesvc.toml").write_text('colour = 1\nport = "x"\n[presets]\ncard = "w=0"\n')

    assert set(faults()) == {"colour", "port", "presets.card"}


@pytest.mark.parametrize(
    ("toml", "name", "said"),
    [
        (
            'trusted_proxies = "127.0.0.1/32"',
            "trusted_proxies",
            'must be a list, such as trusted_proxies = ["10.0.0.0/8"] (imagesvc.toml)',
        ),
        ("eager_presets = 3", "eager_presets", 'eager_presets = ["thumbnail", "preview"]'),
        ('watermarks = "logo.png"', "watermarks", 'watermarks = { "logo" = { "image" ='),
        ("quality_avif = 101", "quality_avif", "must be at most 100 (imagesvc.toml)"),
        ("port = 1.5", "port", "must be a whole number (imagesvc.toml)"),
    ],
)
def test_an_error_in_the_file_is_reported_in_the_form_of_the_file(
    place: Path, toml: str, name: str, said: str
) -> None:
    """JSON does not help a reader of TOML."""
    (place / "imagesvc.toml").write_text(toml)

    assert said in faults()[name]


def test_the_source_of_an_error_is_named(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """It is the strongest source that names the setting, where it must be corrected."""
    (place / "imagesvc.toml").write_text('max_frames = "x"\nport = "x"\n')
    (place / ".env").write_text("IMAGESVC_QUALITY_AVIF=0\n")
    monkeypatch.setenv("IMAGESVC_PORT", "y")

    with pytest.raises(SettingsError) as caught:
        load_settings(["max_files=0", "trusted_proxies=1"], workers=0, gc_grace="soon")

    sources = {
        line.partition(":")[0]: line.rpartition(" (")[2].rstrip(")")
        for line in str(caught.value).splitlines()
    }
    assert sources == {
        "port": "environment", "max_frames": "imagesvc.toml", "quality_avif": ".env",
        "max_files": "--set", "trusted_proxies": "--set", "workers": "--workers",
        "gc_grace": "--grace",
    }  # fmt: skip
    assert """--set trusted_proxies='["10.0.0.0/8"]'""" in str(caught.value)


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt limit would not be in force."""
    monkeypatch.setenv("IMAGESVC_MAX_UPLOAD_SIZES", "1MiB")

    assert faults() == {"IMAGESVC_MAX_UPLOAD_SIZES": "there is no such setting"}


@pytest.mark.parametrize("name", ["IMAGESVC_KEY", "IMAGESVC_URL"])
def test_variables_of_the_client_hinder_no_server(
    monkeypatch: pytest.MonkeyPatch, place: Path, name: str
) -> None:
    """The README sets them in the shell that starts the server."""
    monkeypatch.setenv(name, "isk_x")
    (place / ".env").write_text(f"{name}=isk_x\n")

    assert load_settings().port == 8000


def test_own_presets_in_a_file_are_added_to_the_default_ones(place: Path) -> None:
    """Otherwise the routes that need `blurred` and `preview` would disappear."""
    (place / "imagesvc.toml").write_text('[presets]\ncard = "w=600"\nblurred = false\n')

    assert list(load_settings().presets) == ["thumbnail", "preview", "grid", "viewer", "card"]


@pytest.mark.anyio
async def test_admins_see_the_settings_and_where_they_come_from(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    """Values have units, secrets are masked, and the strongest source is named."""
    secret = "long-and-random-" * 4
    (place / "imagesvc.toml").write_text("gc_grace = 7200\nmax_frames = 7\n")
    (place / ".env").write_text("IMAGESVC_QUEUE_SIZE=9\n")
    monkeypatch.setenv("IMAGESVC_SIGNING_KEYS", json.dumps({"a": secret}))
    monkeypatch.setenv("IMAGESVC_MAX_FRAMES", "8")
    settings = load_settings(["max_files=3"], port=8001)

    request = Call(Request({"type": "http"}), STRANGER, None, None)

    answer = await SettingEndpoints(settings).show(request)

    shown = {one["name"]: one for one in json.loads(bytes(answer.body))["data"]}
    found = {name: (one["value"], one["source"], one["place"]) for name, one in shown.items()}
    assert list(shown) == list(Settings.model_fields)
    assert found["gc_grace"] == ("2h", "file", "imagesvc.toml")
    assert found["queue_size"] == ("9", "file", ".env")
    assert found["max_frames"] == ("8", "environment", "environment")
    assert found["max_files"] == ("3", "flag", "--set")
    assert found["port"] == ("8001", "flag", "--port")
    assert found["log_level"] == ("info", "default", "default")
    assert found["admin_key_file"] == (None, "default", "default")
    assert found["signing_keys"][0] == '{ "a" = "**********" }'
    assert secret not in bytes(answer.body).decode()
    assert all(one["description"] for one in shown.values())


def test_an_invalid_toml_file_is_named(place: Path) -> None:
    """The error has the line."""
    (place / "imagesvc.toml").write_text("port = 1\nport = = 2\n")

    assert "line 2" in faults()["imagesvc.toml"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_beyond_loopback_there_are_accounts(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Without them every client of the port may upload and delete: refused, with what to set."""
    monkeypatch.setenv("IMAGESVC_HOST", host)

    assert load_settings().has_accounts

    monkeypatch.setenv("IMAGESVC_AUTH", "off")
    assert "IMAGESVC_AUTH=required" in faults()["auth"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_there_are_accounts_unless_they_are_off(host: str) -> None:
    """A proxy on the same machine cannot be distinguished from a local program."""
    assert is_loopback(host)
    assert load_settings(host=host).has_accounts
    assert load_settings(host=host, trusted_proxies=["127.0.0.1"]).has_accounts
    assert not load_settings(host=host, auth="off").has_accounts


def test_without_accounts_no_proxy_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each visitor of a proxy would be an admin."""
    monkeypatch.setenv("IMAGESVC_AUTH", "off")
    monkeypatch.setenv("IMAGESVC_TRUSTED_PROXIES", '["127.0.0.1"]')

    assert "IMAGESVC_AUTH=required" in faults()["auth"]


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [("auth", "auto", "auth"), ("allowed_hosts", '["a.test"]', "IMAGESVC_ALLOWED_HOSTS")],
)
def test_removed_settings_are_refused_with_their_replacement(
    monkeypatch: pytest.MonkeyPatch, place: Path, name: str, text: str, where: str
) -> None:
    """This holds in the environment and in the file."""
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", text)
    assert "IMAGESVC_AUTH=required" in faults()[where]

    monkeypatch.delenv(f"{PREFIX}{name.upper()}")
    (place / "imagesvc.toml").write_text(f"{name} = {text if text[0] == '[' else repr(text)}\n")
    assert "IMAGESVC_AUTH=required" in faults()[name]


def test_the_key_of_the_upload_command_is_not_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other commands run in the same shell."""
    monkeypatch.setenv("IMAGESVC_KEY", "isk_")

    assert load_settings().port == 8000


OIDC = {
    "oidc_issuer": "https://id.test",
    "oidc_client_id": "photos",
    "public_url": "https://photos.test",
}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, ""),
        ({"oidc_issuer": "http://127.0.0.1:9/realm", "oidc_client_secret": "s"}, ""),
        ({"oidc_client_secret_file": "/run/secrets/x"}, ""),
        ({"oidc_issuer": "off"}, "is required with oidc_client_id"),
        ({"oidc_client_id": "off"}, "requires oidc_client_id"),
        ({"oidc_issuer": "http://id.test"}, "must be an https URL"),
        ({"oidc_issuer": "https://id.test/?a=b"}, "must be an https URL"),
        ({"oidc_issuer": "id.test"}, "must be an https URL"),
        ({"oidc_issuer": "https://ada:hunter2@id.test"}, "must be an https URL"),
        ({"public_url": "off"}, "requires public_url"),
        ({"auth": "off"}, "requires auth = required"),
        ({"oidc_client_secret": "s", "oidc_client_secret_file": "/x"}, "not both"),
    ],
    ids=str,
)
def test_the_log_in_at_a_provider_is_set_up_whole_and_safely(
    changed: dict[str, str], word: str
) -> None:
    """Otherwise codes and secrets would be sent over http, or back to a wrong place."""
    given = {**OIDC, **changed}
    if not word:
        assert load_settings(**given).oidc_issuer == given["oidc_issuer"]
        return
    with pytest.raises(SettingsError, match="oidc_issuer") as caught:
        load_settings(**given)
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("given", "is_right"),
    [
        ({"jwt_issuer": "https://id.test"}, False),
        ({"jwt_issuer": "https://id.test", "jwt_audience": "images"}, False),
        ({"jwt_audience": "images", "jwt_jwks": "keys.json"}, False),
        *(
            ({"jwt_issuer": "https://id.test", "jwt_audience": "images", "jwt_jwks": source}, right)
            for source, right in {
                "https://id.test/keys": True,
                "http://127.0.0.1:9/keys": True,
                "/etc/keys.json": True,
                "http://id.test/keys": False,
                "ftp://id.test/keys": False,
                "https://ada:hunter2@id.test/keys": False,
            }.items()
        ),
    ],
)
def test_an_identity_provider_is_set_up_whole_and_safely(
    given: dict[str, str], is_right: bool
) -> None:
    """Without an audience, tokens for other services would be valid; over http, forged keys."""
    if is_right:
        assert load_settings(**given).jwt_jwks == given["jwt_jwks"]
        return
    with pytest.raises(SettingsError, match="jwt_jwks") as caught:
        load_settings(**given)
    assert "hunter2" not in str(caught.value)


def test_flags_beat_environment_beat_dotenv_beat_toml(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    """The source closest to the user who starts it has precedence."""
    (place / "imagesvc.toml").write_text("port = 1\nmax_frames = 1\nmax_files = 1\nworkers = 1\n")
    (place / ".env").write_text("IMAGESVC_PORT=2\nIMAGESVC_MAX_FRAMES=2\nIMAGESVC_MAX_FILES=2\n")
    monkeypatch.setenv("IMAGESVC_PORT", "3")
    monkeypatch.setenv("IMAGESVC_MAX_FRAMES", "3")

    settings = load_settings(port=4, host=None)

    in_force = (settings.port, settings.max_frames, settings.max_files, settings.workers)
    assert in_force == (4, 3, 2, 1)
    assert settings.host == "127.0.0.1"


def test_settings_do_not_change_once_read() -> None:
    """`imagesvc config` shows the settings in force."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 9  # type: ignore[misc]  # that is the point


def test_every_setting_has_a_description() -> None:
    """Every setting needs a description."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_validators_of_groups_have_different_names() -> None:
    """The class of all settings inherits from each group: an equal name would hide a validator."""
    names = Counter(
        name
        for group in Settings.__mro__
        if group.__module__.startswith("imagesvc.settings.")
        for name in vars(group)["__pydantic_decorators__"].field_validators
        if name in vars(group)
    )

    assert len(names) > 10
    assert [name for name, count in names.items() if count > 1] == []
