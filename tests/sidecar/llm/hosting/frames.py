"""Messages of AWS's event stream as a server writes them, and Bedrock's among them."""

import base64
import json
import struct
import zlib
from typing import Any

# A header: its type, and its value as Python has it.
Header = tuple[int, Any]
_FIXED = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}
EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_bdrk_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
            "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 'hä "\n\\ 1e2'}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 7}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 9, "outputTokenCount": 7}},
]  # fmt: skip


def header(name: bytes, kind: int, value: Any) -> bytes:
    """Return a header as it is written."""
    if kind in (6, 7):
        written = struct.pack(">H", len(value)) + bytes(value)
    elif kind in _FIXED:
        written = struct.pack(_FIXED[kind], value)
    else:
        written = bytes(value) if kind == 9 else b""
    return bytes([len(name)]) + name + bytes([kind]) + written


def frame(headers: bytes, payload: bytes) -> bytes:
    """Return a message as it is written."""
    lengths = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    body = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def message(payload: bytes, **headers: str) -> bytes:
    """Return a message whose headers are text."""
    written = [header(b":" + name.replace("_", "-").encode(), 7, value.encode()) for name, value in headers.items()]
    return frame(b"".join(written), payload)


def chunk(event: bytes) -> bytes:
    """Return a chunk of a model's answer."""
    payload = json.dumps({"bytes": base64.b64encode(event).decode(), "p": "abcdefghijklmnop"}).encode()
    return message(payload, event_type="chunk", content_type="application/json", message_type="event")


def exception(kind: str, **told: Any) -> bytes:
    """Return an exception that ends the answer."""
    return message(
        json.dumps(told).encode(), exception_type=kind, content_type="application/json", message_type="exception"
    )


STREAM = b"".join(chunk(json.dumps(event).encode()) for event in EVENTS)
