"""What repositories write of versions, and texts and tables that nobody meant as such."""

from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.composer.branches import branch_alias, inline_aliases, reference_of, written
from outrider.operators.packages.composer.constraints import ANYTHING, Constraints, merged
from outrider.operators.packages.composer.naming import matcher
from outrider.operators.packages.composer.records import compiled, compiled_document
from outrider.operators.packages.composer.releases import ReleaseReader
from outrider.operators.packages.composer.roots import read_root
from outrider.operators.packages.composer.stabilities import NAMES, flags_of, stability_of
from outrider.operators.packages.tests.composer_registry import minified
from outrider.operators.packages.tests.generators.composer import version, version_range
from outrider.operators.packages.versions.composer import key_of, normal_form
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=5) | st.sampled_from(["1.0", "self.version", "__unset"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a/b", "name", "version", "x"]) | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
FIELDS = (
    "require",
    "conflict",
    "provide",
    "replace",
    "dist",
    "license",
    "time",
    "abandoned",
    "extra",
    "default-branch",
    "version_normalized",
)
ENTRIES = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4).map(
    lambda one: {"name": "a/b", "version": "1.0", **one}
)


@given(st.lists(ENTRIES | JSON, max_size=5), st.sampled_from(["composer/2.0", None]))
def test_any_versions_are_read_or_left_out(versions: list[Any], form: str | None) -> None:
    entries = list(ReleaseReader().read("a/b", versions, minified=form))
    assert len(entries) == len(versions)
    record = compiled(entries)
    assert len(record.versions) + record.left_out == len(versions)
    for position in range(len(record.versions)):
        record.release(position)


@given(JSON)
def test_any_document_is_read(content: Any) -> None:
    compiled_document("a/b", content)
    if isinstance(content, dict):
        read_root("https://own.test/packages.json", content)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["require", "license", "time", "extra"]), st.integers(0, 3), max_size=4),
        max_size=6,
    )
)
def test_versions_that_are_written_as_what_differs(versions: list[dict[str, Any]]) -> None:
    whole = [{"name": "a/b", "version": f"1.{number}", **one} for number, one in enumerate(versions)]
    plain = compiled(ReleaseReader().read("a/b", whole))
    assert compiled(ReleaseReader().read("a/b", minified(whole), minified="composer/2.0")) == plain


def test_no_more_versions_than_there_may_be() -> None:
    versions = [{"name": "a/b", "version": "1.0"}] * 30_000
    assert sum(1 for _ in ReleaseReader().read("a/b", versions)) == 20_000


def test_no_more_letters_than_there_may_be() -> None:
    long = " || ".join(f"^{number}" for number in range(400))
    versions = [{"name": "a/b", "version": f"1.{number}", "require": {"c/d": long}} for number in range(3_000)]
    found = list(ReleaseReader().read("a/b", versions))
    assert sum(one is not None for one in found) == (4 << 20) // len(long)


@pytest.mark.parametrize("text", ["1" + "|1" * 500, "!=1 " * 33, "1" * 9_000])
def test_no_longer_constraints_than_there_may_be(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="not a range of Composer"):
        Constraints().read(text)


def test_no_more_links_than_there_may_be() -> None:
    links = {f"a/x{number}": "*" for number in range(4_000)}
    versions = [{"name": "a/b", "version": f"1.{number}", "require": links} for number in range(300)]
    found = list(ReleaseReader().read("a/b", versions))
    assert sum(one is not None for one in found) == 250
    assert list(
        ReleaseReader().read(
            "a/b", [{"name": "a/b", "version": "1", "require": dict.fromkeys(map(str, range(6_000)), "*")}]
        )
    ) == [None]


@pytest.mark.parametrize(
    "fields",
    [
        {"version": ""},
        {"version": None},
        {"version": "one"},
        {"version": "1." + "0" * 300},
        {"version_normalized": "one"},
        {"require": {"c/d": "one two"}},
        {"require": {"c/d": 3}},
        {"require": ["c/d"]},
        {"conflict": "c/d"},
        {"provide": {"c/d": "1" + "|1" * 8_000}},
        {"version": "1.x.y", "replace": {"c/d": "self.version"}},
    ],
)
def test_a_version_that_cannot_be_read_is_left_out_alone(fields: dict[str, Any]) -> None:
    record = compiled(
        ReleaseReader().read("a/b", [{"name": "a/b", "version": "1.0", **fields}, {"name": "A/B", "version": "2.0"}])
    )
    assert (record.versions, record.left_out) == (["2.0"], 1)


def test_what_is_read_of_a_version() -> None:
    said: dict[str, Any] = {
        "name": "A/B", "version": "v1.0", "version_normalized": "9999999-dev", "require": {"C/D": "^1", "a/b": "*"}, "conflict": [], "replace": None,
        "dist": {"url": "https://files.test/x", "shasum": "ab"}, "license": "MIT", "abandoned": True, "time": "2020-02-03 10:00:00",
    }  # fmt: skip
    (entry,) = ReleaseReader().read("a/b", {"v1.0": said})
    assert entry is not None
    assert (entry.version, entry.normal, entry.alias, entry.published) == ("v1.0", "1.0.0.0", "", 1580724000.0)
    release = entry.release
    assert (release.requires, release.url, release.sha1, release.licence) == (
        {"c/d": "^1"},
        "https://files.test/x",
        "ab",
        "MIT",
    )
    assert release.abandoned


def test_numbers_as_versions() -> None:
    (entry,) = ReleaseReader().read("a/b", [{"name": "a/b", "version": 3}])
    assert entry is not None
    assert entry.normal == "3.0.0.0"


