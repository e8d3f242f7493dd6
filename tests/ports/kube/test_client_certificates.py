"""Certificates of both ends: what is shown, what is trusted, and that both may change while requests are under way."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import ConnectionFailedError, InvalidConfigError, OutriderError, UnauthenticatedError
from outrider.ports.certificates.key_pair import KeyPair
from outrider.ports.clock.manual import ManualClock
from outrider.ports.kube.kubeconfig import Cluster, ExecPlugin, Target, User
from outrider.ports.kube.tls import Identity, client_tls
from outrider.ports.kube.transport import Transport
from tests.ports.http.support import eventually
from tests.ports.kube.support import HOST, HastyClock, Pki, TlsServer, get, show, transport_to


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def pki() -> Pki:
    return Pki()


@pytest.fixture
async def server(pki: Pki) -> AsyncIterator[TlsServer]:
    async with TlsServer(pki) as one:
        yield one


def data_of(pair: KeyPair) -> User:
    return User(client_certificate_data=encoded(pair.certificate), client_key_data=encoded(pair.key))


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


async def asked(transport: Transport) -> dict[str, str]:
    found: dict[str, str] = json.loads((await transport.send(get("/"))).content)
    return found


async def refusal(server: TlsServer, user: User, **cluster: Any) -> OutriderError:
    async with transport_to(server.url, user, **cluster) as transport:
        with pytest.raises(OutriderError) as caught:
            await transport.send(get("/"))
    return caught.value


async def test_a_certificate_is_shown_from_the_kubeconfig_and_from_files(
    server: TlsServer, pki: Pki, tmp_path: Path
) -> None:
    me = pki.client("me")
    apart = User(
        client_certificate=written(tmp_path, "me.crt", me.certificate), client_key=written(tmp_path, "me.key", me.key)
    )
    together = User(client_certificate=written(tmp_path, "me.pem", me.certificate + me.key), token="abc")
    for user, token in ((data_of(me), ""), (apart, ""), (together, "Bearer abc")):
        async with transport_to(server.url, user, certificate_authority_data=encoded(pki.pem)) as transport:
            assert await asked(transport) == {"name": "me", "authorization": token}


async def test_who_shows_no_certificate_or_one_of_strangers_is_refused_with_the_reason(
    server: TlsServer, pki: Pki
) -> None:
    trusted = {"certificate_authority_data": encoded(pki.pem)}
    error = await refusal(server, User(token="abc"), **trusted)
    assert isinstance(error, UnauthenticatedError)
    assert "CERTIFICATE_REQUIRED" in error.message
    assert "UNKNOWN_CA" in (await refusal(server, data_of(Pki("strangers").client("me")), **trusted)).message
    assert server.asked == []


async def test_a_server_that_nobody_vouches_for_gets_nothing(server: TlsServer, pki: Pki) -> None:
    me = data_of(pki.client("me"))
    for cluster in ({"certificate_authority_data": encoded(Pki("strangers").pem)}, {}):
        error = await refusal(server, me, **cluster)
        assert isinstance(error, UnauthenticatedError)
        assert "is not trusted" in error.message
    assert server.asked == []


async def test_the_name_of_the_server_is_looked_at_as_the_kubeconfig_names_it(pki: Pki) -> None:
    me = data_of(pki.client("me"))
    trusted: dict[str, Any] = {"certificate_authority_data": encoded(pki.pem)}
    async with TlsServer(pki, HOST) as server:
        assert "is not trusted" in (await refusal(server, me, **trusted)).message
        assert "is not trusted" in (await refusal(server, me, tls_server_name="other.test", **trusted)).message
        async with transport_to(server.url, me, tls_server_name=HOST, **trusted) as transport:
            assert (await asked(transport))["name"] == "me"


async def test_a_server_may_be_trusted_blindly(server: TlsServer, pki: Pki) -> None:
    me = data_of(pki.client("me"))
    for more in ({}, {"certificate_authority_data": encoded(Pki("strangers").pem)}, {"tls_server_name": "other.test"}):
        cluster: dict[str, Any] = {"insecure_skip_tls_verify": True, **more}
        async with transport_to(server.url, me, **cluster) as transport:
            assert (await asked(transport))["name"] == "me"


async def test_a_server_without_tls_is_told_from_one_that_is_not_trusted(pki: Pki) -> None:
    plain = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with plain:
        url = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
        async with transport_to(url, clock=HastyClock(), certificate_authority_data=encoded(pki.pem)) as transport:
            with pytest.raises(ConnectionFailedError) as caught:
                await transport.send(get("/"))
    assert not caught.value.sent


@pytest.mark.parametrize("change", ["certificate", "key", "other key", "authority"])
async def test_garbage_in_place_of_certificates_is_refused_without_being_shown(
    server: TlsServer, pki: Pki, change: str
) -> None:
    me, secret = pki.client("me"), "s3cr3t"
    changed = {
        "certificate": KeyPair(secret, me.key),
        "key": KeyPair(me.certificate, secret),
        "other key": KeyPair(me.certificate, pki.client("me").key),
    }
    trusted = secret if change == "authority" else pki.pem
    error = await refusal(server, data_of(changed.get(change, me)), certificate_authority_data=encoded(trusted))
    assert isinstance(error, InvalidConfigError)
    assert "certificates of the kubeconfig cannot be used" in error.message
    assert secret not in str(error.body())
    assert "PRIVATE KEY" not in str(error.body())


async def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(pki: Pki) -> None:
    locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGj\n-----END ENCRYPTED PRIVATE KEY-----\n"
    identity = Identity(pki.client("me").certificate.encode(), locked.encode())
    with pytest.raises(InvalidConfigError):
        await asyncio.wait_for(asyncio.to_thread(client_tls, pki.pem, identity, insecure=False), 10)


async def test_a_new_authority_in_the_file_is_trusted_at_the_next_request(
    server: TlsServer, pki: Pki, tmp_path: Path
) -> None:
    me, file, later = data_of(pki.client("me")), tmp_path / "ca.crt", Pki("later")
    file.write_text(pki.pem)
    async with transport_to(server.url, me, certificate_authority=str(file)) as transport:
        await asked(transport)
        show(server.context, later.server())
        assert (await asked(transport))["name"] == "me", "the connection that is there is good"
        await server.drop_connections()
        with pytest.raises(UnauthenticatedError, match="is not trusted"):
            await asked(transport)
        file.write_text(later.pem)
        assert (await asked(transport))["name"] == "me"
    assert len(server.asked) == 3


async def test_a_write_goes_once_to_a_server_with_a_new_authority(server: TlsServer, pki: Pki, tmp_path: Path) -> None:
    me, file, later = data_of(pki.client("me")), tmp_path / "ca.crt", Pki("later")
    file.write_text(pki.pem)
    async with transport_to(server.url, me, certificate_authority=str(file)) as transport:
        await asked(transport)
        show(server.context, later.server())
        await server.drop_connections()
        file.write_text(later.pem)
        await transport.send(get("/", repeatable=False))
    assert len(server.asked) == 2


async def test_a_new_certificate_in_the_files_is_shown_after_a_refusal(pki: Pki, tmp_path: Path) -> None:
    later = Pki("later")
    old = pki.client("old")
    user = User(client_certificate=written(tmp_path, "me.pem", old.certificate + old.key))
    trusted = encoded(later.pem)
    async with (
        TlsServer(later) as server,
        transport_to(server.url, user, certificate_authority_data=trusted) as transport,
    ):
        with pytest.raises(UnauthenticatedError):
            await asked(transport)
        new = later.client("new")
        written(tmp_path, "me.pem", new.certificate + new.key)
        assert (await asked(transport))["name"] == "new"


class Issuer:
    """A program of a kubeconfig that gives a certificate for some seconds."""

    def __init__(self, folder: Path, pki: Pki, clock: ManualClock) -> None:
        self._file, self._pki, self._clock = folder / "answer", pki, clock
        self.plugin = ExecPlugin("cat", args=[str(self._file)])

    def gives(self, name: str, seconds: float) -> None:
        pair, end = self._pki.client(name), datetime.fromtimestamp(self._clock.now() + seconds, UTC)
        status = {
            "clientCertificateData": pair.certificate,
            "clientKeyData": pair.key,
            "expirationTimestamp": end.isoformat(),
        }
        self._file.write_text(json.dumps({"kind": "ExecCredential", "status": status}))


async def test_a_program_exchanges_the_certificate_while_requests_are_under_way(
    server: TlsServer, pki: Pki, tmp_path: Path
) -> None:
    clock, go = ManualClock(time.time()), asyncio.Event()
    issuer = Issuer(tmp_path, pki, clock)
    target = Target(
        "test", Cluster(server=server.url, certificate_authority_data=encoded(pki.pem)), User(exec=issuer.plugin)
    )
    async with transport_to(target, clock=clock) as transport:
        issuer.gives("old", 100)
        assert (await asked(transport))["name"] == "old"
        server.waits = go.wait
        under_way = [asyncio.create_task(asked(transport)) for _ in range(4)]
        await eventually(lambda: len(server.asked) == 5)
        issuer.gives("new", 100)
        clock.advance(75)
        server.waits = None
        later = [await asked(transport) for _ in range(3)]
        go.set()
        assert [one["name"] for one in later] == ["new"] * 3
        assert [one["name"] for one in await asyncio.gather(*under_way)] == ["old"] * 4, "they go on as they began"
        assert (await asked(transport))["name"] == "new"


async def test_many_requests_at_once_see_each_exchange_and_none_fails(
    server: TlsServer, pki: Pki, tmp_path: Path
) -> None:
    clock = ManualClock(time.time())
    issuer = Issuer(tmp_path, pki, clock)
    target = Target(
        "test", Cluster(server=server.url, certificate_authority_data=encoded(pki.pem)), User(exec=issuer.plugin)
    )
    async with transport_to(target, clock=clock, connections=4) as transport:
        before = "turn-0"
        for turn in range(4):
            issuer.gives(f"turn-{turn}", 40)
            clock.advance(20)
            names = {one["name"] for one in await asyncio.gather(*(asked(transport) for _ in range(12)))}
            assert names <= {before, f"turn-{turn}"}, "the one before is still good"
            before = f"turn-{turn}"
            assert (await asked(transport))["name"] == before
