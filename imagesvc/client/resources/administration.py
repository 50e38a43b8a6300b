"""The service as a whole, for administrators."""

from __future__ import annotations

from ..calls import API, Call, model
from ..flows import Flow, answered
from ..methods import method
from ..models import Settings


class Administration:
    """The methods of administrators."""

    @method
    def settings(self) -> Flow[Settings]:
        """The settings in force, secrets masked, and where each comes from."""
        return answered(Call("GET", f"{API}/settings", model(Settings)))
