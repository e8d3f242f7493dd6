"""The operations as their callers see them: `match`, and the text of `resolve`."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ConflictError, InvalidConfigError
from outrider.core.identity import Principal
from outrider.core.schema import convert
from outrider.operators.packages.operations import match, resolve
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.world import fill, settings, variables
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver
from outrider.runtime.context import Context, Environment
from outrider.runtime.implementation import Implementation

ECOSYSTEMS = ("cargo", "composer", "gem", "maven", "npm", "nuget", "pypi")


def context() -> Context:
    clock = SystemClock()
    return Context(
        principal=Principal("default", "user", "ana"),
        mode="apply",
        deadline=clock.monotonic() + 30,
        trace_id="0" * 32,
        idempotency_key="key",
        environment=Environment(clock=clock, state=Path("/nonexistent"), secrets=Resolver({})),
    )


def said(operation: Implementation[Any, Any], result: Any) -> list[str]:
    assert operation.text is not None
    return list(operation.text(result))


async def matched(ecosystem: str, wanted: str, *versions: str) -> match.MatchResult:
    params = convert({"ecosystem": ecosystem, "range": wanted, "versions": list(versions)}, match.MatchParams)
    return await match.run(params, context())


@pytest.mark.parametrize(
    ("ecosystem", "wanted", "versions", "allowed"),
    [
        ("npm", "^1.2", ["2.0.0", "1.9.3", "1.2.0", "1.1.9", "1.3.0-rc.1"], ["1.2.0", "1.9.3"]),
        ("pypi", "~=1.4.2", ["1.5", "1.4.10", "1.4.2", "1.4.1"], ["1.4.2", "1.4.10"]),
        ("pypi", "==1.0", ["1.0+local", "1.0.0", "1.0.post1"], ["1.0.0", "1.0+local"]),
        ("cargo", "0.3", ["0.3.0", "0.3.9", "0.4.0"], ["0.3.0", "0.3.9"]),
        ("gem", "~> 1.2", ["1.2", "1.9", "2.0", "2.0.0.rc1"], ["1.2", "1.9"]),
        ("composer", "^0.3 || ^2.0", ["0.3.1", "0.4.0", "2.1.0"], ["0.3.1", "2.1.0"]),
        ("maven", "[1.0,2.0)", ["1.0.Final", "1.5", "2.0"], ["1.0.Final", "1.5"]),
        ("nuget", "[1.0, 2.0)", ["1.0.0.0", "1.9.9", "2.0.0"], ["1.0.0.0", "1.9.9"]),
    ],
)
async def test_what_a_range_allows(ecosystem: str, wanted: str, versions: list[str], allowed: list[str]) -> None:
    result = await matched(ecosystem, wanted, *versions)
    assert [one.version for one in result.versions if one.allowed] == allowed
    assert result.newest == allowed[-1]
    assert len(result.versions) == len(versions)


async def test_what_is_no_version_is_told_apart() -> None:
    result = await matched("pypi", ">=2", "2.0", "2.0", "newest", "2.1rc1")
    assert [(one.version, one.allowed, one.prerelease) for one in result.versions] == [
        ("2.0", True, False), ("2.1rc1", True, True),
    ]  # fmt: skip
    assert result.unreadable == ["newest"]
    assert said(match.OPERATION, result) == ["yes 2.0", "yes 2.1rc1  (prerelease)", "?   newest  (no version)"]
    assert (await matched("pypi", ">=3", "2.0")).newest == ""


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS)
@given(
    wanted=st.text() | st.text("0123456789.*xX^~<>=!|,-+ ()[]abvrc@#"),
    versions=st.lists(st.text("0123456789.-+abrc"), max_size=5),
)
async def test_any_range_matches_or_is_refused(ecosystem: str, wanted: str, versions: list[str]) -> None:
    try:
        result = await matched(ecosystem, wanted, *versions)
    except InvalidConfigError as error:
        refused: Any = error
        assert refused.suggestions
        assert refused.expected
        assert len(refused.found) <= 80
        return
    assert sorted([*(one.version for one in result.versions), *result.unreadable]) == sorted(set(versions))


async def test_resolve_says_who_needs_what(tmp_path: Path) -> None:
    async with PythonIndex() as index:
        fill(index)
        with variables(settings(index.url, tmp_path)):
            params = resolve.ResolveParams(ecosystem="pypi", packages=["web[pretty]"])
            result = await resolve.run(params, context())
            assert said(resolve.OPERATION, result) == [
                "colors==1.0  # web",
                "core==1.4  # web",
                "web[pretty]==2.0",
            ]
            assert [one.direct for one in result.packages] == [False, False, True]
            assert len(result.packages[1].hashes["sha256"]) == 64
            with pytest.raises(ConflictError) as caught:
                await resolve.run(resolve.ResolveParams(ecosystem="pypi", packages=["web>=2", "core>=2"]), context())
    assert caught.value.context["reasons"]
    assert caught.value.suggestions == ["allow web 1.0: you ask for web>=2", "allow core 1.4: you ask for core>=2"]
