import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.plugins.harness import Running, faults, refusal, running, until
from tests.servers.ports import free_port

pytestmark = pytest.mark.real
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """Signs certificates for 127.0.0.1 and www.example.org, itself being signed by nobody else."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = named("test authority")
        self.certificate = self.signed(self.name, self.key, timedelta(days=1000), authority=True)

    def signed(self, subject: x509.Name, key: Key, left: timedelta, *, authority: bool = False) -> x509.Certificate:
        now = datetime.now(UTC)
        identifier = x509.SubjectKeyIdentifier.from_public_key
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("www.example.org")]
        usage = {"key_encipherment": False, "data_encipherment": False, "key_agreement": False, "content_commitment": False,
                 "encipher_only": False, "decipher_only": False, "crl_sign": authority, "digital_signature": True}  # fmt: skip
        return (
            x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2000))
            .not_valid_after(now + left)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(key_cert_sign=authority, **usage), critical=True)
            .add_extension(identifier(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self.key, hashes.SHA256())
        )


AUTHORITY = Authority()


class Server:
    """A TLS server; `serve_with` gives it another certificate for the connections that come."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.names: list[str | None] = []
        self.serve_with(timedelta(days=30))
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self.listener.getsockname()[1]
        self.handshakes = 0
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def serve_with(self, left: timedelta, *, key: Key | None = None) -> x509.Certificate:
        key = key or ec.generate_private_key(ec.SECP256R1())
        certificate = AUTHORITY.signed(named("server"), key, left)
        path = self.folder / "server.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
        self.load(path)
        return certificate

    def load(self, path: Path) -> None:
        # A context of its own: a handshake meanwhile would see one half of each.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.sni_callback = lambda _, name, __: self.names.append(name)
        context.load_cert_chain(path)
        self.context = context

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            plain.settimeout(5)
            with plain, contextlib.suppress(OSError), self.context.wrap_socket(plain, server_side=True) as secured:
                self.handshakes += 1
                secured.recv(1)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    path = tmp_path / "authority.pem"
    write(path, AUTHORITY)
    return str(path)


def write(path: Path, authority: Authority) -> None:
    """Put a file in place that is whole at any time."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    fresh.replace(path)


def config(port: int, **more: Any) -> dict[str, Any]:
    return {"address": f"127.0.0.1:{port}", "every": "20ms", "timeout": "3s", **more}


def states(plugin: Running) -> list[str]:
    return [event.data["state"] for event in plugin.events]


async def first(port: int, **more: Any) -> dict[str, Any]:
    async with running("tls-expiry", config(port, **more)) as plugin:
        await plugin.seen(1)
        return plugin.events[0].data


async def test_it_reports_changes_only_and_the_way_back(server: Server) -> None:
    async with running("tls-expiry", config(server.port)) as plugin:
        await until(lambda: server.handshakes > 3)
        assert states(plugin) == ["ok"]
        near = server.serve_with(timedelta(days=20, hours=12))
        await plugin.seen(2)
        server.serve_with(timedelta(days=-3, hours=-12))
        await plugin.seen(3)
        server.serve_with(timedelta(days=22))
        await plugin.seen(4)
    address = f"127.0.0.1:{server.port}"
    assert states(plugin) == ["ok", "expiring", "expired", "ok"]
    assert [event.unhealthy for event in plugin.events] == [False, True, True, False]
    assert [event.severity for event in plugin.events] == ["low", "high", "high", "low"]
    assert {event.key for event in plugin.events} == {address}
    assert plugin.events[1].data["not_after"] == f"{near.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    assert plugin.events[1].data["days_left"] == 20.5
    assert plugin.events[1].data["summary"] == f"{address} expiring: it ends in 20.5 days"
    assert plugin.events[2].data["summary"] == f"{address} expired: it ended 3.5 days ago"


@pytest.mark.parametrize(("warn", "state"), [("29d", "ok"), ("31d", "expiring"), ("744h", "expiring"), ("0s", "ok")])
async def test_the_time_of_warning(server: Server, warn: str, state: str) -> None:
    assert (await first(server.port, warn=warn))["state"] == state


async def test_a_self_signed_certificate_is_read(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "self.pem"
    secret = AUTHORITY.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + AUTHORITY.certificate.public_bytes(Encoding.PEM))
    server.load(path)
    assert (await first(server.port))["state"] == "ok"
    data = await first(server.port, verify=True)
    assert (data["state"], data["detail"]) == ("untrusted", "self-signed certificate")


async def test_a_weak_key_is_read(server: Server) -> None:
    server.serve_with(timedelta(days=30), key=rsa.generate_private_key(65537, 1024))
    assert (await first(server.port))["state"] == "ok"


@pytest.mark.skipif(not ssl.HAS_TLSv1_1, reason="this OpenSSL cannot serve TLS 1.1")
async def test_an_old_protocol_is_read(server: Server) -> None:
    server.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        server.context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert (await first(server.port))["state"] == "ok"


async def test_a_known_authority_is_trusted_and_checks_can_be_lost_and_won(server: Server, ca_file: str) -> None:
    async with running("tls-expiry", config(server.port, verify=True, ca_file=ca_file)) as plugin:
        await plugin.seen(1)
        write(Path(ca_file), Authority())
        await plugin.seen(2)
        write(Path(ca_file), AUTHORITY)
        await plugin.seen(3)
        Path(ca_file).unlink()
        await plugin.seen(4)
    assert states(plugin) == ["ok", "untrusted", "ok", "down"]
    assert plugin.events[1].unhealthy
    assert plugin.events[1].data["days_left"] == 30.0


async def test_the_name_is_asked_for_and_checked(server: Server, ca_file: str) -> None:
    more: dict[str, Any] = {"verify": True, "ca_file": ca_file}
    assert (await first(server.port, server_name="www.example.org", **more))["state"] == "ok"
    assert server.names[:2] == ["www.example.org"] * 2
    data = await first(server.port, server_name="ftp.example.org", **more)
    assert data["state"] == "untrusted"
    assert "ftp.example.org" in data["detail"]
    assert (await first(server.port, server_name="ftp.example.org"))["state"] == "ok"


@pytest.mark.parametrize(("days", "state"), [(-1, "expired"), (1, "untrusted")])
async def test_of_several_faults_the_worst_is_told(server: Server, days: int, state: str) -> None:
    server.serve_with(timedelta(days=days))
    assert (await first(server.port, verify=True))["state"] == state


async def test_a_client_certificate_is_not_needed_with_tls_1_3(server: Server) -> None:
    server.context.verify_mode = ssl.CERT_REQUIRED
    assert (await first(server.port))["state"] == "ok"
    server.context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert (await first(server.port))["state"] == "down"


async def test_nobody_listens_until_somebody_does(tmp_path: Path) -> None:
    port = free_port()
    async with running("tls-expiry", config(port, severity="critical")) as plugin:
        await plugin.seen(1)
        server = Server(tmp_path, port)
        await until(lambda: states(plugin)[-1] == "ok")
        server.close()
        await until(lambda: states(plugin)[-1] == "down")
    assert plugin.events[0].data["detail"] == "connection refused"
    assert plugin.events[0].data["not_after"] == ""
    assert plugin.events[0].data["days_left"] is None
    assert plugin.events[0].severity == "critical"


@contextlib.contextmanager
def plain_server(answer: bytes | None) -> Iterator[tuple[int, list[socket.socket]]]:
    """Answer each connection with bytes and end it; None leaves it open without a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            kept.append(plain)
            if answer is not None:
                with contextlib.suppress(OSError):  # the probe may have closed its end
                    plain.sendall(answer)
                    plain.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], kept
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in (listener, *kept):
            one.close()


