import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.runtime.sandbox.landlock import DEVICE, READ, RUN, WRITE, ruleset, signal_ruleset


@pytest.mark.parametrize(
    ("abi", "size", "fs", "net", "scoped"),
    [
        (1, 8, 0x1FFF, 0, 0),
        (2, 8, 0x3FFF, 0, 0),
        (3, 8, 0x7FFF, 0, 0),
        (4, 16, 0x7FFF, 3, 0),
        (5, 16, 0xFFFF, 3, 0),
        (6, 24, 0xFFFF, 3, 3),
        (7, 24, 0xFFFF, 3, 3),
        (9, 24, 0xFFFF, 3, 3),
    ],
)
def test_only_bits_that_the_version_knows(abi: int, size: int, fs: int, net: int, scoped: int) -> None:
    found = ruleset(abi, paths=[])
    assert (found["size"], found["fs"], found["net"], found["scoped"]) == (size, fs, net, scoped)


@given(abi=st.integers(1, 12), rights=st.sampled_from([READ, RUN, WRITE, DEVICE]))
def test_a_rule_never_names_what_the_ruleset_does_not_handle(abi: int, rights: int) -> None:
    found = ruleset(abi, paths=[("/x", rights)])
    assert found["paths"][0][1] & ~found["fs"] == 0
    assert found["paths"][0][1] != 0


def test_ports() -> None:
    found = ruleset(4, paths=[], connect_ports=[443, 53], listen_ports=[443, 80])
    assert found["ports"] == [(53, 2), (80, 1), (443, 3)]
    assert ruleset(3, paths=[], connect_ports=[443])["ports"] == []


def test_signals_are_scoped_from_version_6_on() -> None:
    assert signal_ruleset(5) is None
    assert signal_ruleset(6) == {"fs": 0, "net": 0, "scoped": 2, "size": 24, "paths": [], "ports": []}


def test_what_is_written_cannot_be_started() -> None:
    assert not WRITE & 1
