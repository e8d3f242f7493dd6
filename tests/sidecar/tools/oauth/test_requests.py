"""What token endpoints are asked."""

import json
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.oauth_settings import ExchangeSettings, OAuthSettings
from outrider.core.secrets import SecretRef
from outrider.sidecar.tools.servers.oauth.request import TokenRequest, token_request
from tests.sidecar.tools.oauth.support import SECRET, secrets

CLIENT = SecretRef("client")


async def asked(folder: Path, *, resource: str = "", **settings: Any) -> TokenRequest:
    made = OAuthSettings(**({"client_id": "out rider:1", "token_url": "https://id.internal/token"} | settings))
    return await token_request(
        "s", made, secrets(folder), url="https://id.internal/token", resource=resource, now=1e9 + 0.5
    )


def form(request: TokenRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), strict_parsing=True))


async def test_the_secret_is_sent_as_a_header(tmp_path: Path) -> None:
    made = await asked(tmp_path, client_secret=CLIENT, scope="a b", resource="https://t.internal/mcp", audience="tools")
    assert form(made) == {
        "grant_type": "client_credentials", "scope": "a b", "resource": "https://t.internal/mcp", "audience": "tools"
    }  # fmt: skip
    scheme, _, pair = made.headers["authorization"].partition(" ")
    assert (scheme, b64decode(pair)) == ("Basic", b"out+rider%3A1:s3cret%3A+%25%2B%2F%26")
    assert {SECRET, pair, "s3cret%3A+%25%2B%2F%26"} <= {one.reveal() for one in made.hidden}


async def test_the_secret_is_sent_in_the_form(tmp_path: Path) -> None:
    made = await asked(tmp_path, client_secret=CLIENT, auth_method="client_secret_post")
    assert form(made) == {"grant_type": "client_credentials", "client_id": "out rider:1", "client_secret": SECRET}
    assert "authorization" not in made.headers


@pytest.mark.parametrize("kind", ["access_token", "id_token", "jwt"])
async def test_a_token_is_exchanged(tmp_path: Path, kind: Any) -> None:
    (tmp_path / "subject").write_text("of-ana")
    exchange = ExchangeSettings(subject_token=SecretRef("subject"), subject_token_type=kind)
    made = await asked(tmp_path, exchange=exchange)
    assert form(made) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "of-ana", "client_id": "out rider:1",
        "subject_token_type": f"urn:ietf:params:oauth:token-type:{kind}",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }  # fmt: skip
    assert "of-ana" in {one.reveal() for one in made.hidden}
    (tmp_path / "subject").write_text("of-ben")
    assert form(await asked(tmp_path, exchange=exchange))["subject_token"] == "of-ben"


async def test_a_secret_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        await asked(tmp_path, client_secret=SecretRef("nothing"))


@pytest.mark.parametrize("issuer", ["", "https://id.internal"])
async def test_a_key_says_who_asks(tmp_path: Path, issuer: str) -> None:
    write(tmp_path, ed25519.Ed25519PrivateKey.generate())
    made = await asked(tmp_path, client_key=SecretRef("key"), key_id="k1", issuer=issuer)
    said = form(made)
    assert said["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    header, claims = (json.loads(urlsafe_b64decode(one + "==")) for one in said["client_assertion"].split(".")[:2])
    assert header == {"alg": "EdDSA", "typ": "JWT", "kid": "k1"}
    assert claims.pop("jti")
    assert claims == {
        "iss": "out rider:1", "sub": "out rider:1", "aud": issuer or "https://id.internal/token", "iat": 10**9, "exp": 10**9 + 60,
    }  # fmt: skip
    assert "authorization" not in made.headers
    assert said["client_assertion"] in {one.reveal() for one in made.hidden}
    assert form(await asked(tmp_path, client_key=SecretRef("key")))["client_assertion"] != said["client_assertion"]


def write(folder: Path, key: Any, password: bytes = b"") -> None:
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    (folder / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden))


@pytest.mark.parametrize(
    ("generated", "password", "found"),
    [
        (lambda: rsa.generate_private_key(65537, 1024), b"", "RSAPrivateKey of 1024 bits"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), b"", "521 bits"),
        (lambda: dsa.generate_private_key(2048), b"", "DSAPrivateKey"),
        (ed25519.Ed25519PrivateKey.generate, b"pw", "something else"),
        (None, b"", "something else"),
    ],
    ids=["short", "other-curve", "other-kind", "password", "none"],
)
async def test_keys_that_cannot_sign(
    tmp_path: Path, generated: Callable[[], Any] | None, password: bytes, found: str
) -> None:
    if generated is None:
        (tmp_path / "key").write_text("-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n")
    else:
        write(tmp_path, generated(), password)
    with pytest.raises(InvalidConfigError) as caught:
        await asked(tmp_path, client_key=SecretRef("key"))
    assert found in caught.value.found
    assert caught.value.path == "oauth.clientKey"
    assert "MC4CAQ" not in str(caught.value.body())
