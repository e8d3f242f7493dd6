from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError, UnavailableError
from outrider.operators.packages.operations import info
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.cargo_registry import CargoAsking, CargoRegistry
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex


async def test_a_project_of_python(tmp_path: Path) -> None:
    async with PythonIndex() as index:
        index.add("web", "1.0")
        index.add("web", "1.1", "core>=1,<2", "colors[deep]; extra == 'pretty'", extras=["pretty"])
        index.add("web", "2.0rc1")
        ask = Asking(tmp_path, index.url)
        found = await ask.facts("Web")
        assert (found.name, found.latest, found.extras) == ("web", "1.1", ["pretty"])
        assert found.needs == ["core<2,>=1", 'colors[deep]; extra == "pretty"']
        assert (found.versions, found.prereleases) == (["2.0rc1", "1.1", "1.0"], ["2.0rc1"])
        assert await ask.facts("web", offline=True) == found
        with pytest.raises(NotFoundError, match="pypi nothing: there is none"):
            await ask.facts("nothing")
        with pytest.raises(UnavailableError):
            await ask.facts("other", offline=True)


async def test_what_has_no_wheel_is_told_without_its_needs(tmp_path: Path) -> None:
    async with PythonIndex() as index:
        index.add("web", "1.0", "core")
        index.add_source("web", "1.1")
        found = await Asking(tmp_path, index.url).facts("web")
    assert (found.latest, found.needs) == ("1.1", [])


async def test_a_package_of_npm(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        registry.add("web@1.0.0", "core@^1", peerDependencies={"view": ">=2"})
        registry.add("web@2.0.0", deprecated="too slow")
        registry.tag("web", "latest", "1.0.0")
        registry.tag("web", "next", "2.0.0")
        ask = NpmAsking(tmp_path, registry.url)
        found = await ask.facts("web")
        assert (found.latest, found.tags["next"], found.taken_back) == ("1.0.0", "2.0.0", ["2.0.0"])
        assert found.needs == ["core@^1", "view@>=2 (peer)"]
        with pytest.raises(NotFoundError):
            await ask.facts("nothing")
        with pytest.raises(InvalidConfigError):
            await ask.facts("../../etc")


async def test_a_crate(tmp_path: Path) -> None:
    async with CargoRegistry() as registry:
        registry.add("web@1.0.0", "core@1", features={"fast": []})
        registry.add("web@1.1.0", yanked=True)
        registry.add("web@2.0.0-rc.1")
        ask = CargoAsking(tmp_path, registry.url)
        found = await ask.facts("web")
        assert (found.latest, found.extras, found.needs) == ("1.0.0", ["fast"], ["core@1"])
        assert (found.taken_back, found.prereleases) == (["1.1.0"], ["2.0.0-rc.1"])
        for name in ("nothing", "web@1", "web[fast]", "../web"):
            with pytest.raises(NotFoundError):
                await ask.facts(name)


def test_people_read_it_in_a_few_lines() -> None:
    assert info.OPERATION.text is not None
    facts = PackageFacts(
        ecosystem="pypi", name="web", latest="1.1", version="1.1", licence="MIT", needs=["core>=1"], extras=["pretty"], versions=[f"1.{one}" for one in range(12, 0, -1)],
        tags={"next": "2.0"}, status="archived",
    )  # fmt: skip
    assert list(info.OPERATION.text(facts)) == [
        "web 1.1  MIT",
        "  status    archived",
        "  tags      next 2.0",
        "  needs     core>=1",
        "  extras    pretty",
        "  versions  1.12, 1.11, 1.10, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3 and 2 more",
    ]
