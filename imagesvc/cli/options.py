"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDirOption = Annotated[
    Path | None, typer.Option(help="Where everything is stored.", readable=False)
]
"""A directory that this user may not read is described by `DataDir.require`."""
TO = ("--to", "--url")
"""Of commands that use a service; `--url` is another name of `--to`."""
ToOption = Annotated[
    str | None,
    typer.Option(
        *TO,
        help="The service: https://images.example.org. Default: that of the data directory.",
        envvar="IMAGESVC_URL",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting, written as in a variable."),
]
WorkersOption = Annotated[int | None, typer.Option(help="Worker processes.")]
LogFormatOption = Annotated[str | None, typer.Option(help="auto, text or json.")]
LogLevelOption = Annotated[str | None, typer.Option(help="debug, info, warning, error.")]
