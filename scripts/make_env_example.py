"""Write `.env.example`: every setting with its default and what it does, as comments."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from imagesvc.settings.settings import Settings
from imagesvc.settings.sources import PREFIX

HEAD = """\
# Copy this file to .env, next to compose.yaml or in the working directory of imagesvc, and remove
# the "# " before the settings to change. docs/configuration.md has more about each. If the file has
# secrets, let only its owner read it: chmod 600 .env

# For compose.yaml and compose.cluster.yaml: the host name of the site.
SITE=images.example.org

# For both, too: a folder of another disk for backups, which belongs to user 10001. Default: a
# volume beside that of the data.
# BACKUPS=/mnt/backups/imagesvc

# For compose.cluster.yaml: two passwords of letters and digits, each from: openssl rand -hex 24
# POSTGRES_PASSWORD=
# S3_SECRET=

# For compose.cluster.yaml: how many workers run. Default: 1.
# WORKERS=2
"""


def text() -> str:
    """The content of the file."""
    shown = Settings(_env_file=None).shown()
    blocks = [HEAD]
    for name, field in Settings.model_fields.items():
        value = "" if field.default_factory else _written(shown[name])  # that of the machine
        blocks.append(f"\n# {field.description}\n# {PREFIX}{name.upper()}={value}\n")
    return "".join(blocks)


def _written(value: object) -> str:
    """A value as in a file of variables; nothing for one that is not set."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list, tuple)):
        return f"'{json.dumps(value)}'"
    return f"'{value}'" if " " in str(value) else str(value)


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else ".env.example").write_text(text())
