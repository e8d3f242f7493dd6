import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, UnauthenticatedError
from outrider.core.http.messages import Peer
from outrider.core.identity import Principal
from outrider.ports.certificates.authority import ensure_authority
from outrider.ports.certificates.peer import authenticate
from outrider.ports.certificates.tokens import fingerprint, new_token, split_token, verify_token

CA = "a1" * 32
EYES = "spiffe://outrider.test/tenant/default/sensor/eyes"


def test_token_holds_the_fingerprint_and_a_secret() -> None:
    token, kept = new_token(CA)
    assert split_token(token)[0] == CA
    assert verify_token(token, kept)
    assert split_token(token)[1] not in kept


def test_tokens_differ() -> None:
    (first, _), (_, kept) = new_token(CA), new_token(CA)
    assert not verify_token(first, kept)


def test_token_survives_copying() -> None:
    token, kept = new_token(CA)
    assert verify_token(f" {token}\n", kept)


@given(st.text())
def test_other_texts_are_no_tokens_and_are_not_shown(text: str) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        split_token(f"hidden{text}")
    assert "hidden" not in str(caught.value.body())


def test_fingerprint_is_of_the_certificate(tmp_path: Path) -> None:
    authority = ensure_authority(tmp_path, "outrider.test", 1_800_000_000.0)
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256"],
        input=authority.ca_pem,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert (
        fingerprint(authority.ca_pem)
        == authority.fingerprint
        == shown.strip().partition("=")[2].replace(":", "").lower()
    )


@pytest.mark.parametrize("text", ["", "garbage", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"])
def test_fingerprint_of_nothing(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="not a certificate"):
        fingerprint(text)


@pytest.mark.real
def test_request_by_command(tmp_path: Path) -> None:
    key = tmp_path / "state" / "agent.key"
    argv = [sys.executable, "-m", "outrider.ports.certificates.request", str(key)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=50)
    assert key.stat().st_mode & 0o777 == 0o600
    authority = ensure_authority(tmp_path, "outrider.test", 1_800_000_000.0)
    assert "BEGIN CERTIFICATE" in authority.issue_agent(done.stdout, EYES, 1_800_000_000.0).certificate_pem


@pytest.mark.real
@pytest.mark.parametrize(
    ("arguments", "code", "words"), [([], 2, "usage:"), (["/proc/none/key"], 1, "error[EXECUTION_FAILED] /proc/none")]
)
def test_request_by_command_that_fails(arguments: list[str], code: int, words: str) -> None:
    argv = [sys.executable, "-m", "outrider.ports.certificates.request", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(words)


@pytest.mark.real
def test_agents_need_no_cryptography() -> None:
    code = "import sys; from outrider.ports.certificates import peer, tls, tokens; print('cryptography' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50).stdout
        == "False\n"
    )


def shown(uri: str | None) -> Peer:
    return Peer("127.0.0.1:1", certificate={"subject": ()}, spiffe_id=uri, not_after=1_800_000_000.0)


def test_peer_is_read() -> None:
    assert authenticate(shown(EYES), "outrider.test", 1_799_999_999.0) == Principal("default", "sensor", "eyes")


@pytest.mark.parametrize(
    "peer",
    [
        Peer("127.0.0.1:1"),
        shown(None),
        shown("https://outrider.test/"),
        shown(EYES.replace("test", "evil")),
    ],
)
def test_nobody_else_is_anybody(peer: Peer) -> None:
    with pytest.raises(UnauthenticatedError):
        authenticate(peer, "outrider.test", 1_700_000_000.0)


def test_expiry_is_checked_on_open_connections() -> None:
    with pytest.raises(UnauthenticatedError, match="has expired"):
        authenticate(shown(EYES), "outrider.test", 1_800_000_000.0)
