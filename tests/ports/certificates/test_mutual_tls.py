import ssl
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from outrider.core.errors import InvalidConfigError
from outrider.ports.certificates.authority import Authority, ensure_authority
from outrider.ports.certificates.builder import Leaf, authority_certificate, leaf_certificate
from outrider.ports.certificates.pem import certificate_pem, key_pem
from outrider.ports.certificates.tls import client_context, load_identity, server_context
from tests.ports.certificates.parties import EYES, agent_file, ask, connected, forged_file, refusal_of, serving

DOMAIN = [x509.UniformResourceIdentifier("outrider.test")]
HANDS = "spiffe://outrider.test/tenant/default/action/hands"
pytestmark = pytest.mark.real


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return ensure_authority(tmp_path / "ca", "outrider.test", time.time())


@pytest.fixture
def context(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    authority.issue_server(tmp_path / "server.pem", [], time.time())
    return server_context(tmp_path / "server.pem", authority.ca_pem, require_client=True)


async def test_enrolled_agent_is_known(authority: Authority, context: ssl.SSLContext, tmp_path: Path) -> None:
    async with serving(context) as server:
        assert await ask(server, authority.ca_pem, agent_file(authority, tmp_path)) == EYES


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
async def test_server_is_known_by_its_local_names(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path, host: str
) -> None:
    client = client_context(authority.ca_pem, agent_file(authority, tmp_path))
    async with serving(context) as server, connected(server, client, host) as connection:
        assert await connection.who_am_i() == EYES


async def test_no_certificate_is_refused(authority: Authority, context: ssl.SSLContext) -> None:
    async with serving(context) as server:
        assert await refusal_of(server, authority.ca_pem, None) == "PEER_DID_NOT_RETURN_A_CERTIFICATE"


async def test_no_certificate_is_nobody_where_it_is_optional(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path
) -> None:
    optional = server_context(tmp_path / "server.pem", authority.ca_pem, require_client=False)
    async with serving(optional) as server:
        assert await ask(server, authority.ca_pem, None) == "UNAUTHENTICATED: no client certificate"
        assert await ask(server, authority.ca_pem, agent_file(authority, tmp_path)) == EYES


async def test_rogue_authority_with_equal_names_is_refused(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path
) -> None:
    rogue = ensure_authority(tmp_path / "rogue", "outrider.test", time.time())
    async with serving(context) as server:
        reason = await refusal_of(server, authority.ca_pem, agent_file(rogue, tmp_path))
        assert reason == "unable to get local issuer certificate"
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(server, rogue.ca_pem, agent_file(rogue, tmp_path))


@pytest.mark.parametrize(
    ("issued", "reason"), [(-7200.0, "certificate has expired"), (7200.0, "certificate is not yet valid")]
)
async def test_expired_and_future_certificates_are_refused(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path, issued: float, reason: str
) -> None:
    async with serving(context) as server:
        assert await refusal_of(server, authority.ca_pem, agent_file(authority, tmp_path, issued=issued)) == reason


async def test_foreign_trust_domain_is_refused_by_constraint(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path
) -> None:
    name = x509.UniformResourceIdentifier(EYES.replace("outrider.test", "evil.test"))
    async with serving(context) as server:
        assert (
            await refusal_of(server, authority.ca_pem, forged_file(authority, tmp_path, [name]))
            == "permitted subtree violation"
        )


async def test_forged_certificate_of_our_domain_would_pass(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path
) -> None:
    """The control of the tests around it: forging alone is not what is refused there."""
    async with serving(context) as server:
        assert (
            await ask(
                server, authority.ca_pem, forged_file(authority, tmp_path, [x509.UniformResourceIdentifier(EYES)])
            )
            == EYES
        )


async def test_two_identities_are_none(authority: Authority, context: ssl.SSLContext, tmp_path: Path) -> None:
    names = [x509.UniformResourceIdentifier(EYES), x509.UniformResourceIdentifier(HANDS)]
    async with serving(context) as server:
        answer = await ask(server, authority.ca_pem, forged_file(authority, tmp_path, names))
    assert answer == "UNAUTHENTICATED: the client certificate names not exactly one identity"


async def test_server_certificate_is_no_client(authority: Authority, context: ssl.SSLContext, tmp_path: Path) -> None:
    async with serving(context) as server:
        assert await refusal_of(server, authority.ca_pem, tmp_path / "server.pem") == "unsuitable certificate purpose"


async def test_agent_certificate_is_no_server(authority: Authority, tmp_path: Path) -> None:
    agent = agent_file(authority, tmp_path)
    async with serving(server_context(agent, authority.ca_pem, require_client=True)) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(server, authority.ca_pem, agent)


async def test_server_name_outside_the_constraints_is_refused(authority: Authority, tmp_path: Path) -> None:
    identity = forged_file(authority, tmp_path, [x509.DNSName("bank.example")], ExtendedKeyUsageOID.SERVER_AUTH)
    async with serving(server_context(identity, authority.ca_pem, require_client=False)) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
            async with connected(server, client_context(authority.ca_pem), "bank.example"):
                pass


async def test_authority_below_the_authority_is_refused(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path
) -> None:
    async with serving(context) as server:
        assert (
            await refusal_of(server, authority.ca_pem, below(authority, tmp_path)) == "path length constraint exceeded"
        )


def below(authority: Authority, folder: Path) -> Path:
    """Return an agent's identity whose issuer is an authority that ours has signed."""
    now, key, middle_key = time.time(), *(ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    uris = [x509.UniformResourceIdentifier(EYES)]
    middle = signed_by(
        authority, authority_certificate(middle_key, DOMAIN, title="below", start=now - 30, end=now + 60)
    )
    leaf = Leaf(key.public_key(), uris, ExtendedKeyUsageOID.CLIENT_AUTH)
    chain = [leaf_certificate(leaf, middle, middle_key, start=now - 30, end=now + 60), middle]
    identity = folder / "below.pem"
    identity.write_text("".join(map(certificate_pem, chain)) + key_pem(key).decode())
    return identity


def signed_by(authority: Authority, draft: x509.Certificate) -> x509.Certificate:
    root = authority._certificate
    builder = x509.CertificateBuilder(root.subject, draft.subject, draft.public_key(), 7)
    builder = builder.not_valid_before(draft.not_valid_before_utc).not_valid_after(draft.not_valid_after_utc)
    for extension in draft.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    key_id = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id)
    return builder.add_extension(identifier, critical=False).sign(authority._key, hashes.SHA256())


async def test_sessions_are_not_resumed(authority: Authority, context: ssl.SSLContext, tmp_path: Path) -> None:
    """A resumed session would not show its certificate again."""
    client = client_context(authority.ca_pem, agent_file(authority, tmp_path))
    async with serving(context) as server, connected(server, client) as connection:
        await connection.who_am_i()
        assert not connection.has_ticket


async def test_renewed_certificate_is_used_for_new_connections(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path
) -> None:
    client = client_context(authority.ca_pem, agent_file(authority, tmp_path, issued=-7200.0))
    async with serving(context) as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with connected(server, client) as connection:
                await connection.who_am_i()
        load_identity(client, agent_file(authority, tmp_path))
        async with connected(server, client) as connection:
            assert await connection.who_am_i() == EYES


async def test_renewal_during_a_connection(authority: Authority, context: ssl.SSLContext, tmp_path: Path) -> None:
    client = client_context(authority.ca_pem, agent_file(authority, tmp_path))
    async with serving(context) as server, connected(server, client) as connection:
        load_identity(client, agent_file(authority, tmp_path, name="renewed"))
        assert await connection.who_am_i() == EYES


async def test_reloaded_server_shows_its_new_certificate(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path
) -> None:
    client = client_context(authority.ca_pem, agent_file(authority, tmp_path))
    async with serving(context) as server, connected(server, client) as old:
        authority.issue_server(tmp_path / "server.pem", [], time.time())
        load_identity(context, tmp_path / "server.pem")
        async with connected(server, client) as new:
            assert new.server_serial != old.server_serial
            assert [await old.who_am_i(), await new.who_am_i()] == [EYES, EYES]


@pytest.mark.parametrize("damage", ["absent", "empty", "other key"])
async def test_failed_reload_keeps_the_old_certificate(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path, damage: str
) -> None:
    good, agent = tmp_path / "server.pem", agent_file(authority, tmp_path)
    mixed = good.read_text().partition("-----BEGIN PRIVATE")[0] + (tmp_path / "agent.key").read_text()
    bad = tmp_path / "bad.pem"
    if damage != "absent":
        bad.write_text("" if damage == "empty" else mixed)
    with pytest.raises(InvalidConfigError, match="cannot be used as identity"):
        load_identity(context, bad)
    async with serving(context) as server:
        assert await ask(server, authority.ca_pem, agent) == EYES


async def test_encrypted_key_is_refused_without_a_question(context: ssl.SSLContext, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
    (tmp_path / "sealed.pem").write_bytes(
        (tmp_path / "server.pem").read_bytes().partition(b"-----BEGIN PRIVATE")[0] + sealed
    )
    with pytest.raises(InvalidConfigError, match="cannot be used as identity"):
        load_identity(context, tmp_path / "sealed.pem")


def test_authority_that_is_no_certificate() -> None:
    with pytest.raises(InvalidConfigError, match="authority's certificate cannot be used"):
        client_context("nothing")
