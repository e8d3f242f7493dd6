"""Versions that are locked are tried before all others, and given up where they will not do."""

from pathlib import Path

from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.cargo_registry import CargoAsking, CargoRegistry
from outrider.operators.packages.tests.composer_registry import ComposerAsking, ComposerRegistry
from outrider.operators.packages.tests.gem_registry import GemAsking, GemRegistry
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_policies import policy


def chosen(answer: Resolved) -> dict[str, str]:
    return {one.place or one.name: one.version for one in answer.packages}


async def test_python(ask: Asking, index: PythonIndex) -> None:
    for version, needs in (("1.0", "core"), ("1.1", "core>=2"), ("2.0", "core>=2")):
        index.add("web", version, needs)
    for version in ("1.0", "1.5", "2.0", "2.1"):
        index.add("core", version)
    locked = {"web": {"1.0"}, "core": {"1.5"}}
    assert chosen(await ask.resolved("web", locked=locked)) == {"web": "1.0", "core": "1.5"}
    # Of what is wanted otherwise as little as possible changes.
    assert chosen(await ask.resolved("web>=1.1", locked=locked)) == {"web": "2.0", "core": "2.1"}
    assert chosen(await ask.resolved("web", locked={**locked, "core": {"2.0"}})) == {"web": "1.0", "core": "2.0"}
    # What a policy does not want any more is replaced, and the rest stays.
    answer = await ask.resolved("web", locked=locked, policy=policy(deny=["pypi:core@<=1.5"]))
    assert chosen(answer) == {"web": "1.0", "core": "2.1"}


async def test_crates(tmp_path: Path) -> None:
    async with CargoRegistry() as registry:
        for version in ("1.0.0", "1.1.0"):
            registry.add(f"web@{version}", "core@1")
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            registry.add(f"core@{version}")
        ask = CargoAsking(tmp_path, registry.url)
        locked = {"web": {"1.0.0"}, "core": {"1.1.0"}}
        assert chosen(await ask.resolved("web", locked=locked)) == {"web": "1.0.0", "core": "1.1.0"}
        assert chosen(await ask.resolved("web@=1.1", locked=locked)) == {"web": "1.1.0", "core": "1.1.0"}
        answer = await ask.resolved("web", locked=locked, policy=policy("cargo", deny=["cargo:core@=1.1.0"]))
        assert chosen(answer) == {"web": "1.0.0", "core": "1.2.0"}


async def test_packages_of_npm(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        for version in ("1.0.0", "1.1.0"):
            registry.add(f"web@{version}", "core@^1")
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            registry.add(f"core@{version}")
        ask = NpmAsking(tmp_path, registry.url)
        locked = {"web": {"1.0.0"}, "core": {"1.0.0", "1.1.0"}}
        found = await ask.resolved("web@^1", locked=locked)
        assert chosen(found) == {"node_modules/web": "1.0.0", "node_modules/core": "1.1.0"}
        answer = await ask.resolved("web@^1", locked=locked, policy=policy("npm", deny=["npm:core@<1.2.0"]))
        assert chosen(answer) == {"node_modules/web": "1.0.0", "node_modules/core": "1.2.0"}


async def test_packages_of_composer(tmp_path: Path) -> None:
    async with ComposerRegistry() as registry:
        for version in ("1.0.0", "1.1.0"):
            registry.add(f"acme/web {version}", "acme/core ^1")
        for version in ("1.0.0", "v1.1.0", "1.2.0"):
            registry.add(f"acme/core {version}")
        registry.branch("acme/site dev-main", "1.x-dev")
        registry.add("acme/site 1.5.0")
        ask = ComposerAsking(tmp_path, registry.url)
        locked = {"acme/web": {"1.0.0"}, "acme/core": {"1.1.0"}, "acme/site": {"dev-main", "no version"}}
        found = await ask.resolved("acme/web", "acme/site:@dev", locked=locked)
        assert chosen(found) == {"acme/web": "1.0.0", "acme/core": "v1.1.0", "acme/site": "dev-main"}
        assert chosen(await ask.resolved("acme/web:^1.1", locked=locked)) == {
            "acme/web": "1.1.0",
            "acme/core": "v1.1.0",
        }
        answer = await ask.resolved(
            "acme/web", locked=locked, policy=policy("composer", deny=["composer:acme/core@1.1.0"])
        )
        assert chosen(answer) == {"acme/web": "1.0.0", "acme/core": "1.2.0"}


async def test_gems(tmp_path: Path) -> None:
    async with GemRegistry() as registry:
        for version, needs in (("1.0", "core"), ("1.1", "core@>= 2"), ("2.0", "core@>= 2")):
            registry.add(f"web@{version}", needs)
        for version in ("1.0", "1.5", "2.0.rc1", "2.0", "2.1"):
            registry.add(f"core@{version}")
        ask = GemAsking(tmp_path, registry.url)
        locked = {"web": {"1.0"}, "core": {"1.5"}}
        assert chosen(await ask.resolved("web", locked=locked)) == {"web": "1.0", "core": "1.5"}
        assert chosen(await ask.resolved("web@>= 1.1", locked=locked)) == {"web": "2.0", "core": "2.1"}
        assert chosen(await ask.resolved("web", locked={**locked, "core": {"2.0.rc1"}})) == {
            "web": "1.0",
            "core": "2.0.rc1",
        }
        # Older ones than those that are locked count where nothing else will do.
        assert chosen(await ask.resolved("web", "core@< 2", locked={"web": {"2.0"}})) == {"web": "1.0", "core": "1.5"}
        answer = await ask.resolved("web", locked=locked, policy=policy("gem", deny=["gem:core@<=1.5"]))
        assert chosen(answer) == {"web": "1.0", "core": "2.1"}
        answer = await ask.resolved("web", locked=locked, policy=policy("gem", deny=["gem:core@>=1.5"]))
        assert chosen(answer) == {"web": "1.0", "core": "1.0"}
