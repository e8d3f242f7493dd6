"""For outputs: JSON to and from an HTTP server. Standard library only."""

from __future__ import annotations

import contextlib
import json
import re
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from outrider_config import config_error, tls_context
from outrider_delivery import Attempt, line
from outrider_plugin import PluginError, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from http.client import HTTPResponse
    from typing import Any

    from outrider_plugin import Output, Request

ANSWER, SHOWN = 4096, 200
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"[\t\x20-\x7e]*")


class Endpoint:
    """A URL that takes and gives JSON.

    Args:
        url: With the parts that are secret, so it is never shown.
        config: Has `timeout`, and where plugin.yaml has them `ca_file` and `headers`.
    """

    def __init__(self, url: str, config: dict[str, Any]) -> None:
        # urlsplit drops line ends without a word.
        if not re.fullmatch(r"https?://[^\s/?#@]+([/?#][!-~]*)?", url, re.ASCII) or not url.isascii():
            raise config_error("url", "no URL", "http:// or https:// with a host, and no user in it")
        try:
            parts = urlsplit(url)
            self.port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise config_error("url", "no URL", "a host, and a port from 1 to 65535") from error
        if not parts.hostname:
            raise config_error("url", "a URL without a host", "http:// or https:// with a host")
        self.host = parts.hostname
        self.server = f"{parts.hostname}:{self.port}"
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.context = tls_context(config.get("ca_file")) if parts.scheme == "https" else None
        self.timeout = seconds(config["timeout"])
        self.headers = self._headers(parts.netloc, config.get("headers", {}))

    def exchange(
        self, plugin: Output, request: Request, body: bytes | None, *, query: str = "", limit: int = ANSWER
    ) -> tuple[int, str]:
        """POST a body, or GET without one; return the status, which is of success, and the answer up to a limit.

        Raises:
            PluginError: There was no answer, or another one; it says whether to try again.
        """
        path = self.path + (f"?{query}" if query else "")
        with Attempt(plugin, request, server=self.server, timeout=self.timeout) as attempt:
            connection = attempt.connect(self.host, self.port)
            if self.context is not None:
                connection = attempt.secured(connection, self.context, self.host)
            with contextlib.closing(connection):
                response = self._ask(connection, path, body)
                text = b""
                # With its status the answer is known; where the rest is lost, doing it again would do it twice.
                with contextlib.suppress(OSError, HTTPException):
                    text = response.read(limit)
        answer = text.decode("utf-8", "replace")
        if not 200 <= response.status < 300:
            raise refused(
                response.status, f"{response.reason} {answer}", wait=wait_of(response.getheader("Retry-After"))
            )
        return response.status, answer

    def _headers(self, host: str, given: dict[str, str]) -> dict[str, str]:
        for name, value in given.items():
            # The schema does not see what a secret holds.
            if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
                raise config_error("headers", f"{name!r} with its value", "ASCII text on one line")
        own = {
            "Host": host,
            "Content-Type": "application/json",
            "User-Agent": "outrider",
            "Connection": "close",
        }
        names = {name.lower() for name in given}
        return {name: value for name, value in own.items() if name.lower() not in names} | given

    def _ask(self, connection: socket.socket, path: str, body: bytes | None) -> HTTPResponse:
        client = HTTPConnection(self.host, self.port)
        client.sock = connection
        try:
            client.request("GET" if body is None else "POST", path, body, self.headers)
            return client.getresponse()
        except HTTPException as error:
            if isinstance(error, OSError):
                raise
            raise ConnectionError(f"the answer is not HTTP ({type(error).__name__})") from error


def refused(status: int, text: str, *, wait: float | None = None) -> PluginError:
    """Return the error for a status that is not of success."""
    later = {429: "LIMITED"}.get(status, "UNAVAILABLE" if status >= 500 else "")
    message = line(f"the server answered {status} {text}", SHOWN)
    error = PluginError(message, code=later or "EXECUTION_FAILED", retryable=bool(later))
    if later and wait is not None:
        error.body["retry_after"] = wait
    return error


def wait_of(text: str | None) -> float | None:
    """Return the seconds that `Retry-After` asks for (RFC 9110, 10.2.3; some services send fractions), or None."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def encoded(document: Any) -> bytes:
    """Return a document as JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
