"""Versions and licences that a policy refuses."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from outrider.operators.packages.maven import session
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.policies import AdmitAll, Refusal
from outrider.operators.packages.tests.maven_poms import element, fields
from outrider.operators.packages.tests.maven_repository import MavenAsking, MavenRepositoryServer
from outrider.operators.packages.versions.tables import VersionTable


@pytest.fixture
async def repository() -> AsyncIterator[MavenRepositoryServer]:
    async with MavenRepositoryServer() as repository:
        yield repository


@pytest.fixture
def ask(repository: MavenRepositoryServer, tmp_path: Path) -> MavenAsking:
    return MavenAsking(tmp_path, repository.url)


class Refusing(AdmitAll):
    """Refuses some versions, and a licence."""

    asks_for_licences = True

    def __init__(self, versions: Sequence[str] = (), licence: str = "nothing") -> None:
        self._versions, self._licence = versions, licence

    def refusals(self, name: str, table: VersionTable, published: Sequence[float]) -> Sequence[Refusal]:
        assert not published
        mask = sum(1 << bit for bit, version in enumerate(table.versions) if f"{name}:{version}" in self._versions)
        return [Refusal(mask, "are not good enough")] if mask else []

    def refuses_licence(self, name: str, version: str, licence: str) -> str:
        return f"are under {licence}" if licence == self._licence else ""


async def answer_under(policy: AdmitAll, ask: MavenAsking, *packages: str) -> Resolved | Impossible:
    return await session.resolve(msgspec.structs.replace(ask.question(*packages), policy=policy))


async def test_versions_that_may_not_be_chosen(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    for version in ("1.0", "1.1", "1.2"):
        repository.add(f"core:{version}")
    repository.add("web:1", "core:[1,2)")
    answer = await answer_under(Refusing(["g:core:1.2"]), ask, "g:web:1")
    assert isinstance(answer, Resolved)
    assert [one.version for one in answer.packages] == ["1.1", "1"]
    answer = await answer_under(Refusing(["g:core:1.2"]), ask, "g:core")
    assert isinstance(answer, Resolved)
    assert answer.packages[0].version == "1.1"
    answer = await answer_under(Refusing(["g:core:1.0", "g:core:1.1", "g:core:1.2"]), ask, "g:web:1")
    assert isinstance(answer, Impossible)
    assert answer.reasons[0].endswith("g:core [1,2) allows only versions that may not be chosen.")
    assert answer.notes == ["g:core: 3 versions are not good enough"]


async def test_a_version_that_may_not_be_chosen_and_what_would_do(
    repository: MavenRepositoryServer, ask: MavenAsking
) -> None:
    repository.add("web:1", "core:1.0")
    repository.add("core:1.0")
    repository.add("core:1.1")
    answer = await answer_under(Refusing(["g:core:1.0"]), ask, "g:web:1")
    assert isinstance(answer, Impossible)
    assert answer.reasons[0] == "You ask for g:web 1, which needs g:core 1.0, and g:core 1.0 may not be chosen."
    assert answer.notes == ["g:core: 1 version is not good enough"]
    assert answer.remedies == ["ask for g:core 1.1 too"]


async def test_a_licence_that_may_not_be(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    licences = element("licenses", element("license", fields(name="Bad")))
    repository.add("above:1", content=licences, packaging="pom")
    repository.add("core:1", parent="g:above:1")
    repository.add("web:1", "core:1")
    answer = await answer_under(Refusing(licence="Bad"), ask, "g:web:1")
    assert isinstance(answer, Impossible)
    assert answer.notes == ["g:core: 1 version is under Bad"]
    assert isinstance(await answer_under(Refusing(licence="Worse"), ask, "g:web:1"), Resolved)
