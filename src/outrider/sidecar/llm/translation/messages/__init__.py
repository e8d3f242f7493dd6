"""Anthropic's messages."""

from outrider.sidecar.llm.translation.messages.answer import read_answer, write_answer
from outrider.sidecar.llm.translation.messages.request import MAX_TOKENS, read_request, write_request
from outrider.sidecar.llm.translation.messages.stream import StreamReader, StreamWriter

__all__ = ["MAX_TOKENS", "StreamReader", "StreamWriter", "read_answer", "read_request", "write_answer", "write_request"]
