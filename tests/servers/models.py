"""A provider of models that answers in OpenAI's, Anthropic's and Gemini's dialects, and counts what it has told."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

WORDS = ["Hello", " from", " far", " away"]
TEXT = "".join(WORDS)
INPUT, OUTPUT = 11, 4


class ModelServer:
    """The provider, on a free port.

    Args:
        key: The one that it takes.
        pause: Seconds between the events of a stream.
        host: Address at which it listens.

    Attributes:
        told: Tokens of prompts and answers that it has told, for each answer.
        models: What it was asked for, in order.
    """

    def __init__(self, key: str, *, pause: float = 0.0, host: str = "127.0.0.1") -> None:
        self.key = key
        self.pause = pause
        self.told: list[tuple[int, int]] = []
        self.models: list[str] = []
        server = self

        class Handler(_Handler):
            provider = server

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        """Its address."""
        return "http://{}:{}".format(*self._server.server_address[:2])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider: ModelServer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        given = (
            self.headers.get("x-api-key")
            or self.headers.get("x-goog-api-key")
            or (self.headers.get("authorization") or "").removeprefix("Bearer ")
        )
        if given != self.provider.key:
            self._answer({"error": {"message": f"the key {given} is wrong"}}, status=401)
            return
        path = self.path.partition("?")[0]
        self.provider.models.append(body.get("model") or path.partition("/models/")[2].partition(":")[0])
        if path.endswith("/chat/completions"):
            self._chat(body)
        elif path.endswith("/responses"):
            self._count()
            message = {
                "type": "message",
                "id": "m",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": TEXT, "annotations": []}],
            }
            usage = {
                "input_tokens": INPUT,
                "output_tokens": OUTPUT,
                "total_tokens": INPUT + OUTPUT,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            }
            self._answer(
                {
                    "id": "r",
                    "object": "response",
                    "created_at": 1,
                    "model": "m",
                    "output": [message],
                    "parallel_tool_calls": False,
                    "tool_choice": "auto",
                    "tools": [],
                    "usage": usage,
                }
            )
        elif path.endswith("/messages"):
            self._messages(body)
        else:
            self._gemini(streamed="streamGenerateContent" in path)

    def _count(self) -> None:
        self.provider.told.append((INPUT, OUTPUT))

    def _chat(self, body: dict[str, Any]) -> None:
        usage = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}
        common = {"id": "c", "created": 1, "model": body["model"]}
        self._count()
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
            self._answer({**common, "object": "chat.completion", "choices": [choice], "usage": usage})
            return
        chunks = [
            {
                **common,
                "object": "chat.completion.chunk",
                "choices": [
                    {"index": 0, "delta": {"content": word} if word else {}, "finish_reason": None if word else "stop"}
                ],
                "usage": None,
            }
            for word in [*WORDS, ""]
        ]
        if (body.get("stream_options") or {}).get("include_usage"):
            chunks.append({**common, "object": "chat.completion.chunk", "choices": [], "usage": usage})
        self._stream([f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"])

    def _messages(self, body: dict[str, Any]) -> None:
        message = {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "stop_reason": None,
            "stop_sequence": None,
            "content": [],
        }
        self._count()
        if not body.get("stream"):
            usage = {"input_tokens": INPUT, "output_tokens": OUTPUT}
            self._answer(
                {**message, "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "usage": usage}
            )
            return
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {**message, "usage": {"input_tokens": INPUT, "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
                for word in WORDS
            ),
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": OUTPUT},
            },
            {"type": "message_stop"},
        ]
        self._stream([f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events])

    def _gemini(self, *, streamed: bool) -> None:
        usage = {"promptTokenCount": INPUT, "candidatesTokenCount": OUTPUT, "totalTokenCount": INPUT + OUTPUT}
        self._count()

        def part(text: str) -> dict[str, Any]:
            return {"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}}], "usageMetadata": usage}

        if streamed:
            self._stream([f"data: {json.dumps(part(word))}\r\n\r\n" for word in WORDS])
        else:
            self._answer(part(TEXT))

    def _answer(self, document: Any, status: int = 200) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: list[str]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            data = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            time.sleep(self.provider.pause)
        self.wfile.write(b"0\r\n\r\n")
