"""Both ends of a real TLS connection over loopback, and certificates that a proper authority would not issue."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from outrider.core.errors import UnauthenticatedError
from outrider.core.identity import spiffe_id
from outrider.ports.certificates.authority import Authority
from outrider.ports.certificates.builder import Leaf, leaf_certificate
from outrider.ports.certificates.peer import authenticate
from outrider.ports.certificates.pem import certificate_pem, key_pem
from outrider.ports.certificates.request import new_request
from outrider.ports.certificates.tls import client_context
from outrider.ports.http.peers import peer_of

EYES = "spiffe://outrider.test/tenant/default/sensor/eyes"


def agent_file(authority: Authority, folder: Path, *, issued: float = 0.0, name: str = "agent") -> Path:
    """Enrol: key and certificate of an agent in one file; `issued` is a time in seconds from now."""
    key_file = folder / f"{name}.key"
    chain = authority.issue_agent(new_request(key_file), EYES, time.time() + issued)
    identity = folder / f"{name}.pem"
    identity.write_text(chain.certificate_pem + key_file.read_text())
    return identity


def forged_file(
    authority: Authority,
    folder: Path,
    names: Sequence[x509.GeneralName],
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
) -> Path:
    """Return an identity signed with the authority's own key, as one who stole the key would make it."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = time.time()
    leaf = Leaf(key.public_key(), names, usage)
    certificate = leaf_certificate(leaf, authority._certificate, authority._key, start=now - 30, end=now + 3600)
    identity = folder / "forged.pem"
    identity.write_text(certificate_pem(certificate) + key_pem(key).decode())
    return identity


class Server:
    """A TLS server on loopback that answers each line with who sent it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._refusals: asyncio.Queue[str] = asyncio.Queue()
        self._connections: list[asyncio.Transport] = []
        self.port: int = self._listener.getsockname()[1]

    async def refusal(self) -> str:
        """Return why the next handshake failed, in the words of OpenSSL."""
        async with asyncio.timeout(10):
            return await self._refusals.get()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            accepted, _ = await loop.sock_accept(self._listener)
            try:
                transport, _ = await loop.connect_accepted_socket(_protocol, accepted, ssl=self._context)
                self._connections.append(transport)
            except ssl.SSLCertVerificationError as error:
                self._refusals.put_nowait(error.verify_message)
            except ssl.SSLError as error:
                self._refusals.put_nowait(error.reason)
            except ConnectionError:
                self._refusals.put_nowait("the client has gone")

    def close(self) -> None:
        self._listener.close()
        for transport in self._connections:
            transport.abort()


def _protocol() -> asyncio.StreamReaderProtocol:
    return asyncio.StreamReaderProtocol(asyncio.StreamReader(), _answer)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    peer = peer_of(writer.transport)
    while await reader.readline():
        try:
            principal = authenticate(peer, "outrider.test", time.time())
            writer.write(spiffe_id("outrider.test", principal).encode() + b"\n")
        except UnauthenticatedError as error:
            writer.write(f"{error.code}: {error.message}\n".encode())


@asynccontextmanager
async def serving(context: ssl.SSLContext) -> AsyncIterator[Server]:
    server = Server(context)
    task = asyncio.create_task(server.run())
    try:
        yield server
    finally:
        task.cancel()
        server.close()
        await asyncio.wait([task])


class Connection:
    """A client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @property
    def server_serial(self) -> str:
        return str(self._writer.get_extra_info("ssl_object").getpeercert()["serialNumber"])

    @property
    def has_ticket(self) -> bool:
        return bool(self._writer.get_extra_info("ssl_object").session.has_ticket)

    async def who_am_i(self) -> str:
        self._writer.write(b"?\n")
        line = await self._reader.readline()
        if not line:
            raise ConnectionResetError
        return line.decode().strip()


@asynccontextmanager
async def connected(server: Server, context: ssl.SSLContext, host: str = "localhost") -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context, server_hostname=host)
    try:
        yield Connection(reader, writer)
    finally:
        writer.transport.abort()


async def ask(server: Server, ca_pem: str, identity: Path | None) -> str:
    """Connect as a client and return what the server says of it."""
    async with connected(server, client_context(ca_pem, identity)) as connection:
        return await connection.who_am_i()


async def refusal_of(server: Server, ca_pem: str, identity: Path | None) -> str:
    """Connect as a client that gets no answer, and return the server's reason."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await ask(server, ca_pem, identity)
    return await server.refusal()
