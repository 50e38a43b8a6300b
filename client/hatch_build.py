"""Builds `imagesvc_client` of the modules in `imagesvc/client` and `imagesvc/errors`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Modules(BuildHookInterface[Any]):
    """Names the files of the package, in a clone; an sdist has them already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them to a wheel or an sdist."""
        if version == "editable":
            raise NotImplementedError("In a clone, `pip install --editable .` has imagesvc.client.")
        package = Path(self.root).parent / "imagesvc"
        if (Path(self.root) / "imagesvc_client").is_dir():
            return
        client = package / "client"
        modules = {str(path.relative_to(client)): path for path in client.rglob("*.py")}
        del modules["errors.py"]  # names the errors of the service, which are copied instead
        modules |= {f"errors/{path.name}": path for path in (package / "errors").glob("*.py")}
        modules["py.typed"] = package / "py.typed"
        build_data["force_include"] |= {
            str(path): f"imagesvc_client/{name}" for name, path in modules.items()
        }