@pytest.mark.parametrize(
    ("branch", "aliases", "is_default", "found"),
    [
        ("dev-main", [("dev-main", "2.x-dev")], False, "2.9999999.9999999.9999999-dev"),
        ("dev-main", [("dev-main", "2.1-dev")], False, "2.1.9999999.9999999-dev"),
        ("dev-main", [("DEV-Main", "v2.1.x-dev")], True, "2.1.9999999.9999999-dev"),
        ("dev-main", [("dev-main", "2.1")], False, ""),
        ("dev-main", [("dev-main", "dev-next")], True, "9999999-dev"),
        ("dev-main", [("dev-next", "2.x-dev")], False, ""),
        ("1.x-dev", [("1.x-dev", "1.4.x-dev")], False, "1.4.9999999.9999999-dev"),
        ("1.x-dev", [("1.x-dev", "2.4.x-dev")], True, ""),
        ("1.0", [("1.0", "1.x-dev")], True, ""),
        ("dev-main", [("dev-main", "9999999-dev")], False, "9999999-dev"),
    ],
)
def test_what_a_branch_is_called_too(branch: str, aliases: list[tuple[str, str]], is_default: bool, found: str) -> None:
    assert branch_alias(branch, aliases, is_default=is_default) == found


def test_aliases_as_people_write_them() -> None:
    assert written("2.1.9999999.9999999-dev") == "2.1.x-dev"
    assert written("9999999-dev") == "9999999-dev"
    assert list(inline_aliases("dev-main#abc as 1.0.x-dev")) == [("dev-main", "1.0.9999999.9999999-dev", "1.0.x-dev")]
    assert list(inline_aliases("^1 || dev-a as 1.5")) == [("dev-a", "1.5.0.0", "1.5")]
    assert list(inline_aliases("^1")) == []
    with pytest.raises(InvalidConfigError):
        list(inline_aliases("dev-a as "))
    assert reference_of("dev-main#abc") == "abc"
    assert reference_of("dev-main#abc as 1.0") == "abc"
    assert reference_of("dev-main#xyz") == ""


@pytest.mark.parametrize(
    ("constraint", "minimum", "flag"),
    [
        ("^1.0", "stable", None),
        ("^1.0@beta", "stable", "beta"),
        ("@DEV", "stable", "dev"),
        ("^1@RC || ^2@alpha", "stable", "alpha"),
        ("^1@stable", "dev", "stable"),
        ("dev-main", "stable", "dev"),
        ("dev-main as 1.0", "stable", "dev"),
        ("1.0.x-dev#abc", "stable", "dev"),
        (">=1.0-beta1 <2", "stable", "beta"),
        ("^1.0-RC1", "beta", None),
        ("^1.0-alpha", "beta", "alpha"),
        ("1.0.0-stable", "stable", None),
    ],
)
def test_how_unstable_a_constraint_lets_a_package_be(constraint: str, minimum: str, flag: str | None) -> None:
    rank = {name: one for one, name in NAMES.items()}[minimum]
    assert {name: NAMES[one] for name, one in flags_of("a/b", constraint, rank).items()} == (
        {} if flag is None else {"a/b": flag}
    )


@pytest.mark.parametrize(
    ("text", "stability"),
    [
        ("1.0", "stable"), ("1.0-p1", "stable"), ("1.0-RC2", "RC"), ("1.0b3", "beta"), ("1.0.a.1", "alpha"), ("dev-x", "dev"),
        ("1.0-beta-dev", "dev"), ("1.0.dev", "dev"), ("1.0+dev", "stable"), ("1.0-RC+b", "RC"), ("1.x-dev#1", "dev"),
    ],
)  # fmt: skip
def test_how_unstable_a_version_is(text: str, stability: str) -> None:
    assert NAMES[stability_of(text)] == stability


def test_constraints_over_generated_versions() -> None:
    """What a constraint allows is what a table says; what two allow together is what they have in common."""
    random = Random(5)
    versions = [version(random) for _ in range(300)]
    table = VersionTable(scheme_of("composer"), versions)
    keys = [key_of(normal_form(one)) for one in table.versions]
    constraints = Constraints()
    known = []
    for _ in range(300):
        with suppress(InvalidConfigError):
            known.append(constraints.read(version_range(random)))
    for one in known:
        allowed = [text for text, key in zip(table.versions, keys, strict=True) if one.allows(key)]
        assert allowed == table.named(table.mask(one.text))
        assert one.is_within(ANYTHING)
        assert merged(span for part in one.parts() for span in part) == one.spans
        other = random.choice(known)
        either = one.or_else(other)
        assert one.is_within(either)
        assert other.is_within(either)
        assert all(either.allows(key) == (one.allows(key) or other.allows(key)) for key in keys)
        if any(one.allows(key) and other.allows(key) for key in keys):
            assert one.meets(other)
            assert other.meets(one)
        if one.is_within(other):
            assert all(other.allows(key) for key in keys if one.allows(key))


@given(st.text(alphabet="ab*/", max_size=8), st.text(alphabet="ab/", max_size=8))
def test_patterns_of_names(pattern: str, name: str) -> None:
    match = matcher([pattern])
    assert match is not None
    assert match(name) == fits(pattern, name)


def fits(pattern: str, name: str) -> bool:
    """Return whether a name fits a pattern, letter by letter."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(fits(pattern[1:], name[at:]) for at in range(len(name) + 1))
    return bool(name) and name[0] == pattern[0] and fits(pattern[1:], name[1:])


@pytest.mark.timeout(5)
def test_many_stars_take_no_time() -> None:
    match = matcher(["*a" * 5_000])
    assert match is not None
    assert not match("a" * 4_000 + "b")
