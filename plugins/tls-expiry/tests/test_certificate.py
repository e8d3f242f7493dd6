import contextlib
from datetime import UTC, datetime, timedelta
from functools import cache
from types import ModuleType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.harness import module

SETTINGS = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KEY = ec.generate_private_key(ec.SECP256R1())
BEGIN = datetime(1950, 1, 1, tzinfo=UTC)
ENDS = st.datetimes(datetime(1950, 1, 2), datetime(9999, 12, 31, 23, 59, 59)).map(  # noqa: DTZ001 - made aware right here
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@pytest.fixture
def certificate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module("tls-expiry", "certificate", monkeypatch)


@cache
def made(end: datetime, name: str = "a") -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, KEY.public_key(), x509.random_serial_number())
    return builder.not_valid_before(BEGIN).not_valid_after(end).sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


@SETTINGS
@given(end=ENDS, name=st.text(alphabet="abc", min_size=1, max_size=60))
def test_the_end_is_the_one_that_was_written(certificate: ModuleType, end: datetime, name: str) -> None:
    assert certificate.not_after(made(end, name)) == end


@pytest.mark.parametrize("year", [1950, 1999, 2000, 2049, 2050, 9999])
def test_both_forms_of_time_at_their_borders(certificate: ModuleType, year: int) -> None:
    for end in (datetime(year, 1, 2, tzinfo=UTC), datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)):
        assert certificate.not_after(made(end)) == end


VALID = made(BEGIN + timedelta(days=40000))


@SETTINGS
@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_certificate_or_malformed(certificate: ModuleType, data: bytes) -> None:
    for text in (data, VALID[:30] + data, b"\x30\x82\x01\x00\x30\x82\x01\x00" + data):
        with contextlib.suppress(certificate.MalformedError):
            certificate.not_after(text)


@SETTINGS
@given(changes=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_change_of_a_certificate_is_a_certificate_or_malformed(
    certificate: ModuleType, changes: list[tuple[int, int]]
) -> None:
    changed = bytearray(VALID)
    for place, byte in changes:
        changed[place] = byte
    with contextlib.suppress(certificate.MalformedError):
        assert certificate.not_after(bytes(changed)).tzinfo is UTC


def test_every_shorter_certificate_is_malformed(certificate: ModuleType) -> None:
    for length in range(len(VALID)):
        with pytest.raises(certificate.MalformedError):
            certificate.not_after(VALID[:length])


def with_end(time: bytes, version: bytes = b"") -> bytes:
    """Return a certificate whose end is this element; one of version 1 leaves its version out."""
    validity = b"\x17\x0d000101000000Z" + time
    signed = version + b"\x02\x01\x01\x30\x00\x30\x00\x30" + bytes([len(validity)]) + validity
    return b"\x30" + bytes([len(signed) + 2]) + b"\x30" + bytes([len(signed)]) + signed


@pytest.mark.parametrize(
    "time",
    [b"\x17\x0d991231235960Z", b"\x17\x0d991331000000Z", b"\x17\x0b9912310000Z", b"\x17\x119912310000+0100",
     b"\x17\x0f19991231000000Z", b"\x18\x0d991231000000Z", b"\x18\x0f00001231000000Z", b"\x18\x1119991231000000.1Z",
     b"\x04\x0d991231000000Z", b"\x17\x80", b"\x17\x85\0\0\0\0\x0d991231000000Z", b"\x17\x84\xff\xff\xff\xff", b"\x17\x00", b""],
)  # fmt: skip
def test_an_end_that_is_no_time_is_malformed(certificate: ModuleType, time: bytes) -> None:
    for version in (b"", b"\xa0\x03\x02\x01\x02"):
        assert certificate.not_after(with_end(b"\x17\x0d991231235959Z", version)).year == 1999
    with pytest.raises(certificate.MalformedError):
        certificate.not_after(with_end(time))


@pytest.mark.parametrize("place", [0, 2, 4, 7, 9, 11])
def test_another_element_than_the_expected_one_is_malformed(certificate: ModuleType, place: int) -> None:
    changed = bytearray(with_end(b"\x17\x0d991231235959Z"))
    assert changed[place] in (0x30, 0x02)
    changed[place] = 0x31
    with pytest.raises(certificate.MalformedError, match="tag 0x31"):
        certificate.not_after(bytes(changed))
