"""Maven's own resolver, and Maven itself, as they are installed here: what they choose, we choose."""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.maven import session
from outrider.operators.packages.maven.choosing import allows
from outrider.operators.packages.maven.coordinates import Project, read_want
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.profiles import Machine
from outrider.operators.packages.maven.program import maven_program
from outrider.operators.packages.maven.reading import Reading
from outrider.operators.packages.maven.records import compiled_pom
from outrider.operators.packages.maven.resolver import Chosen, MavenResolver
from outrider.operators.packages.maven.sources import FoundPom, MavenSource, Versions
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.tests.asking import RegistryAsking
from outrider.operators.packages.tests.generators import maven as generator
from outrider.operators.packages.tests.maven_poms import bom, dependency, parts, pom
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer, need
from outrider.operators.packages.tests.maven_universes import Drawing, Universe
from outrider.operators.packages.versions.tables import VersionTable
from outrider.ports.clock import SystemClock
from tests.peers.environments import CHECKOUT
from tests.peers.maven_resolver import answers

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
SHOWN = 3
FETCHED = CHECKOUT / ".cache" / "maven-peer"
TREE = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:tree"


async def ours(universe: Universe, machine: Machine) -> str:
    """Return what we choose, as the peer writes it; `!` where nothing is."""
    source = MavenSource([])
    for coordinates, content in universe.poms.items():
        record = compiled_pom(content.encode())
        # No address of a repository is asked for, so that none has to be there.
        source.poms[Project(*coordinates.split(":"))] = FoundPom(record.pom or record.fault, None)
    for name, versions in universe.versions.items():
        source.versions[name] = Versions(VersionTable(RESOLVER_SCHEME, versions), "", "", 0)
    resolver = MavenResolver(source, Reading(source, machine, ADMIT_ALL, lambda: None), ADMIT_ALL)
    texts = [*universe.asked, *(f"{one}@import" for one in universe.imported)]
    try:
        chosen = await resolver.graph([read_want(index, text) for index, text in enumerate(texts)])
    except InvalidConfigError:
        return "!"
    if not isinstance(chosen, Chosen):
        return "!"
    return " ".join(
        sorted(
            f"{':'.join(node.artifact.key)}:{node.artifact.version}:{node.scope}:{str(node.optional).lower()}"
            for node in chosen.nodes
            if node.artifact is not None
        )
    )


async def compare(seeds: range, folder: Path, artifacts: int, wild: float) -> int:
    """Compare what is chosen in some universes; return in how many there was anything to choose."""
    program = await maven_program(os.environ, folder / "cache")
    machine = Machine({**program.properties, "file.separator": os.sep})
    universes = []
    for seed in seeds:
        universes.append(Drawing(Random(seed), artifacts or 4 + seed % 8, wild).universe())
        universes[-1].write(folder / str(seed))
    theirs = answers(("graph", str(folder / str(seed))) for seed in seeds)
    wrong = []
    for seed, universe, their in zip(seeds, universes, theirs, strict=True):
        our = await ours(universe, machine)
        if our != ("!" if their.startswith("!") else their):
            wrong.append((seed, universe.asked, universe.imported, our, their))
    assert wrong[:SHOWN] == []
    return sum(1 for their in theirs if not their.startswith("!"))


@pytest.mark.parametrize(("artifacts", "wild"), [(0, 0.02), (16, 0.0), (0, 0.2)])
async def test_what_is_chosen_in_small_universes(artifacts: int, wild: float, tmp_path: Path) -> None:
    assert await compare(range(150), tmp_path, artifacts, wild) > 100


@pytest.mark.long
@pytest.mark.parametrize(("artifacts", "wild"), [(0, 0.02), (20, 0.01), (0, 0.2)])
async def test_what_is_chosen_in_many_universes(artifacts: int, wild: float, tmp_path: Path) -> None:
    assert await compare(range(1000, 3000), tmp_path, artifacts, wild) > 1000


WORDS = (
    "1",
    "0",
    "00",
    "1.0",
    "alpha",
    "a1",
    "m2",
    "rc",
    "snapshot",
    "ga",
    "sp",
    "foo",
    "x",
    ".",
    "-",
    "_",
    "min",
    "max",
    "9999999999",
)
RANGES = ("[1.*]", "[1.2.*]", "[1,2", "[2,1]", "(1,1)", "[1,1]", "[,]", "[1,2],[0,1]", "[1,2,3]", "1.0", "[1.0]x")


def version(random: Random) -> str:
    if random.random() < 0.5:
        return generator.version(random)
    return "".join(random.choices(WORDS, k=random.randint(1, 6)))


def order(one: str, two: str) -> str:
    left, right = RESOLVER_SCHEME.parse(one).key, RESOLVER_SCHEME.parse(two).key
    return "<" if left < right else ">" if left > right else "="


def allowed(text: str, one: str) -> str:
    try:
        found = RESOLVER_SCHEME.range(text)
    except InvalidConfigError:
        return "!"
    if found.preferred is not None:
        return "y" if order(text, one) == "=" else "n"
    return "y" if allows(found, RESOLVER_SCHEME.parse(one).key) else "n"


def test_order_and_ranges_of_the_resolver() -> None:
    random = Random(7)
    orders = [(version(random), version(random)) for _ in range(20_000)]
    ranges = [
        (generator.version_range(random) if random.random() < 0.8 else random.choice(RANGES), version(random))
        for _ in range(20_000)
    ]
    said = answers([("order", *pair) for pair in orders] + [("range", *pair) for pair in ranges])
    our = [order(*pair) for pair in orders] + [allowed(*pair) for pair in ranges]
    assert [one for one in zip(orders + ranges, our, said, strict=True) if one[1] != one[2]][:SHOWN] == []
    assert said.count("y") > 1000


