"""A proxy of HTTP: it makes tunnels, and asks for what it is asked for in absolute form (RFC 9110 section 9.3.6, RFC 9112 section 3.2.2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class ProxyProgram:
    """One proxy.

    Args:
        login: The value of Proxy-Authorization that it wants; empty for none.

    Attributes:
        asked: The first lines of requests.
        connections: How many were made to it.
        open: How many streams of tunnels are open.
    """

    def __init__(self, login: str = "") -> None:
        self.login, self.port = login, 0
        self.asked: list[str] = []
        self.connections = self.open = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answered(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request, and return whether another one may follow."""
        first, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().removesuffix("\r\n\r\n").split("\r\n")
        self.asked.append(first)
        method, target, _ = first.split(" ")
        shown = [line.partition(": ")[2] for line in fields if line.lower().startswith("proxy-authorization: ")]
        if self.login and shown != [self.login]:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return True
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            self.open += 2
            there, away = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await asyncio.gather(self._pump(reader, away), self._pump(there, writer))
            return False
        parts = urlsplit(target)
        assert parts.scheme == "http", target
        there, away = await asyncio.open_connection(parts.hostname, parts.port)
        kept = [line for line in fields if not line.lower().startswith(("proxy-authorization: ", "connection: "))]
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        length = next((int(one.partition(": ")[2]) for one in fields if one.lower().startswith("content-length: ")), 0)
        body = await reader.readexactly(length)
        away.write("\r\n".join([f"{method} {path} HTTP/1.1", *kept, "connection: close", "", ""]).encode() + body)
        writer.write((await there.read()).replace(b"connection: close\r\n", b""))
        away.close()
        return True

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()
        self.open -= 1


@asynccontextmanager
async def proxy_program(login: str = "") -> AsyncIterator[ProxyProgram]:
    """Have a proxy; the parameter is that of `ProxyProgram`."""
    proxy = ProxyProgram(login)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
