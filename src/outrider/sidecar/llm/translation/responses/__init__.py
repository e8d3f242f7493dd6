"""OpenAI's responses."""

from outrider.sidecar.llm.translation.responses.answer import read_answer, write_answer
from outrider.sidecar.llm.translation.responses.request import read_request, write_request
from outrider.sidecar.llm.translation.responses.stream import StreamReader, StreamWriter

__all__ = ["StreamReader", "StreamWriter", "read_answer", "read_request", "write_answer", "write_request"]
