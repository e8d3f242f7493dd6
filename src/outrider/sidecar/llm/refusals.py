"""How calls are refused: as clients of their dialect read it, and so that whoever watches the agent hears of it."""

from collections.abc import Callable

from outrider.core.sidecar_settings import Dialect
from outrider.sidecar.activity import RefusedCall
from outrider.sidecar.llm.attempt import Record
from outrider.sidecar.llm.dialects import Endpoint, error_document
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.messages import JSON_FIELDS, Field

# Characters of what is told.
LONGEST_ALIAS, LONGEST_MESSAGE = 128, 500


def refuse(
    exchange: Exchange, dialect: Dialect, status: int, code: str, message: str, *, fields: list[Field] | None = None
) -> None:
    """Answer with an error, as clients of a dialect read it."""
    exchange.answer(status, [*JSON_FIELDS, *(fields or [])], error_document(dialect, status, code, message))


class Refusals:
    """Refuses calls of the agent.

    Args:
        told: Hears of each.
    """

    def __init__(self, told: Callable[[RefusedCall], None]) -> None:
        self._told = told

    def request(
        self, exchange: Exchange, endpoint: Endpoint, status: int, code: str, message: str, *, alias: str = "",
        fields: list[Field] | None = None,
    ) -> None:  # fmt: skip
        """Refuse what is no call yet."""
        refuse(exchange, endpoint.dialect, status, code, message, fields=fields)
        self._told(RefusedCall(alias=alias[:LONGEST_ALIAS], code=code, message=message[:LONGEST_MESSAGE]))

    def call(
        self, exchange: Exchange, record: Record, status: int, code: str, message: str, *, fields: list[Field] | None = None
    ) -> None:  # fmt: skip
        """Refuse a call."""
        self.request(exchange, record.endpoint, status, code, message, alias=record.alias, fields=fields)

    def unpaid(self, exchange: Exchange, record: Record) -> None:
        """Refuse a call for which no money is left."""
        # Clients repeat what is answered with 429; a budget is as empty a second later.
        self.call(exchange, record, 402, "budget_exceeded", "the budget of this period is used up")
