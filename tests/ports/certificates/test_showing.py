"""TLS to other people's servers that want to know who calls, and are known by SPIFFE IDs."""

import asyncio
import ssl
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.mutual_tls import IdentityFiles, MutualTlsSettings
from outrider.ports.certificates.mutual import showing
from outrider.ports.certificates.tls import server_context
from outrider.ports.http.client import Client
from tests.ports.certificates.parties import Server, connected, serving
from tests.ports.http.authority import Authority, serial_number

AGENT, TOOLS = "spiffe://outrider.test/tenant/default/agent/triage", "spiffe://outrider.test/ns/tools/sa/github"


class World:
    """A trust domain with an agent and a server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        self.certificate = self.authority.issue("triage", uris=(AGENT,))

    def client(self, server: str = TOOLS, ca: Path | None = None) -> ssl.SSLContext:
        files = IdentityFiles(certificate=self.certificate, authorities=self.authority.file)
        return showing(MutualTlsSettings(identity=files, server=server), ca, path="tools")

    def server(self, *uris: str, dns: tuple[str, ...] = ("localhost",), by: Authority | None = None) -> ssl.SSLContext:
        identity = (by or self.authority).issue("server", uris=uris, dns=dns)
        return server_context(identity, self.authority.pem, require_client=True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def seen(server: Server, client: ssl.SSLContext) -> str:
    """Return what a server says to who calls; its own parser knows another form of SPIFFE IDs."""
    async with connected(server, client, host="any.name") as connection:
        return await connection.who_am_i()


async def test_both_ends_are_known_by_their_ids(world: World) -> None:
    async with serving(world.server(TOOLS)) as server:
        assert await seen(server, world.client()) == AGENT


@pytest.mark.parametrize(
    "uris", [(), ("spiffe://outrider.test/ns/tools/sa/other",), (TOOLS, "spiffe://outrider.test/b")]
)
async def test_another_server_is_refused(world: World, uris: tuple[str, ...]) -> None:
    async with serving(world.server(*uris)) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match=f"must be {TOOLS}"):
            await seen(server, world.client())
        client = Client(f"https://127.0.0.1:{server.port}", tls=world.client())
        with pytest.raises(OutriderError, match=f"must be {TOOLS}"):
            await client.request("GET", "/")
        await client.close()


async def test_an_id_that_another_authority_certifies_counts_for_nothing(world: World, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other", "another authority")
    async with serving(world.server(TOOLS, by=other)) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            await seen(server, world.client())
        assert await seen(server, world.client(ca=other.file)) == AGENT, "unless it is the one that is named"


async def test_without_an_id_the_name_in_the_address_counts(world: World) -> None:
    async with serving(world.server(TOOLS)) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match=r"any\.name"):
            await seen(server, world.client(server="", ca=world.authority.file))
        async with connected(server, world.client(server="", ca=world.authority.file)) as connection:
            assert await connection.who_am_i() == AGENT


async def test_a_certificate_that_was_renewed_is_shown_from_the_next_connection_on(world: World) -> None:
    client = world.client()
    second = "spiffe://outrider.test/tenant/default/agent/second"
    async with serving(world.server(TOOLS)) as server:
        assert await seen(server, client) == AGENT
        before = serial_number(world.certificate)
        world.authority.issue("next", uris=(second,)).replace(world.certificate)
        assert serial_number(world.certificate) != before
        assert await seen(server, client) == second
        good = world.certificate.read_bytes()
        world.certificate.write_bytes(good[:200])
        assert await seen(server, client) == second, "half a file is none"
        world.certificate.unlink()
        assert await seen(server, client) == second
        world.certificate.write_bytes(good)
        assert await seen(server, client) == second


async def test_an_authority_that_was_taken_out_of_the_bundle_is_trusted_no_more(world: World, tmp_path: Path) -> None:
    client, other = world.client(), Authority(tmp_path, "other", "another authority")
    async with serving(world.server(TOOLS)) as server:
        assert await seen(server, client) == AGENT
        world.authority.file.write_text(other.pem)
        with pytest.raises(ssl.SSLCertVerificationError):
            await seen(server, client)
    async with serving(world.server(TOOLS, by=other)) as server:
        assert await seen(server, client) == AGENT


async def test_an_ended_certificate_is_refused_by_the_server(world: World) -> None:
    world.certificate = world.authority.issue("ended", uris=(AGENT,), ends=-60)
    async with serving(world.server(TOOLS)) as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await seen(server, world.client())
        assert "expired" in await asyncio.wait_for(server.refusal(), 10)


def test_files_that_cannot_be_used_are_told(world: World) -> None:
    world.certificate.write_text("garbage")
    with pytest.raises(InvalidConfigError, match="the agent's certificate cannot be used"):
        world.client()
    files = IdentityFiles(certificate=world.certificate)
    with pytest.raises(InvalidConfigError, match="whose certificates"):
        showing(MutualTlsSettings(identity=files, server=TOOLS), None, path="tools")
