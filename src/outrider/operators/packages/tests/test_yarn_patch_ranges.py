"""Ranges of patches are read as Yarn reads them, and written again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.operators.packages.yarn.patch_ranges import (
    Layer,
    bound_to,
    builtin_of,
    is_optional,
    is_relative,
    plain_path,
    read_patched,
    source_of,
    with_source,
    written,
)

NAMES = st.sampled_from(["core", "@acme/kit", "a.b"])
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
PATHS = st.lists(TEXTS.filter(lambda text: "&" not in text), min_size=1, max_size=3)


@given(NAMES, NAMES, TEXTS, PATHS, TEXTS)
def test_what_is_written_is_read_again(name: str, other: str, text: str, paths: list[str], locator: str) -> None:
    plain = f"npm:{text}"
    asked = written(f"{other}@{plain}", paths, {"version": "1.0.0", "hash": "ab12cd", "locator": locator})
    layer = Layer(name, tuple(paths), locator, "ab12cd")
    assert read_patched(name, asked) == (other, plain, (layer,))
    twice = written(f"{name}@{asked}", ["~/x"])
    assert read_patched("over", twice) == (other, plain, (layer, Layer("over", ("~/x",))))
    assert source_of("over", twice) == (name, asked)


@pytest.mark.parametrize(
    "text",
    [
        "^1", "npm:1", "patch:", "patch:core@1", "patch:core#x", "patch:#x", "patch:core@%zz#x", "patch:core@%ff#x", "patch:core@1#%e9",
        "patch:/@1#x", "patch:core@1::a=b",
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert read_patched("core", text) == ("core", text, ())
    assert source_of("core", text) is None
    assert bound_to("core", text, "shop@workspace:.") == text
    assert with_source("core", text, "npm:2") == text


def test_patches_upon_patches_have_an_end() -> None:
    assert read_patched("core", "patch:core@patch%3Acore@1#x").layers == ()
    text = "npm:1"
    for count in range(10):
        assert len(read_patched("core", text).layers) == (count if count < 9 else 0)
        text = written(f"core@{text}", ["~/x"])


def test_what_paths_say() -> None:
    for path, expected in (
        ("~/a.patch", ("~/a.patch", False, "", False)), ("optional!./a", ("./a", True, "", True)), ("a!optional!/x", ("/x", True, "", False)),
        ("optional!builtin<compat/core>", ("builtin<compat/core>", True, "compat/core", False)), ("x!../a", ("../a", False, "", True)),
    ):  # fmt: skip
        assert (plain_path(path), is_optional(path), builtin_of(path), is_relative(path)) == expected


def test_who_asks_is_noted_where_a_path_starts_from_there() -> None:
    assert bound_to("core", "patch:core@1#a&~/b", "@acme/x@workspace:a/b") == (
        "patch:core@1#a&~/b::locator=%40acme%2Fx%40workspace%3Aa%2Fb"
    )
    for text in ("patch:core@1#~/a", "patch:core@1#/a", "patch:core@1#a::version=1", "patch:core@1#builtin<x>"):
        assert bound_to("core", text, "shop@workspace:.") == text


def test_another_range_of_the_same() -> None:
    assert with_source("core", "patch:core@npm%3A1.0.0#~/a::version=1", "npm:2") == "patch:core@npm%3A2#~/a::version=1"
