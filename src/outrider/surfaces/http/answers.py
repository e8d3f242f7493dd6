"""Answers with a JSON body, and how routes that give one are described."""

from typing import Any

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from outrider.core.codec import encode

JSON = "application/json"
TRACE_HEADER = "outrider-trace-id"


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Return an answer whose body is `value` as JSON."""
    return Response(encode(value), status_code=status, media_type=JSON, headers=headers or {})


def gives(target: Any, summary: str) -> dict[str, Any]:
    """Return what a route's decorator must be told where the route writes its body itself."""
    answer = ResponseSpec(data_container=target, description="", generate_examples=False)
    return {"summary": summary, "responses": {200: answer}, "status_code": 200}
