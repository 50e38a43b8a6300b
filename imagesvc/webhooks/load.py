"""How many deliveries may be sent at the same time for one webhook, and for one user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from imagesvc.store.webhooks.outbox import Due

MAX_OF_ONE = 2
"""For one webhook, so that slow receivers do not delay others."""
MAX_OF_OWNER = 6
"""For all webhooks of one user, so that the receivers of one user do not delay those of others."""


class Load:
    """How many deliveries are being sent for each webhook and for each user."""

    def __init__(self, running: Iterable[Due]) -> None:
        running = list(running)
        self._of_webhook = Counter(due.webhook_id for due in running)
        self._of_owner = Counter(due.owner_id for due in running if due.owner_id is not None)

    @property
    def busy_webhooks(self) -> list[UUID]:
        """The webhooks to which no more may be sent now."""
        return [key for key, count in self._of_webhook.items() if count >= MAX_OF_ONE]

    @property
    def busy_owners(self) -> list[UUID]:
        """The users for whose webhooks no more may be sent now."""
        return [key for key, count in self._of_owner.items() if count >= MAX_OF_OWNER]

    def takes(self, due: Due) -> bool:
        """Whether a delivery may be sent in addition to the current ones; if so, it is counted."""
        if due.webhook_id in self.busy_webhooks or due.owner_id in self.busy_owners:
            return False
        self._of_webhook[due.webhook_id] += 1
        if due.owner_id is not None:
            self._of_owner[due.owner_id] += 1
        return True