@pytest.mark.parametrize(
    ("answer", "timeout", "detail"),
    [(b"220 mail ready\r\n", "3s", "no TLS: WRONG_VERSION_NUMBER"), (b"", "3s", "no TLS: "),
     (b"\x16\x03\x03\x40\x00" + bytes(0x4000), "3s", "no TLS: "), (None, "100ms", "no answer within 100ms"),
     (b"\x15\x03\x03\0\2\2\x28", "3s", "no TLS: ")],
)  # fmt: skip
async def test_what_is_no_tls_is_down(answer: bytes | None, timeout: str, detail: str) -> None:
    with plain_server(answer) as (port, _):
        data = await first(port, timeout=timeout)
    assert data["state"] == "down"
    assert data["detail"].startswith(detail)


async def test_it_stops_at_once_while_a_server_is_silent() -> None:
    with plain_server(None) as (port, connections):
        async with running("tls-expiry", config(port, timeout="1h")) as plugin:
            await until(lambda: bool(connections))
    assert plugin.events == []
    assert plugin.host.fault is None


@pytest.mark.parametrize(
    ("bad", "words"),
    [({"address": "127.0.0.1:0"}, "config.address"), ({"every": "0d"}, "config.every"), ({"timeout": "0s"}, "config.timeout"),
     ({"ca_file": __file__}, "config.verify"), ({"ca_file": __file__, "verify": True}, "config.ca_file"),
     ({"ca_file": "/nowhere/ca.pem", "verify": True}, "config.ca_file")],
)  # fmt: skip
async def test_what_only_the_plugin_can_tell_is_refused(bad: dict[str, Any], words: str) -> None:
    error = await refusal("tls-expiry", {"address": "127.0.0.1:443", **bad})
    assert error.code == "INVALID_CONFIG"
    assert words in error.message


@pytest.mark.parametrize(
    "bad",
    [{"address": "localhost"}, {"warn": "3 weeks"}, {"warn": 21}, {"verify": "yes"}, {"server_name": "a b"}, {"ca_file": "/etc/"},
     {"timeout": "1d"}],
)  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert not faults("tls-expiry", {"address": "localhost:443", "warn": "1d12h"})
    assert faults("tls-expiry", {"address": "localhost:443", **bad})
