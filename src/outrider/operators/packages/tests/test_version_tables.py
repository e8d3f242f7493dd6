"""What native tools said about versions and ranges, kept in tables; `python -m tests.peers.version_tables` asks them again."""

import json
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ecosystems import ECOSYSTEMS, PACKED, scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# apk is on no registry: its table is written by hand.
ASKED = [*ECOSYSTEMS, "deb", "rpm"]
TABLES = Path(__file__).parent / "tables"


def table(ecosystem: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((TABLES / f"{ecosystem}.json").read_text())
    return content


def order(ecosystem: str, one: str, two: str) -> str:
    try:
        left, right = scheme_of(ecosystem).parse(one).key, scheme_of(ecosystem).parse(two).key
    except InvalidConfigError:
        return "!"
    return "<" if left < right else ">" if left > right else "="


@pytest.mark.parametrize("ecosystem", ASKED)
def test_order_is_that_of_the_native_tool(ecosystem: str) -> None:
    rows = table(ecosystem)["order"]
    wrong = [
        (one, two, answer)
        for one, answers in rows.items()
        for two, answer in zip(rows, answers, strict=True)
        if order(ecosystem, one, two) != answer
    ]
    assert wrong == []


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS)
def test_ranges_allow_what_the_native_tool_allows(ecosystem: str) -> None:
    content = table(ecosystem)
    versions = VersionTable(scheme_of(ecosystem), content["order"])
    wrong = []
    for text, answers in content["ranges"].items():
        try:
            allowed = set(versions.named(versions.mask(text)))
        except InvalidConfigError:
            allowed = None
        for version, answer in zip(content["order"], answers, strict=True):
            known = allowed is not None and version not in versions.unsorted
            ours = ("y" if version in (allowed or ()) else "n") if known else "!"
            if ours != answer:
                wrong.append((text, version, answer))
    assert wrong == []


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS)
def test_tables_are_large_enough_to_mean_something(ecosystem: str) -> None:
    content = table(ecosystem)
    assert len(content["order"]) >= 40
    assert len(content["ranges"]) >= 40
    assert "y" in "".join(content["ranges"].values())


def test_order_of_apk_is_that_of_its_rules() -> None:
    words = [chain.split() for chain in table("apk")["chains"]]
    told = [chain[at : at + 3] for chain in words for at in range(0, len(chain) - 2, 2)]
    assert [one for one in told if order("apk", one[0], one[2]) != one[1]] == []
    assert len(told) > 50
    assert order("apk", "1.0", "1.0bc") == "!"


@pytest.mark.parametrize("ecosystem", PACKED)
def test_comparisons_are_ranges_of_what_distributions_pack(ecosystem: str) -> None:
    versions = VersionTable(scheme_of(ecosystem), ["1.0-r1", "1.1-r1", "2.0-r1"])
    assert versions.named(versions.mask(">= 1.1-r1, < 2.0-r1")) == ["1.1-r1"]
    assert versions.named(versions.mask("1.0-r1")) == ["1.0-r1"]
    for wrong in ("", "~> 1", ">= 1 < 2", ">="):
        with pytest.raises(InvalidConfigError):
            versions.mask(wrong)
