"""What goes to a provider: the call as it came, or translated into the provider's dialect."""

from typing import TYPE_CHECKING

from outrider.sidecar.llm.attempt import CallAttempt, Record
from outrider.sidecar.llm.hosting.host import Outgoing
from outrider.sidecar.llm.requests import uncompressed
from outrider.sidecar.llm.routes import Provider
from outrider.sidecar.proxy.messages import Request

if TYPE_CHECKING:
    from outrider.sidecar.llm.gate import LlmGate


def prepared(
    gate: "LlmGate", request: Request, record: Record, provider: Provider, *, trial: int, moment: float
) -> tuple[CallAttempt, Outgoing]:
    """Return a try at a call, and the request that it sends.

    Args:
        gate: Accounts for the try.
        request: What the client sent.
        record: The call.
        provider: Who is asked.
        trial: Which trial of the provider's circuit it is; 0 for none.
        moment: Seconds since the epoch, for signatures.

    Raises:
        OutriderError: The provider's dialect cannot say what is asked, or the provider's key cannot be had.
    """
    make = _plain if provider.dialect == record.endpoint.dialect else _translated
    return make(gate, request, record, provider, trial=trial, moment=moment)


def _plain(
    gate: "LlmGate", request: Request, record: Record, provider: Provider, *, trial: int, moment: float
) -> tuple[CallAttempt, Outgoing]:
    endpoint, call = record.endpoint, record.call
    model = provider.model or record.alias
    record.asks_usage = endpoint.usage_on_request and call.stream and not call.wants_usage
    body = request.body
    if endpoint.dialect != "gemini":  # there the path names the model
        body = call.body(model, usage=record.asks_usage)
    outgoing = provider.outgoing(record.path, uncompressed(request), body, model=model, moment=moment)
    return CallAttempt(gate, record, provider, trial=trial), outgoing


def _translated(
    gate: "LlmGate", request: Request, record: Record, provider: Provider, *, trial: int, moment: float
) -> tuple[CallAttempt, Outgoing]:
    from outrider.sidecar.llm.crossing import (  # noqa: PLC0415 - most gateways never translate
        CrossingAttempt,
        fields_of,
        translation,
    )

    translated = translation(record, provider)
    model = provider.model or record.alias
    body = translated.request(request.body, model)
    fields = fields_of(translated, uncompressed(request))
    outgoing = provider.outgoing(translated.path(), fields, body, model=model, moment=moment)
    record.asks_usage = False
    return CrossingAttempt(gate, record, provider, translated, trial=trial), outgoing
