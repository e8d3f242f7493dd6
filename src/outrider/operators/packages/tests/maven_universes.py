"""Small repositories of Maven that are drawn by chance: artifacts that need one another in every way that POMs have."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple

from outrider.operators.packages.tests.maven_poms import bom, dependency, element, fields, metadata, parts, path_of, pom

_VERSIONS = ("1.0", "1.1", "2.0")
_RANGES = ("[1.0,2.0)", "[1.1,)", "[1.0]", "(,1.1]", "[1.0,1.1],[2.0]", "(1.0,3.0)", "[2.0,)", "[1.0,2.0]")
_SCOPES = (None, None, None, "compile", "compile", "runtime", "runtime", "provided", "test")
_PARENTS, _BOMS = 3, 3
_CONDITIONS = (
    element("activeByDefault", "true"), element("jdk", "[1.8,)"), element("jdk", "!17"), element("jdk", "1.4"),
    element("property", fields(name="!nobody.sets.this")), element("property", fields(name="nobody.sets.this")),
    element("os", fields(family="unix")), element("os", fields(family="windows")), element("os", fields(name="!linux", family="unix")),
    element("property", fields(name="file.separator", value="/")), element("property", fields(name="file.separator", value="!/")),
    element("jdk", "(,9)"), element("activeByDefault", "true") + element("jdk", "[11,12)"),
)  # fmt: skip


class Universe(NamedTuple):
    """A repository and a question to it.

    Attributes:
        poms: By `group:artifact:version`.
        versions: Those that it lists, by `group:artifact`.
        asked: Coordinates of artifacts.
        imported: Coordinates of BOMs.
    """

    poms: dict[str, str]
    versions: dict[str, list[str]]
    asked: list[str]
    imported: list[str]

    @property
    def project(self) -> str:
        """Return the POM of a project that needs what is asked for."""
        return pom(
            "asked:asked:1", parts([dependency(one, scope="compile") for one in self.asked], [bom(one) for one in self.imported]),
            packaging="pom",
        )  # fmt: skip

    def write(self, folder: Path) -> None:
        """Write it as a folder in which Maven keeps what was installed."""
        poms: Mapping[str, str] = {**self.poms, "asked:asked:1": self.project}
        for coordinates, content in poms.items():
            path = folder / path_of(coordinates)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        for name, versions in self.versions.items():
            path = folder / name.replace(":", "/") / "maven-metadata-local.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(metadata(versions))


class Drawing:
    """Draws universes.

    Args:
        random: Where chance comes from.
        artifacts: How many there are.
        wild: How often something is wrong with a POM.
    """

    def __init__(self, random: Random, artifacts: int = 7, wild: float = 0.02) -> None:
        self._random, self._wild = random, wild
        self._names = [f"{'gh'[number % 3 == 2]}:{chr(97 + number)}" for number in range(artifacts)]

    def universe(self) -> Universe:
        """Return one."""
        random, poms = self._random, {}
        for number in range(_PARENTS):
            above = f"up:parent{random.randrange(number)}:1" if number and random.random() < 0.4 else ""
            poms[f"up:parent{number}:1"] = pom(f"up:parent{number}:1", self._parts(0.4), packaging="pom", parent=above)
        for number in range(_BOMS):
            for version in ("1.0", "2.0"):
                name = f"boms:bom{number}:{version}"
                poms[name] = pom(name, parts((), self._managed(4, number)), packaging="pom", parent=self._parent(0.2))
        versions: dict[str, list[str]] = {}
        for name in self._names:
            versions[name] = [one for one in _VERSIONS if random.random() < 0.85] or ["1.0"]
            for version in versions[name]:
                if random.random() > self._wild:
                    poms[f"{name}:{version}"] = self._pom(name, version)
        asked = [self._asked(name) for name in random.sample(self._names, random.randint(1, 4))]
        imported = [f"boms:bom{random.randrange(_BOMS)}:1.0"] if random.random() < 0.4 else []
        return Universe(poms, versions, asked, imported)

    def _asked(self, name: str) -> str:
        return (
            f"{name}:{self._random.choice(_RANGES) if self._random.random() < 0.15 else self._random.choice(_VERSIONS)}"
        )

    def _parent(self, often: float) -> str:
        return f"up:parent{self._random.randrange(_PARENTS)}:1" if self._random.random() < often else ""

    def _pom(self, name: str, version: str) -> str:
        random, parent = self._random, self._parent(0.35)
        moved = ""
        if random.random() < 0.04:
            group, artifact = random.choice(self._names).split(":")
            said = fields(groupId=group, artifactId=artifact, version=random.choice((None, "1.0", "2.0")))
            moved = element("distributionManagement", element("relocation", said))
        wrong = random.choice(
            (fields(name="${a.circle}"), fields(inceptionYear="${inceptionYear}"), element("modelVersion"))
        )
        return pom(
            f"{name}:{version}",
            moved,
            self._parts(1.0, name),
            wrong if random.random() < self._wild else "",
            parent=parent,
        )

    def _parts(self, often: float, name: str = "") -> str:
        """Return what a POM consists of, each kind with some probability."""
        random = self._random
        properties = {"v.a": random.choice(_VERSIONS), "v.b": "${v.a}", "v.c": "${project.version}"}
        if random.random() < self._wild:
            properties["a.circle"] = "${a.square}"
            properties["a.square"] = "${a.circle}"
        needs = self._needs(random.choice((0, 1, 1, 2, 3)) if random.random() < often else 0, name)
        managed = self._managed(random.choice((1, 2, 3)), _BOMS) if random.random() < 0.35 else []
        whole = parts(needs, managed, properties if random.random() < 0.9 else {})
        profiles = [self._profile(name) for _ in range(random.choice((0, 0, 0, 1, 2)))]
        return whole + (element("profiles", *profiles) if profiles else "")

    def _profile(self, name: str) -> str:
        random = self._random
        activation = element("activation", random.choice(_CONDITIONS))
        properties = {"v.a": random.choice(_VERSIONS)} if random.random() < 0.4 else {}
        managed = self._managed(1, _BOMS) if random.random() < 0.3 else []
        content = parts(self._needs(random.choice((0, 1)), name), managed, properties)
        return element("profile", fields(id=f"p{random.randrange(1000)}"), activation, content)

    def _needs(self, count: int, name: str) -> list[str]:
        others = [one for one in self._names if one != name]
        chosen = self._random.sample(others, min(count, len(others)))
        if chosen and self._random.random() < 0.05:
            chosen.append(chosen[0])
        return [dependency(one + self._version(0.12), **self._details()) for one in chosen]

    def _version(self, missing: float) -> str:
        random = self._random
        if random.random() < missing:
            return ""
        if random.random() < 0.12:
            return f":{random.choice(_RANGES)}"
        return f":{random.choice((*_VERSIONS, *_VERSIONS, '${v.a}', '${v.b}', '${v.c}', '3.0'))}"

    def _details(self) -> dict[str, object]:
        random = self._random
        details: dict[str, object] = {"scope": random.choice(_SCOPES)}
        if random.random() < 0.12:
            details["optional"] = random.choice(("true", "true", "false", "TRUE"))
        if random.random() < 0.08:
            details |= random.choice(({"type": "test-jar"}, {"classifier": "extra"}, {"type": "zip"}, {"type": "jar"}))
        if random.random() < 0.18:
            details["exclusions"] = [self._exclusion() for _ in range(random.choice((1, 1, 2)))]
        return details

    def _exclusion(self) -> str:
        group, artifact = self._random.choice(self._names).split(":")
        return self._random.choice((f"{group}:{artifact}", f"{group}:{artifact}", f"{group}:*", f"*:{artifact}", "*:*"))

    def _managed(self, count: int, boms: int) -> list[str]:
        """Return what is managed; with a number of BOMs of which some may be imported."""
        random = self._random
        names = random.sample(self._names, min(count, len(self._names)))
        managed = [dependency(one + self._version(0.0), **self._details()) for one in names]
        if boms and random.random() < 0.3:
            version = random.choice(("1.0", "1.0", "2.0", "9.9" if random.random() < self._wild else "2.0"))
            managed.insert(random.randint(0, len(managed)), bom(f"boms:bom{random.randrange(boms)}:{version}"))
        return managed
