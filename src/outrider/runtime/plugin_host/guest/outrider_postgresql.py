"""For plugins that use a PostgreSQL database: the parameters of a connection, and its end. Needs psycopg."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from urllib.parse import unquote, urlsplit

import psycopg
from outrider_config import config_error, host_and_port
from outrider_delivery import line

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

URL = r"postgres(?:ql)?://[^\s/?#@:\[\]]+@(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}/[^\s/?#]+"
TOLD = 300
# From this version on libpq can refuse to send a password that anybody on the way could read.
LIBPQ_WITH_REQUIRE_AUTH = 160000


def connection_parameters(config: dict[str, Any]) -> dict[str, Any]:
    """Return what libpq needs to connect.

    Args:
        config: Has `url` and `sslmode`, perhaps `password` and `ca_file`.

    Raises:
        PluginError: They do not fit together.
    """
    url = config["url"]
    if not re.fullmatch(URL, url):
        raise config_error("url", "another address", "postgresql://user@host:port/database, without a password")
    parts = urlsplit(url)
    host, port = host_and_port("url", parts.netloc.rpartition("@")[2])
    texts = {"user": unquote(parts.username or ""), "dbname": unquote(parts.path[1:])}
    for field in ("password", "ca_file"):
        texts |= {field: config[field]} if field in config else {}
    for name, text in texts.items():
        if "\0" in text:
            raise config_error(name if name in config else "url", "a text with a NUL", "a text without one")
    if "ca_file" in texts:
        if config["sslmode"] != "verify-full":
            raise config_error("sslmode", config["sslmode"], "verify-full where there is a ca_file")
        texts["sslrootcert"] = texts.pop("ca_file")
    given = {**texts, "host": host, "port": port, "sslmode": config["sslmode"]}
    if given["sslmode"] in {"disable", "prefer"} and psycopg.pq.version() >= LIBPQ_WITH_REQUIRE_AUTH:
        given["require_auth"] = "!password"
    if given["sslmode"] == "verify-full":
        given.setdefault("sslrootcert", "system")
    return {"application_name": "outrider", "client_encoding": "UTF8", "gssencmode": "disable", **given}


def cut(connection: psycopg.AsyncConnection[Any]) -> None:
    """End a connection under the feet of who uses it."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as handle:
        handle.shutdown(socket.SHUT_RDWR)


def told(error: BaseException) -> str:
    """Return what the server, or libpq, says on one line."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return line(primary or str(error) or type(error).__name__, TOLD)
