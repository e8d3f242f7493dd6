"""OpenAI's chat completions."""

from outrider.sidecar.llm.translation.chat.answer import read_answer, write_answer
from outrider.sidecar.llm.translation.chat.request import read_request, write_request
from outrider.sidecar.llm.translation.chat.stream import StreamReader, StreamWriter

__all__ = ["StreamReader", "StreamWriter", "read_answer", "read_request", "write_answer", "write_request"]
