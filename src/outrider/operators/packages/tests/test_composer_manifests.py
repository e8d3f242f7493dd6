"""What a composer.json asks for, and what composer.lock has of a package."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, OutriderError, UnsupportedError
from outrider.operators.packages.composer.lock_entries import entry_of
from outrider.operators.packages.locks.writing.composer import content_hash
from outrider.operators.packages.manifests.composer import read_manifest
from outrider.operators.packages.manifests.json_editing import edited

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"require": {"acme/web": "self.version"}}, "require.acme/web"),
    ({"require": {"acme/web": "*"}, "require-dev": {"acme/web": "*"}}, "require-dev.acme/web"),
    ({"replace": {"acme/core": "self.version"}}, "replace.acme/core"),
    ({"config": {"lock": False}}, "config.lock"),
]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"require": []}, "require"),
    ({"require": {"acme/web": 1}}, "require"),
    ({"require": {"Acme/Web": "*"}}, "require.Acme/Web"),
    ({"require": {"web": "*"}}, "require.web"),
    ({"require": {"acme/web": ""}}, "require.acme/web"),
    ({"require": {"acme/web": "^x.y"}}, "require.acme/web"),
    ({"require": {"acme/web": "dev-a as "}}, "require.acme/web"),
    ({"require": {"acme/shop": "*"}, "name": "acme/shop"}, "require.acme/shop"),
    ({"conflict": {"acme/web": "nonsense"}}, "conflict.acme/web"),
    ({"provide": {"Web": "*"}}, "provide.Web"),
    ({"version": "no version"}, "version"),
]


@pytest.mark.parametrize(("document", "path"), REFUSED)
def test_what_is_not_read(document: dict[str, Any], path: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        read_manifest(msgspec.json.encode(document).decode(), {})
    assert caught.value.path == path


@pytest.mark.parametrize(("document", "path"), WRONG)
def test_what_is_wrong(document: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        read_manifest(msgspec.json.encode(document).decode(), {})
    assert caught.value.path == path


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for document in (
        text,
        msgspec.json.encode({"require": {"acme/web": text.encode("utf-8", "replace").decode()}}).decode(),
    ):
        with suppress(OutriderError):
            read_manifest(document, {})


def test_a_project_whose_version_is_told() -> None:
    text = '{"replace": {"acme/core": "self.version"}, "require": {"PHP": ">=8", "acme/web": "dev-a as 1.x-dev"}}'
    found = read_manifest(text, {"COMPOSER_ROOT_VERSION": "1.0"})
    assert [(one.key, one.name, one.range) for one in found.wishes] == [
        ("PHP", "php", ">=8"), ("acme/web", "acme/web", "dev-a as 1.x-dev"),
    ]  # fmt: skip
    assert [one.written for one in found.wishes[1].aliases] == ["1.x-dev"]


def test_the_hash_of_what_a_lock_follows_from() -> None:
    # As Composer 2.5.5 has it.
    document = {
        "scripts": {"a": "b"},
        "require": {"php": ">=8"},
        "name": "acme/shop",
        "config": {"platform": {}, "sort-packages": True},
    }
    assert content_hash(document) == "f41b59fa9e8e31a361f297a2ae8b47fb"


def test_an_entry_with_all_that_may_be_said() -> None:
    commit = "a" * 40
    said = {
        "time": "2020-01-02 03:04:05", "keywords": ["z", 10, "9"], "bin": "/bin/run", "license": "MIT", "version": "dev-main", "name": "Acme/Web",
        "dist": {"shasum": "", "url": f"https://api.github.com/repos/a/b/zipball/{commit}", "type": "zip"}, "uid": 7,
        "source": {"reference": commit, "url": "https://files.test/web", "type": "git"}, "require": {"Acme/Core": "^1", "acme/web": "*", "PHP": "*"},
        "suggest": {"b/c": "self.version", "a/b": "it"}, "scripts": {"test": "phpunit"}, "abandoned": "acme/other", "extra": {}, "description": "0",
    }  # fmt: skip
    assert msgspec.json.encode(entry_of(said, "abc123")) == msgspec.json.encode({
        "name": "Acme/Web", "version": "dev-main",
        "source": {"type": "git", "url": "https://files.test/web", "reference": "abc123"},
        "dist": {"type": "zip", "url": "https://api.github.com/repos/a/b/zipball/abc123", "reference": "abc123", "shasum": ""},
        "require": {"acme/core": "^1", "php": "*"}, "suggest": {"a/b": "it", "b/c": "dev-main"}, "bin": ["bin/run"], "type": "library",
        "scripts": {"test": ["phpunit"]}, "license": ["MIT"], "keywords": ["9", "10", "z"], "abandoned": "acme/other",
        "time": "2020-01-02T03:04:05+00:00",
    })  # fmt: skip


@pytest.mark.parametrize("said", [{"dist": {"type": "zip"}}, {"source": {"type": "git", "url": "x"}}, {"dist": "x"}])
def test_an_entry_that_cannot_be_written(said: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError) as caught:
        entry_of({"name": "acme/web", "version": "1.0", **said})
    assert caught.value.path in said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = (
    "target-dir", "source", "dist", "require", "suggest", "default-branch", "bin", "type", "extra", "autoload", "archive", "scripts", "license",
    "keywords", "support", "abandoned", "time",
)  # fmt: skip


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(_FIELDS), JSON, max_size=4))
def test_whatever_is_said_is_written_or_refused(said: dict[str, Any]) -> None:
    try:
        entry = entry_of({"name": "acme/web", "version": "1.0", **said})
    except UnsupportedError:
        return
    assert list(entry)[:2] == ["name", "version"]
    msgspec.json.encode(entry)


TEXTS = [
    ('{"b": "1", "a": {"c": "1", "b": "1" }}\n', '{"b": "1", "a": {"c": "1", "b": "2" }}\n'),
    ('{"a": {"b" :"1"}, "1": 1}', '{"a": {"b" :"2"}, "1": 1}'),
]


@pytest.mark.parametrize(("before", "after"), TEXTS)
def test_one_text_is_changed(before: str, after: str) -> None:
    assert edited("a file", before, ["a", "b"], "2") == after


def test_a_text_that_is_not_there_in_that_way() -> None:
    for text in ('{"a": {"b": "\\u0031"}}', '{"a": {"b": 1}}', '{"a": {}}'):
        with pytest.raises(UnsupportedError, match=r"a\.b is written"):
            edited("a file", text, ["a", "b"], "2")
