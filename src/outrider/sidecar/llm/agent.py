"""Whose calls a gateway takes."""

from outrider.sidecar.llm.buckets import Limits
from outrider.sidecar.llm.budget import Budget


class Agent:
    """Who calls, and its bounds.

    Args:
        name: As the ledger shows it.
        keys: Its virtual keys; without one everybody who reaches the gateway may call.
        limits: Its rates.
        budget: Its money; None for no bound.
    """

    def __init__(self, name: str, keys: frozenset[bytes], limits: Limits, budget: Budget | None) -> None:
        self.name, self.keys, self.limits, self.budget = name, keys, limits, budget

    def admits(self, key: bytes) -> bool:
        """Return whether a call with this key may come in."""
        return not self.keys or key in self.keys
