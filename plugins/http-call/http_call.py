"""Action: sends one HTTP request to the server of its configuration, below its base path and nowhere else."""

from __future__ import annotations

import http.client
import json
import re
import time
from urllib.parse import quote, unquote, urlencode

from http_exchange import Answer, Exchange, Server
from outrider_config import url_server
from outrider_plugin import Action, CancelledError, PluginError, Request, main, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from typing import Any

TICK = 0.05
SHOWN = 500
HEADER_LIMIT = 1024
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# What frames the message or belongs to the connection is this plugin's own.
RESERVED = {
    "connection",
    "content-length",
    "expect",
    "idempotency-key",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
RETURNED = ("Content-Type", "ETag", "Last-Modified", "Location", "Retry-After", "X-Request-Id")


class HttpCall(Action):
    """One server."""

    def setup(self) -> None:
        parts, host, port = url_server(self.config["url"])
        self.server = Server(host, port, self._trust() if parts.scheme == "https" else None)
        self.authority = parts.netloc
        self.base = parts.path.rstrip("/")
        self.headers = checked_headers(self.config["headers"], "config.headers", RESERVED)
        self.timeout = seconds(self.config["timeout"])

    def _trust(self) -> ssl.SSLContext:
        import ssl  # noqa: PLC0415 - 4 MB that plain HTTP does not need

        file = self.config.get("ca")
        try:
            return ssl.create_default_context(cafile=file)
        except OSError as error:
            raise PluginError(
                f"config.ca is {file}, expected a file with certificates: {error}", code="INVALID_CONFIG"
            ) from error

    def execute(self, request: Request) -> dict[str, Any]:
        method = request.input["method"]
        try:
            target = self.base + request_target(request.input["path"], request.input.get("query", {}))
            body, content_type = encoded(request.input.get("body"))
            headers = self._headers(request, content_type)
        except ValueError as error:
            raise PluginError(f"with: {error}", code="INVALID_CONFIG") from error
        exchange = Exchange(self.server, method=method, target=target, headers=headers, body=body)
        answer = self._await(exchange, request)
        good = self.config["expect"] or range(200, 300)
        if answer.status not in good:
            raise refusal(answer)
        request.log(f"{method} {self.authority}{target}: {answer.status} {answer.reason}".rstrip())
        return {
            "status": answer.status,
            "headers": {name.lower(): answer.headers[name][:HEADER_LIMIT] for name in RETURNED if answer.headers[name]},
            "body": content(answer),
            "truncated": answer.truncated,
            "summary": f"{method} {request.input['path']} · {answer.status}",
        }

    def _headers(self, request: Request, content_type: str) -> dict[str, str]:
        taken = RESERVED | {"host"} | {name.lower() for name in self.headers}
        given = checked_headers(request.input.get("headers", {}), "headers", taken)
        own = {"Host": self.authority, "User-Agent": "outrider-http-call", "Accept-Encoding": "identity"}
        if content_type:
            own["Content-Type"] = content_type
        if request.idempotency_key:
            own["Idempotency-Key"] = request.idempotency_key
        present = {name.lower() for name in (*self.headers, *given)}
        return {name: value for name, value in own.items() if name.lower() not in present} | self.headers | given

    def _await(self, exchange: Exchange, request: Request) -> Answer:
        timeout = min(self.timeout, request.timeout)
        deadline = time.monotonic() + timeout
        exchange.start(timeout)
        while not exchange.ended.wait(TICK):
            if request.cancelled or self.stopping:
                exchange.abort()
                raise CancelledError
            if time.monotonic() > deadline:
                exchange.abort()  # what the exchange makes of that is no answer, and no reason
                raise self._late(timeout)
        if exchange.answer is not None:
            return exchange.answer
        # The thread may be the first to see that the time is over.
        if exchange.error is None or isinstance(exchange.error, TimeoutError):
            raise self._late(timeout)
        raise connection_failure(self.authority, exchange.error)

    def _late(self, timeout: float) -> PluginError:
        return PluginError(f"no answer from {self.authority} within {timeout:g} s", code="TIMEOUT", retryable=True)


def checked_headers(given: Mapping[str, str], field: str, taken: set[str]) -> dict[str, str]:
    """Return the headers; what the schema cannot see, such as a secret's text, is checked here.

    Raises:
        PluginError: A name or a value would break the message, or the name is not free.
    """
    for name, value in given.items():
        expected = ""
        if not TOKEN.fullmatch(name):
            expected = "a header's name"
        elif name.lower() in taken:
            expected = "a header that is free to set"
        elif CONTROL.search(value):
            expected = "a value without control characters"
        if expected:
            # The value is not shown: it may be a secret.
            raise PluginError(f"{field}: {name!r} was given, expected {expected}", code="INVALID_CONFIG")
    return dict(given)


def request_target(path: str, query: Mapping[str, Any]) -> str:
    """Return path and query as they stand in the request line.

    Raises:
        ValueError: The path would lead out of the base path, or is none.
    """
    # Servers differ in what they decode first, so dots count however they are written; some cut a segment at `;`.
    parts = re.split(r"[/\\]", unquote(path))
    if any(part.partition(";")[0] in {".", ".."} for part in parts):
        raise ValueError(f"path is {path!r}, expected one without . and .. as parts")
    if not path.startswith("/") or path.startswith("//") or re.search(r"[\x00-\x1f\x7f?#\\]", path):
        raise ValueError(f"path is {path!r}, expected / and a path; the query has a field of its own")
    fields = {name: json.dumps(value) if isinstance(value, bool) else value for name, value in query.items()}
    return quote(path, safe="/%:@!$&'()*+,;=~") + ("?" + urlencode(fields) if fields else "")


def encoded(body: Any) -> tuple[bytes | None, str]:
    """Return the body's bytes and their type; None where there is no body."""
    if body is None:
        return None, ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode(), "application/json"


def content(answer: Answer) -> Any:
    """Return the body's data where it is whole JSON, else its text."""
    text = answer.body.decode("utf-8", "replace")
    media_type = (answer.headers["Content-Type"] or "").partition(";")[0].strip().lower()
    if answer.truncated or not (media_type == "application/json" or media_type.endswith("+json")):
        return text
    try:
        value = json.loads(text)
        # JSON may hold what a message of the protocol cannot: half a surrogate pair, or a number that is none.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return text
    return value


def refusal(answer: Answer) -> PluginError:
    """Return the error for a status that is no success."""
    shown = answer.body.decode("utf-8", "replace").strip()[:SHOWN]
    message = f"the server answered {answer.status} {answer.reason}".rstrip() + (f": {shown}" if shown else "")
    if answer.status == 429:
        error = PluginError(message, code="LIMITED", retryable=True)
    elif answer.status >= 500:
        error = PluginError(message, code="UNAVAILABLE", retryable=True)
    else:
        return PluginError(message)
    after = answer.headers["Retry-After"] or ""
    if re.fullmatch(r"[0-9]{1,5}", after):
        error.body["retry_after"] = int(after)
    return error


def connection_failure(authority: str, error: Exception) -> PluginError:
    """Return the error for a request without an answer."""
    if type(error).__name__ == "SSLCertVerificationError":
        return PluginError(f"{authority}: its certificate is not accepted: {error}")
    if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
        reason = f"the answer is not HTTP, or ends early: {type(error).__name__}"
    else:
        reason = getattr(error, "strerror", None) or str(error)
    return PluginError(f"{authority}: {reason}", code="CONNECTION_FAILED", retryable=True)


main(HttpCall)
