"""An authorization server and an MCP server that we did not write, with the sidecar between agent and server."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.servers.oauth import CLIENT, SECRET, OAuthServers
from tests.sidecar.process import Sidecar, started
from tests.sidecar.tools.test_real_servers import ask

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def settings(folder: Path, servers: OAuthServers, secret: str = SECRET, **oauth: Any) -> dict[str, Any]:
    (folder / "key").write_text("sk-virtual")
    (folder / "secret").write_text(secret)
    usual = {
        "client_id": CLIENT, "client_secret": {"secret": "client"}, "token_url": f"{servers.issuer}/token", "scope": "tools.read",
    }  # fmt: skip
    wanted = {key: value for key, value in (usual | oauth).items() if value is not None}
    server = {"name": "shop", "transport": "http", "url": servers.url, "version": "1", "oauth": wanted}
    files = ("key", "secret", "subject")
    return {
        "agent": "triage", "state": str(folder / "state"), "keys": [{"secret": "key"}],
        "secret_sources": {"client" if one == "secret" else one: {"file": str(folder / one)} for one in files},
        "tools": {"servers": [server], "grants": [{"server": "shop", "tools": ["whoami", "token"]}]},
    }  # fmt: skip


def who(sidecar: Sidecar, tool: str = "whoami") -> Any:
    """Return as whom the server knows the sidecar, or the error."""
    _, found = ask(sidecar, "POST", f"/v1/tools/{tool}", {})
    return found["structuredContent"] if found["isError"] else found["structuredContent"]["result"]


@pytest.fixture
def servers(tmp_path: Path) -> Any:
    with OAuthServers(tmp_path / "servers.log") as made:
        yield made


@pytest.mark.parametrize(
    "oauth",
    [
        {},
        {"client_id": "poster", "auth_method": "client_secret_post"},
        {"token_url": None, "issuer": True},
    ],
    ids=["basic", "post", "found-out"],
)
def test_a_client_with_a_secret(tmp_path: Path, servers: OAuthServers, oauth: dict[str, Any]) -> None:
    oauth = {**oauth, "issuer": servers.issuer} if "issuer" in oauth else oauth
    secret = "posted" if "auth_method" in oauth else SECRET
    with started(tmp_path, settings(tmp_path, servers, secret, **oauth)) as sidecar:
        assert who(sidecar) == oauth.get("client_id", CLIENT)


def keys() -> list[Any]:
    return [
        rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ]  # fmt: skip


@pytest.mark.parametrize("key", keys(), ids=["rsa", "p256", "p384", "ed25519"])
def test_a_client_that_signs(tmp_path: Path, key: Any) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with OAuthServers(tmp_path / "log", jwks=json.dumps({"keys": [public(key) | {"kid": "k1"}]})) as servers:
        told = settings(
            tmp_path, servers, pem, client_id="signer", client_secret=None, client_key={"secret": "client"}, key_id="k1"
        )
        with started(tmp_path, told) as sidecar:
            assert who(sidecar) == "signer"


def public(key: Any) -> dict[str, str]:
    """Return a public key as JWK."""

    def part(value: int | bytes, size: int = 0) -> str:
        data = value.to_bytes(size or (value.bit_length() + 7) // 8, "big") if isinstance(value, int) else value
        return urlsafe_b64encode(data).rstrip(b"=").decode()

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": part(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
        }
    numbers = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", "n": part(numbers.n), "e": part(numbers.e)}
    size = key.curve.key_size // 8
    return {"kty": "EC", "crv": f"P-{key.curve.key_size}", "x": part(numbers.x, size), "y": part(numbers.y, size)}


def test_a_token_is_exchanged(tmp_path: Path, servers: OAuthServers) -> None:
    (tmp_path / "subject").write_text(servers.token())
    told = settings(
        tmp_path, servers, "exchanged", client_id="exchanger", exchange={"subject_token": {"secret": "subject"}}
    )
    with started(tmp_path, told) as sidecar:
        assert who(sidecar) == "exchanger"


@pytest.mark.parametrize(
    ("secret", "oauth", "said"),
    [
        ("wrong-secret", {}, "invalid_client: client authentication failed"),

        (SECRET, {"scope": "tools.write"}, "does not accept its credentials: insufficient_scope"),
        (SECRET, {"resource": "https://other.internal/"}, "invalid_target: no such resource"),
        ("exchanged", {"client_id": "exchanger"}, "requested grant type is not allowed"),
        (
            "exchanged", {"client_id": "exchanger", "exchange": {"subject_token": {"secret": "subject"}}},
            "invalid_request: subject token *** is not known",
        ),
        (SECRET, {"token_url": None, "issuer": "http://127.0.0.1:1"}, "another authorization server"),
    ],
)  # fmt: skip
def test_what_the_authorization_server_refuses_is_told(
    tmp_path: Path, servers: OAuthServers, secret: str, oauth: dict[str, Any], said: str
) -> None:
    (tmp_path / "subject").write_text("a-subject-token")
    with started(tmp_path, settings(tmp_path, servers, secret, **oauth)) as sidecar:
        found = who(sidecar)
    assert found["code"] == "NOT_FOUND"  # its tools were never seen
    assert any(said in one and "server 'shop'" in one for one in found["suggestions"]), found
    everything = b"".join(one.read_bytes() for one in (tmp_path / "state").rglob("*") if one.is_file())
    for hidden in (secret, "a-subject-token"):
        assert hidden not in json.dumps(found)
        assert hidden.encode() not in everything


def test_a_token_that_is_revoked(tmp_path: Path, servers: OAuthServers) -> None:
    with started(tmp_path, settings(tmp_path, servers)) as sidecar:
        first = who(sidecar, "token")
        assert who(sidecar, "token") == first
        servers.revoke(first)
        assert who(sidecar) == CLIENT
        assert who(sidecar, "token") != first


def test_a_token_that_ends(tmp_path: Path) -> None:
    with (
        OAuthServers(tmp_path / "log", seconds=2) as servers,
        started(tmp_path, settings(tmp_path, servers)) as sidecar,
    ):
        first = who(sidecar, "token")
        while (later := who(sidecar, "token")) == first:
            continue
        assert isinstance(later, str)
