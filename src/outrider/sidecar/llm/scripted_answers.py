"""What a script answers in place of a provider, at every endpoint that it serves."""

from typing import Any

from outrider.sidecar.llm import scripted
from outrider.sidecar.llm.attempt import Record
from outrider.sidecar.llm.script import Script, last_text
from outrider.sidecar.llm.scripted_embeddings import embeddings
from outrider.sidecar.llm.usage import Usage


def scripted_answer(record: Record, asked: dict[str, Any], script: Script, *, stream: bool) -> tuple[bytes, Usage]:
    """Return an answer and what it would have used.

    Args:
        record: The call.
        asked: Its body.
        script: Says what.
        stream: Whether it is to come as a stream of events.

    Raises:
        InvalidConfigError: The call is none that can be answered.
    """
    endpoint = record.endpoint.name
    if endpoint == scripted.EMBEDDINGS:
        tokens = record.estimate
        return embeddings(asked, scripted.MODEL, tokens), Usage(input=tokens)
    entry = script.answer(last_text(asked))
    usage = scripted.usage_of(record.size, entry)
    wants_usage = record.call.wants_usage
    return scripted.render(endpoint, entry, usage, record.id, stream=stream, tell_usage=wants_usage), usage
