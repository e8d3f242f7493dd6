import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.identity import PRINCIPAL_KINDS, Principal, parse_spiffe_id, spiffe_id

EYES = Principal("default", "sensor", "eyes")
segments = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True)


def test_written_form() -> None:
    assert spiffe_id("outrider.local", EYES) == "spiffe://outrider.local/tenant/default/sensor/eyes"


@given(st.from_regex(r"[a-z0-9._-]{1,40}", fullmatch=True), segments, st.sampled_from(PRINCIPAL_KINDS), segments)
def test_round_trip(trust_domain: str, tenant: str, kind: str, name: str) -> None:
    principal = Principal(tenant, kind, name)  # type: ignore[arg-type]  # sampled from the kinds
    assert parse_spiffe_id(spiffe_id(trust_domain, principal)) == (trust_domain, principal)


def test_groups_do_not_travel() -> None:
    principal = Principal("default", "user", "ana", ("oncall",))
    assert parse_spiffe_id(spiffe_id("td", principal))[1].groups == ()


@pytest.mark.parametrize(
    "principal",
    [
        Principal("a/b", "sensor", "x"),
        Principal("default", "sensor", ".."),
        Principal("default", "sensor", ""),
        Principal("default", "user", "ana@example.org"),
        Principal("default", "sensor", "x" * 2048),
        Principal("default", "sensor", "x\n"),
    ],
)
def test_impossible_principals(principal: Principal) -> None:
    with pytest.raises(InvalidConfigError):
        spiffe_id("td", principal)


@pytest.mark.parametrize("trust_domain", ["", "Upper", "a b", "a" * 256, "host:80", "a\n"])
def test_impossible_trust_domains(trust_domain: str) -> None:
    with pytest.raises(InvalidConfigError, match="is not a trust domain"):
        spiffe_id(trust_domain, EYES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spiffe://td",
        "https://td/tenant/default/sensor/eyes",
        "SPIFFE://td/tenant/default/sensor/eyes",
        "spiffe://td:443/tenant/default/sensor/eyes",
        "spiffe://user@td/tenant/default/sensor/eyes",
        "spiffe://td/tenant/default/sensor/eyes/",
        "spiffe://td/tenant/default/sensor/eyes?x=1",
        "spiffe://td/tenant/default/sensor/eyes#x",
        "spiffe://td/tenant/default/sensor/%65yes",
        "spiffe://td/tenant/../sensor/eyes",
        "spiffe://td//default/sensor/eyes",
        "spiffe://td/tenant/default/king/eyes",
        "spiffe://td/ns/default/sensor/eyes",
        "spiffe://td/tenant/default/sensor/eyes\n",
        "spiffe://td/tenant/default/sensor/" + "e" * 2048,
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="not a SPIFFE ID of this platform"):
        parse_spiffe_id(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        trust_domain, principal = parse_spiffe_id(text)
    except InvalidConfigError:
        return
    assert spiffe_id(trust_domain, principal) == text
