"""Time limits of renderings, and attempts of jobs."""

from __future__ import annotations

from pydantic import BaseModel, Field, PositiveInt

from imagesvc.settings.quantities import Seconds


class WorkTimeSettings(BaseModel):
    """Time limits of work."""

    job_timeout: Seconds = Field(60.0, description="Time an operation of a job may take.")
    transform_timeout: Seconds = Field(30.0, description="Time an on-demand variant may take.")


class RetrySettings(BaseModel):
    """Attempts of a job."""

    max_attempts: PositiveInt = Field(3, description="Attempts of a job before it has failed.")
    retry_delay: Seconds = Field(2.0, description="Delay before the second attempt; doubles.")
