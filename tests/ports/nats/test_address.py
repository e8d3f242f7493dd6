from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.secrets import SecretValue
from outrider.ports.nats.address import NatsAddress, read_credentials
from tests.servers.nats_operator import Operator


def test_credentials_are_read() -> None:
    operator = Operator()
    jwt, sign = read_credentials(SecretValue(operator.credentials.replace("\n", "\r\n")))
    assert jwt in operator.credentials
    assert len(sign("nonce")) == 88, "an Ed25519 signature in base64"


@given(st.text())
def test_any_other_text_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        read_credentials(SecretValue(text))
    assert caught.value.found == "no block"


@given(st.binary(max_size=40))
def test_a_seed_that_is_none_is_refused(seed: bytes) -> None:
    text = f"-----BEGIN NATS USER JWT-----\nJWT\n------END NATS USER JWT------\n-----BEGIN USER NKEY SEED-----\n{seed.hex()}0\n------END USER NKEY SEED------\n"
    with pytest.raises(InvalidConfigError):
        read_credentials(SecretValue(text))


def test_trust_is_asked_for_by_the_address_or_by_an_authority() -> None:
    assert NatsAddress(servers=["nats://a:1"]).trust() is None
    assert NatsAddress(servers=["nats://a:1", "tls://b:1"]).trust() is not None
    with pytest.raises(InvalidConfigError, match=r"queue\.ca"):
        NatsAddress(servers=["nats://a:1"], ca=Path(__file__)).trust()
