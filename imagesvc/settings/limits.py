"""Limits of one requester: rates, and quotas of images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ByteSize, Field, PositiveInt

RateText = Annotated[str, Field(pattern="^(off|[1-9][0-9]{0,5}/[smh]( burst [1-9][0-9]{0,5})?)$")]


class LimitSettings(BaseModel):
    """The rates of requesters, and the quotas of owners."""

    rate_limits: Literal["auto", "on", "off"] = Field(
        "auto", description="Whether the rates apply; auto: if there are accounts."
    )
    rate_limit: RateText = Field("50/s burst 200", description="Requests of one user.")
    rate_limit_anonymous: RateText = Field(
        "10/s burst 50", description="Requests of one address without a valid credential."
    )
    rate_limit_login: RateText = Field(
        "10/m", description="Attempts to log in from one address; ten times as many as one user."
    )
    rate_limit_render: RateText = Field(
        "2/s burst 100", description="New variants made for strangers at one address."
    )
    quota_images: PositiveInt | None = Field(
        None, description="Images that one owner may keep; none: any number."
    )
    quota_bytes: ByteSize | None = Field(
        None, description="Bytes of originals that one owner may keep; none: any number."
    )
    max_links: PositiveInt = Field(
        1_000, description="Shares that one user may have, and as many links for uploads."
    )
