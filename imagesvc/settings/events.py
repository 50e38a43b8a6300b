"""Events, and their delivery to webhooks."""

from __future__ import annotations

from pydantic import BaseModel, Field, IPvAnyNetwork

from imagesvc.settings.quantities import Seconds


class EventSettings(BaseModel):
    """How long events are kept, and how webhooks are called."""

    event_retention: Seconds = Field(604800.0, description="How long events are kept.")
    webhook_timeout: Seconds = Field(10.0, description="Time a webhook may take to answer.")
    webhook_retry_delay: Seconds = Field(5.0, description="Delay after a first failed attempt.")
    webhook_disable_after: Seconds = Field(
        3 * 86_400.0, description="Time of continuous failures that disables a webhook."
    )
    webhook_allow: tuple[IPvAnyNetwork, ...] = Field(
        (), description="Networks allowed for webhooks besides public addresses."
    )
