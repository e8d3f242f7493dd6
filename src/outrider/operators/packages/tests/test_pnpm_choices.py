"""What pnpm makes of ranges, preferences and cycles, and the YAML that it writes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.locks.writing.yaml_text import yaml_text
from outrider.operators.packages.npm.packages import NpmPackage
from outrider.operators.packages.npm.pnpm.cycles import cycles
from outrider.operators.packages.npm.pnpm.extensions import known_extensions
from outrider.operators.packages.npm.pnpm.picking import Preference, picked
from outrider.operators.packages.npm.pnpm.ranges import met
from outrider.operators.packages.npm.pnpm.specs import Selector, read_selector, saved
from outrider.operators.packages.npm.records import compiled
from outrider.operators.packages.npm.targets import NpmTarget
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

import msgspec  # isort: skip

MET = [
    (["^1.2.0"], ">=1.2.0 <2.0.0-0"),
    ([">=1.0.0-0"], ">=1.0.0-0"),
    (["^2.0.0-beta.1"], ">=2.0.0-beta.1 <3.0.0-0"),
    (["<2.0.0-rc.1 || ^3"], "<2.0.0-rc.1 || >=3.0.0 <4.0.0-0"),
    (["^16 || ^17 || ^18", ">=17"], ">=17.0.0 <18.0.0-0 || >=18.0.0 <19.0.0-0"),
    (["^18", "18.2.0"], "18.2.0"),
    (["*", "x"], "*"),
    (["^1", "^2"], None),
    (["^1", "workspace:*"], None),
    (["^1 || ^2", "^2 || ^3", "^1 || ^3"], ">=1.0.0 <2.0.0-0 || >=3.0.0 <4.0.0-0"),
]


@pytest.mark.parametrize(("ranges", "expected"), MET)
def test_ranges_that_meet(ranges: list[str], expected: str | None) -> None:
    assert met(ranges) == expected


VERSIONS = ["0.9.0", "1.0.0", "1.2.0-rc.1", "1.2.0", "1.2.3", "2.0.0-beta", "2.0.0", "2.5.0", "3.0.0"]
RANGE = st.sampled_from(["^1", "~1.2", ">=1.2.0-rc.0", "<2", ">1 <=2.0.0", "1.2.x || 2", "*", "^0.9 || ^3", "1.2.3"])


@given(st.lists(RANGE, min_size=1, max_size=2, unique=True))
@settings(max_examples=40)
def test_what_is_in_two_ranges_is_in_both(ranges: list[str]) -> None:
    table = VersionTable(scheme_of("npm"), VERSIONS)
    mask = table.everything
    for one in ranges:
        mask &= table.mask(one)
    both = met(ranges)
    assert both is not None or not mask
    assert not mask & ~(table.mask(both) if both is not None else 0)


SELECTORS = [
    ("a", "^1", Selector("a", "range", "^1")),
    ("a", "v1.2.3+x", Selector("a", "version", "1.2.3")),
    ("a", "next", Selector("a", "tag", "next")),
    ("a", "", Selector("a", "tag", "latest")),
    ("a", "npm:@b/c@^1", Selector("@b/c", "range", "^1")),
    ("a", "npm:@b/c", Selector("@b/c", "tag", "latest")),
    ("a", "npm:b", Selector("b", "tag", "latest")),
    ("a", "git://files.test/a", None),
    ("a", "catalog:", None),
]


@pytest.mark.parametrize(("alias", "text", "expected"), SELECTORS)
def test_what_is_asked_for(alias: str, text: str, expected: Selector | None) -> None:
    assert read_selector(alias, text) == expected


SAVED = [
    ("^1", "^1.5.0"),
    ("~1.1", "~1.5.0"),
    ("1.5.0", "1.5.0"),
    ("1", "^1.5.0"),
    ("1.5", "~1.5.0"),
    (">=1", "^1.5.0"),
    ("next", "next"),
]


@pytest.mark.parametrize(("text", "expected"), SAVED)
def test_how_it_would_be_saved(text: str, expected: str) -> None:
    assert saved("a", text, Selector("a", "range", text), "1.5.0") == expected
    assert saved("a", f"npm:b@{text}", Selector("b", "range", text), "1.5.0-rc.1") == "npm:b@1.5.0-rc.1"


def package(*versions: str, latest: str = "", old: str = "") -> NpmPackage:
    registry = NpmRegistry()
    for version in versions:
        registry.add(f"a@{version}", deprecated="old" if version in old.split() else "")
    if latest:
        registry.tag("a", "latest", latest)
    content = msgspec.json.encode(registry.documents["a"])
    return NpmPackage("a", compiled("a", content, ""), NpmTarget("", ""), "")


def test_which_version_is_picked() -> None:
    one = package("1.0.0", "1.1.0", "1.2.0", "2.0.0", latest="1.1.0", old="2.0.0")

    def version(text: str, **preferences: Preference) -> str:
        bit = picked(
            one, Selector("a", "range", text), {name.replace("_", "."): one for name, one in preferences.items()}
        )
        return "" if bit is None else one.table.versions[bit]

    direct, near = Preference("version", 1000), Preference("version", 1)
    assert version("^1") == "1.1.0"
    assert version(">1.1.0") == "1.2.0"
    assert version("^2") == "2.0.0"
    assert version("^3") == ""
    assert version("^1", **{"1_0_0": near}) == "1.0.0"
    assert version("^1", **{"1_0_0": near, "1_2_0": direct}) == "1.2.0"
    assert version("^1", **{"1_0_0": near, "1_1_0": near}) == "1.1.0"
    assert version(">1.1.0", **{">=2": Preference("range", 1000)}) == "2.0.0"
    one.preferred = 0b101
    assert version("^1") == "1.2.0"
    bit = picked(one, Selector("a", "range", "^1"), {}, "1.0.0")
    assert bit == 0


def test_what_is_added_to_manifests() -> None:
    said = known_extensions().applied({"name": "debug", "version": "4.1.0", "peerDependenciesMeta": {"x": {}}})
    assert said["peerDependenciesMeta"] == {"supports-color": {"optional": True}, "x": {}}
    assert known_extensions().applied({"name": "debug", "version": "4.2.0"}) == {"name": "debug", "version": "4.2.0"}


def test_cycles() -> None:
    assert cycles({"a": ["b", "c"], "b": ["a"], "c": ["c"], "d": ["a"]}) == [["a", "b"], ["c"]]
    assert cycles({"a": ["b"], "b": ["c"]}) == []


@given(st.dictionaries(st.sampled_from("abcde"), st.lists(st.sampled_from("abcdef"), max_size=3)))
@settings(max_examples=50)
def test_cycles_are_cycles(graph: dict[str, list[str]]) -> None:
    for cycle in cycles(graph):
        assert all(two in graph[one] for one, two in zip(cycle, [*cycle[1:], cycle[0]], strict=True))


SCALARS = [
    ("1.0.0", "1.0.0"), ("1.0", "'1.0'"), ("18", "'18'"), ("0x1f", "'0x1f'"), ("1e3", "'1e3'"), ("yes", "yes"), ("true", "'true'"),
    ("null", "'null'"), ("2024-01-02", "'2024-01-02'"), ("^1", "^1"), (">=1", "'>=1'"), ("*", "'*'"), ("a: b", "'a: b'"), ("a:b", "a:b"),
    ("a #b", "'a #b'"), ("a#b", "a#b"), ("it's", "it's"), ("'", "''''"), (" a", "' a'"), ("a\tb", '"a\\tb"'), ("é", "é"), ("\u2028", '"\\L"'),
    ("a\nb", "|-\n  a\n  b"), ("a\nb\n", "|\n  a\n  b"), ("\n a", "|2-\n\n   a"), ("<<", "'<<'"), ("", "''"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_texts(text: str, expected: str) -> None:
    assert yaml_text({"a": text}) == f"a: {expected}\n"


def test_what_is_on_one_line() -> None:
    document = {
        "packages": {
            "a": {"engines": {"node": ">=1, <3"}, "cpu": ["x,y", "z"], "x": ["a", {"b": "c"}], "y": True},
            "b": {},
        }
    }
    expected = "packages:\n\n  a:\n    engines: {node: '>=1, <3'}\n    cpu: ['x,y', z]\n    x:\n      - a\n      - b: c\n    y: true\n\n  b: {}\n"
    assert yaml_text(document) == expected


def test_a_long_key() -> None:
    key = f"a@1.0.0({'b' * 1024})"
    assert yaml_text({"snapshots": {key: {"dependencies": {"c": "1.0.0"}}, "d": {}}}) == (
        f"snapshots:\n\n  ? {key}\n  : dependencies:\n      c: 1.0.0\n\n  d: {{}}\n"
    )


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=16), max_size=2))
@settings(max_examples=25)
def test_what_is_written_is_read(table: dict[str, str]) -> None:
    def readable(text: str) -> bool:
        return "\r" not in text and all(ord(sign) not in range(0xD800, 0xE000) for sign in text)

    # pnpm puts a blank line behind each of these, also where a text ends with lines that are kept.
    apart = {key: value for key, value in table.items() if readable(key + value) and not f"\n{value}".endswith("\n\n")}
    together = {key: value for key, value in table.items() if readable(key + value)}
    document = {"packages": apart, "overrides": together, "x": "y"}
    assert read_yaml("a", yaml_text(document))[0] == document
