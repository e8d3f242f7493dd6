from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from outrider.core.errors import ConflictError, DeniedError, InvalidConfigError
from outrider.ports.certificates.authority import Authority, ensure_authority
from outrider.ports.certificates.request import new_request
from outrider.ports.secrets.private_files import write_private

NOW = 1_800_000_000.0
EYES = "spiffe://outrider.test/tenant/default/sensor/eyes"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return ensure_authority(tmp_path / "ca", "outrider.test", NOW)


def loaded(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def sans(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    return [str(name.value) for name in names.value]


def csr(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, *names: x509.GeneralName
) -> x509.CertificateSigningRequest:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "king")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())


def pem(request: x509.CertificateSigningRequest) -> str:
    return request.public_bytes(Encoding.PEM).decode()


def test_authority_is_made_once(authority: Authority, tmp_path: Path) -> None:
    again = ensure_authority(tmp_path / "ca", "outrider.test", NOW + 86_400)
    assert (again.ca_pem, again.fingerprint) == (authority.ca_pem, authority.fingerprint)
    assert (tmp_path / "ca" / "authority.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ca").stat().st_mode & 0o777 == 0o700


def test_authority_is_narrow(authority: Authority) -> None:
    extensions = loaded(authority.ca_pem).extensions
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.value.ca, basic.value.path_length, basic.critical) == (True, 0, True)
    constraints = extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert [str(name.value) for name in constraints.value.permitted_subtrees or []] == [
        "outrider.test",
        "localhost",
        "127.0.0.1/32",
        "::1/128",
    ]


def test_agent_certificate(authority: Authority, tmp_path: Path) -> None:
    issued = authority.issue_agent(new_request(tmp_path / "key"), EYES, NOW)
    certificate = loaded(issued.certificate_pem)
    assert (sans(certificate), list(certificate.subject)) == ([EYES], [])
    assert certificate.not_valid_before_utc.timestamp() == NOW - 30
    assert certificate.not_valid_after_utc.timestamp() == issued.not_after == NOW + 3600
    assert issued.renew_at == NOW + 2400


def test_names_in_a_request_are_ignored(authority: Authority) -> None:
    request = csr(ec.generate_private_key(ec.SECP256R1()), x509.DNSName("bank.example"))
    certificate = loaded(authority.issue_agent(pem(request), EYES, NOW).certificate_pem)
    assert (sans(certificate), list(certificate.subject)) == ([EYES], [])


def test_certificate_ends_with_its_authority(authority: Authority, tmp_path: Path) -> None:
    end = loaded(authority.ca_pem).not_valid_after_utc.timestamp()
    assert authority.issue_agent(new_request(tmp_path / "key"), EYES, end - 60).not_after == end


def test_request_must_prove_its_key(authority: Authority) -> None:
    request = csr(ec.generate_private_key(ec.SECP256R1()))
    body = bytearray(request.public_bytes(Encoding.DER))
    body[-1] ^= 1
    broken = x509.load_der_x509_csr(bytes(body))
    with pytest.raises(InvalidConfigError) as caught:
        authority.issue_agent(pem(broken), EYES, NOW)
    assert caught.value.found == "a signature that is not of the key in it"


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_other_keys_are_refused(authority: Authority, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        authority.issue_agent(pem(csr(key)), EYES, NOW)
    assert caught.value.found == "a key of another type"


@pytest.mark.parametrize(
    "text",
    ["", "garbage", "é", "x" * 20_000, "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"],
)
def test_malformed_requests_are_refused(authority: Authority, text: str) -> None:
    with pytest.raises(InvalidConfigError, match="csr: not a signing request"):
        authority.issue_agent(text, EYES, NOW)


@pytest.mark.parametrize("identity", ["spiffe://other.test/tenant/default/sensor/eyes", "eyes"])
def test_other_identities_are_not_certified(authority: Authority, tmp_path: Path, identity: str) -> None:
    with pytest.raises(InvalidConfigError):
        authority.issue_agent(new_request(tmp_path / "key"), identity, NOW)


def test_server_certificate(tmp_path: Path) -> None:
    authority = ensure_authority(tmp_path, "outrider.test", NOW, ["Hub.example.org", "192.0.2.7"])
    issued = authority.issue_server(tmp_path / "server.pem", ["hub.example.org", "192.0.2.7"], NOW)
    assert sans(loaded(issued.certificate_pem)) == ["localhost", "127.0.0.1", "::1", "hub.example.org", "192.0.2.7"]
    assert (tmp_path / "server.pem").stat().st_mode & 0o777 == 0o600


def test_server_name_that_the_authority_does_not_permit(authority: Authority, tmp_path: Path) -> None:
    for host in ("hub.example.org", "192.0.2.7", "notlocalhost"):
        with pytest.raises(InvalidConfigError, match=f"made without the server name {host}") as caught:
            authority.issue_server(tmp_path / "server.pem", [host], NOW)
        assert caught.value.expected == "one of localhost, 127.0.0.1, ::1"
    assert not (tmp_path / "server.pem").exists()


@pytest.mark.parametrize(
    "host", ["", "https://hub", "hub:443", "[::1]", "*.example.org", "hüb.example", "a" * 64, "a\n"]
)
def test_host_that_is_none(tmp_path: Path, host: str) -> None:
    with pytest.raises(InvalidConfigError, match="is no host name and no address"):
        ensure_authority(tmp_path, "outrider.test", NOW, [host])
    assert list(tmp_path.iterdir()) == []


def test_other_trust_domain_is_a_conflict(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="authority of another trust domain") as caught:
        ensure_authority(tmp_path / "ca", "other.test", NOW)
    assert (caught.value.found, caught.value.expected) == ("outrider.test", "other.test")


@pytest.mark.parametrize("now", [NOW - 86_400, NOW + 11 * 365 * 86_400])
def test_authority_out_of_its_time(authority: Authority, tmp_path: Path, now: float) -> None:
    with pytest.raises(InvalidConfigError, match="the authority is not valid at"):
        ensure_authority(tmp_path / "ca", "outrider.test", now)


def test_key_that_others_may_read(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ca" / "authority.pem"
    file.chmod(0o640)
    with pytest.raises(DeniedError, match="has mode 0640") as caught:
        ensure_authority(tmp_path / "ca", "outrider.test", NOW)
    assert caught.value.suggestions == [f"chmod 600 {file}"]


def test_damaged_file_is_not_replaced(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ca" / "authority.pem"
    other = ensure_authority(tmp_path / "other", "outrider.test", NOW)
    key = file.read_text().partition("-----BEGIN PRIVATE")[2]
    for damaged in ("", other.ca_pem, f"{other.ca_pem}-----BEGIN PRIVATE{key}"):
        write_private(file, damaged.encode())
        with pytest.raises(InvalidConfigError, match="is damaged"):
            ensure_authority(tmp_path / "ca", "outrider.test", NOW)
        assert file.read_text() == damaged
