from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.manifest import Manifest, read_manifest
from tests.core.profiles import quick
from tests.core.shop import SHOP, manifest
from tests.core.values import outcome

GET = 'name = "get"\neffect = "read"'


def faults(text: str) -> list[tuple[str, str]]:
    """Return path and finding of every fault of a manifest."""
    with pytest.raises(InvalidConfigError) as caught:
        manifest(text)
    assert caught.value.source == "manifest.toml"
    found = caught.value.causes or [caught.value]
    assert all(fault.hint for fault in found)
    return [(fault.path, fault.found) for fault in found]


def test_good_manifest() -> None:
    family: Any = manifest().family
    assert (family.name, [operation.name for operation in family.operations]) == ("shop", ["get", "put_back"])
    assert (family.operations[0].effect.changes, family.operations[1].effect.changes) == (False, True)
    assert family.operations[0].timeout == 10.0


@pytest.mark.parametrize("name", ["Shop", "s", "9shop", "my_shop", "shop.x", "a" * 33, "-shop", "shop\\n"])
def test_names_of_families(name: str) -> None:
    ((path, _),) = faults(SHOP.replace('name = "shop"', f'name = "{name}"'))
    assert path == "family.name"
    assert faults(SHOP.replace('name = "books"', f'name = "{name}"'))[0][0] == "family.name"


@pytest.mark.parametrize("alias", ["shop", "music"])
def test_names_of_one_family_differ(alias: str) -> None:
    assert faults(SHOP.replace('name = "books"', f'name = "{alias}"')) == [("family.name", alias)]


@pytest.mark.parametrize("name", ["Get", "g", "get-it", "get.it", "a" * 41, "1get"])
def test_names_of_operations(name: str) -> None:
    assert faults(SHOP.replace('name = "get"', f'name = "{name}"')) == [(f"family.operations.{name}", name)]


@pytest.mark.parametrize("alias", ["get", "put_back"])
def test_verbs_of_one_family_differ(alias: str) -> None:
    assert [found for _, found in faults(SHOP.replace("get_novels", alias))] == [alias]


@pytest.mark.parametrize("letter", ["h", "o", "nn", "N", "1"])
def test_letters_for_parameters(letter: str) -> None:
    title = 'title = "Shop"'
    assert title in SHOP
    assert faults(SHOP.replace(title, f'{title}\nshort = {{ {letter} = "name" }}')) == [("family.short", letter)]


def test_name_of_a_tool_is_bounded() -> None:
    long = SHOP.replace('name = "shop"', f'name = "{"s" * 32}"').replace('name = "get"', f'name = "{"g" * 32}"')
    assert faults(long) == [(f"family.operations.{'g' * 32}", "g" * 32)]
    assert manifest(long.replace("g" * 32, "g" * 31)).family is not None


def test_family_has_operations() -> None:
    head = SHOP.partition("[[")[0]
    assert faults(f"{head}operations = []") == [("family.operations", "[]")]
    assert faults(head)[0][0] == "family.operations"


def test_codes_are_those_of_the_table() -> None:
    text = SHOP.replace(GET, f'{GET}\nerrors = ["NOT_FOUND", "OOPS"]')
    assert faults(text) == [("family.operations.get.errors", "OOPS")]


@pytest.mark.parametrize(("effect", "good"), [("read", False), ("write", False), ("destroy", True)])
def test_what_has_no_plan_counts_as_destroy(effect: str, *, good: bool) -> None:
    text = SHOP.replace(GET, f'name = "get"\neffect = "{effect}"\nhas_plan = false')
    if good:
        assert manifest(text).family is not None
    else:
        assert faults(text) == [("family.operations.get.has_plan", "false")]


def test_every_fault_is_told_at_once() -> None:
    text = SHOP.replace('name = "get"', 'name = "Get"\nerrors = ["A", "B"]').replace('name = "music"', 'name = "Music"')
    assert [found for _, found in faults(text)] == ["Music", "Get", "A", "B"]


def test_unknown_and_missing_fields_are_told_at_once() -> None:
    text = SHOP.replace('title = "Shop"', 'titel = "Shop"').replace('effect = "write"', 'effect = "wrote"')
    assert [path for path, _ in faults(text)] == ["family.titel", "family.operations[1].effect", "family.title"]


@pytest.mark.parametrize(
    "text", ["[family", "a = 1\na = 2", "x = " + "[" * 10_000, f"x = {'9' * 5000}", "x = 2026-02-30"]
)
def test_what_is_no_toml(text: str) -> None:
    with pytest.raises(InvalidConfigError, match="not TOML") as caught:
        manifest(text)
    assert caught.value.source == "manifest.toml"


@given(st.text(max_size=80) | st.text("[]{}=\"'abc.\n#,1", max_size=80))
@quick
def test_random_text_is_read_or_refused(text: str) -> None:
    found = outcome(lambda: read_manifest(text, "manifest.toml"))
    assert isinstance(found, Manifest) or (found.code, found.source) == ("INVALID_CONFIG", "manifest.toml")
