"""The certificates of the webhooks: whatever the time, what is shown is trusted, and nothing is shown that was not trusted in time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.controller.certificates import LIFETIME, OVERLAP, RENEW_BEFORE, Held, Issued, next_look, rotated
from outrider.controller.keeper import held_in, secret_data
from outrider.ports.certificates.key_pair import KeyPair
from outrider.ports.certificates.subjects import DAY, ends_at, serves
from outrider.ports.kube.objects import read_object

HOST = "outrider-controller.outrider-system.svc"
NOW = 1_800_000_000.0


def trusts(held: Held, issued: Issued) -> bool:
    """Return whether the API server takes a certificate, as it is trusted when this is held."""
    return issued.authority in held.trusted


def test_the_first_one_serves_and_stays_as_it_is_for_two_months() -> None:
    held = rotated(None, HOST, NOW)
    assert serves(held.current.pair, held.current.authority, HOST, NOW)
    assert rotated(held, HOST, NOW + 59 * DAY) is held
    assert next_look(held, NOW) == pytest.approx(LIFETIME - RENEW_BEFORE, abs=2)


def test_the_next_one_is_trusted_before_it_is_shown() -> None:
    held = rotated(None, HOST, NOW)
    due = NOW + 61 * DAY
    both = rotated(held, HOST, due)
    assert both.current is held.current
    assert both.next is not None
    assert trusts(both, both.next)
    assert rotated(both, HOST, due + OVERLAP - 1) is both
    after = rotated(both, HOST, due + OVERLAP)
    assert after.current is both.next
    assert after.next is None
    assert trusts(after, held.current), "servers that are slow still show it"
    assert rotated(after, HOST, due + OVERLAP) is after


@pytest.mark.parametrize("late", [91, 1000])
def test_one_that_has_ended_is_replaced_at_once(late: int) -> None:
    held = rotated(None, HOST, NOW)
    after = rotated(held, HOST, NOW + late * DAY)
    assert serves(after.current.pair, after.current.authority, HOST, NOW + late * DAY)


def test_what_cannot_be_used_is_replaced() -> None:
    held, other = rotated(None, HOST, NOW), rotated(None, HOST, NOW)
    for bad in (
        Issued(KeyPair("nonsense", held.current.pair.key), held.current.authority),
        Issued(KeyPair(held.current.pair.certificate, other.current.pair.key), held.current.authority),
        Issued(held.current.pair, other.current.authority),
        Issued(held.current.pair, ""),
        rotated(None, "else.svc", NOW).current,
    ):
        after = rotated(Held(bad), HOST, NOW)
        assert serves(after.current.pair, after.current.authority, HOST, NOW)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-40 * DAY, 100 * DAY), min_size=1, max_size=8))
def test_whatever_the_clock_does_a_certificate_that_counts_is_shown(steps: list[float]) -> None:
    held, now = rotated(None, HOST, NOW), NOW
    for step in steps:
        now += step
        before, held = held, rotated(held, HOST, now)
        assert serves(held.current.pair, held.current.authority, HOST, now)
        assert trusts(held, held.current)
        counted = serves(before.current.pair, before.current.authority, HOST, now)
        if held.current is not before.current and counted:
            assert trusts(before, held.current), "nothing new is shown to whom has not heard of it"
            assert trusts(held, before.current)
        assert next_look(held, now) >= 1


def test_a_secret_brings_back_what_was_held_and_nothing_else_does() -> None:
    held = rotated(rotated(None, HOST, NOW), HOST, NOW + 61 * DAY)
    for one in (held, rotated(held, HOST, NOW + 62 * DAY)):
        secret = read_object({"kind": "Secret", "metadata": {"name": "s"}, "data": secret_data(one)})
        assert held_in(secret) == one
    assert held_in(None) is None
    for data in (
        {},
        {"tls.crt": "%"},
        {"tls.crt": "YQ==", "tls.key": "YQ=="},
        {**secret_data(held), "next-since": "YQ=="},
    ):
        assert held_in(read_object({"metadata": {"name": "s"}, "data": data})) is None
    assert ends_at(held.current.pair) > NOW
