"""The results of a verification."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """The results of a verification: files, with their images."""

    verified: int = 0
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    without_row: list[str] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    """Files that this user may not read or write."""
    database: list[str] = field(default_factory=list)
    """The damage of the database; its rows are then not compared."""
    dangling: list[str] = field(default_factory=list)
    """Rows that point at lost rows; with `repair`, those that were left."""
    mended: int = 0
    """Such rows that were removed or changed."""
    newer: list[str] = field(default_factory=list)
    """Set if a newer version has made the database; rows are then not compared."""
    schema: list[str] = field(default_factory=list)
    """The difference of the schema from the expected one; rows are then not compared."""
    secret: list[str] = field(default_factory=list)
    """The error in the service's secret."""

    @property
    def is_sound(self) -> bool:
        """Whether every row has its intact blob. Blobs without a row are left for `gc`."""
        faults = (
            self.database, self.dangling, self.newer, self.schema, self.secret,
            self.damaged, self.missing, self.denied,
        )  # fmt: skip
        return not any(faults)