LOGIN = "Basic bWU6c2VjcmV0"
SETTINGS = """<settings>
<servers><server><id>own</id><username>me</username><password>${{env.OWN_PASSWORD}}</password></server></servers>
<profiles><profile><id>own</id><repositories><repository><id>own</id><url>{url}</url></repository></repositories></profile></profiles>
<activeProfiles><activeProfile>own</activeProfile></activeProfiles></settings>"""


@pytest.mark.skipif(shutil.which("mvn") is None, reason="mvn is missing: apt-get install maven")
async def test_the_same_settings_lead_maven_to_the_same_answer(tmp_path: Path) -> None:
    asked = ["g:web:1", "g:other:[1,2)"]
    async with MavenRepositoryServer(authorization=LOGIN) as repository:
        repository.add("web:1", "core:[1,3)", need("other:1", classifier="x"), parent="g:above:1")
        repository.add("above:1", managed=[need("core:[1,)")], packaging="pom")
        for version in ("1.0", "2.0", "3.0"):
            repository.add(f"core:{version}", "deep:1.0-SNAPSHOT")
            repository.add(f"other:{version}")
        repository.add("other:1")
        repository.add("deep:1.0-SNAPSHOT")
        (tmp_path / ".m2").mkdir()
        (tmp_path / ".m2" / "settings.xml").write_text(SETTINGS.format(url=repository.url))
        environment = {**os.environ, "HOME": str(tmp_path), "OWN_PASSWORD": "secret"}
        ask = RegistryAsking("maven", tmp_path, tmp_path / "none", environment)
        answer = await ask.resolved(*asked, seconds=120)
        ours = len(repository.requests)
        assert {
            (one.name, one.version, one.place.removeprefix(f"{one.name}:") or "jar") for one in answer.packages
        } == (await asyncio.to_thread(tree, asked, tmp_path / "native", tmp_path / ".m2" / "settings.xml"))
        assert len(repository.requests) > ours


REAL = [
    ["org.springframework.boot:spring-boot-starter-web:3.2.0", "com.google.guava:guava:33.0.0-jre"],
    ["org.apache.hadoop:hadoop-client:3.3.6", "org.junit.jupiter:junit-jupiter:5.10.1"],
]
MORE = [
    ["io.quarkus:quarkus-rest", "io.quarkus:quarkus-bom:3.33.2@import"],
    ["org.apache.spark:spark-sql_2.12:3.5.0"],
    ["org.apache.logging.log4j:log4j-core:2.22.0", "com.fasterxml.jackson.core:jackson-databind:2.17.0"],
    ["org.hibernate:hibernate:3.2.7.ga", "org.springframework:spring:2.5.6", "log4j:log4j:1.2.15"],
    ["mysql:mysql-connector-java:8.0.33", "io.netty:netty-all:4.1.100.Final"],
    ["org.seleniumhq.selenium:selenium-java:4.10.0"],
]


@pytest.mark.skipif(shutil.which("mvn") is None, reason="mvn is missing: apt-get install maven")
@pytest.mark.parametrize("asked", REAL, ids=lambda asked: asked[0])
async def test_it_is_what_maven_chooses(asked: list[str], tmp_path: Path) -> None:
    await compare_real(asked, tmp_path)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("mvn") is None, reason="mvn is missing: apt-get install maven")
@pytest.mark.parametrize("asked", MORE, ids=lambda asked: asked[0])
async def test_it_is_what_maven_chooses_elsewhere(asked: list[str], tmp_path: Path) -> None:
    await compare_real(asked, tmp_path)


async def compare_real(asked: list[str], folder: Path) -> None:
    clock = SystemClock()
    question = Question(
        packages=asked, cache=folder / "cache", folder=folder, environment=os.environ, clock=clock, deadline=clock.monotonic() + 120
    )  # fmt: skip
    answer = await session.resolve(question)
    assert isinstance(answer, Resolved), answer
    found = {(one.name, one.version, one.place.removeprefix(f"{one.name}:") or "jar") for one in answer.packages}
    assert found == tree(asked, folder / "native")


def tree(asked: list[str], folder: Path, settings: Path | None = None) -> set[tuple[str, str, str]]:
    """Return what Maven itself chooses; what is on the machine already is left out.

    Args:
        asked: As we are asked.
        folder: For a project.
        settings: In place of those of this machine's user.
    """
    folder.mkdir()
    needs = [dependency(one, scope="compile") for one in asked if "@" not in one]
    boms = [bom(one.removesuffix("@import")) for one in asked if "@" in one]
    (folder / "pom.xml").write_text(pom("asked:asked:1", parts(needs, boms)))
    command = ["mvn", "--batch-mode", "--quiet", TREE, "-DoutputFile=tree.txt", "-Dtokens=whitespace"]
    # What Maven has fetched of our own repositories is another thing each time.
    shutil.rmtree(FETCHED / "g", ignore_errors=True)
    command += [f"-Dmaven.repo.local={FETCHED}", *(["--settings", str(settings)] if settings is not None else [])]
    environment = {**os.environ, "OWN_PASSWORD": "secret"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    lines = (folder / "tree.txt").read_text().splitlines()[1:]
    words = [re.split(r"\s", line.strip())[0].split(":") for line in lines if ":" in line]
    return {(f"{one[0]}:{one[1]}", one[-2], ":".join(one[2:-2])) for one in words if one[-1] != "system"}
