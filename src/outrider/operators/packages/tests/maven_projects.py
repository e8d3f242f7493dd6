"""Projects of Maven for tests: where they are, how they are locked, and some that are drawn by chance."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.maven.holdings import FRESH_SECONDS
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.maven_poms import element, fields, parts, pom
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer
from outrider.operators.packages.tests.maven_universes import Drawing
from outrider.operators.packages.tests.test_audit import HIGH, context
from outrider.operators.packages.tests.world import variables

LATER = FRESH_SECONDS + 100.0


def asks(name: str, version: str = "", more: str = "") -> str:
    """Return a dependency as people write it."""
    said = f"\n      <version>{version}</version>" if version else ""
    return f"""
    <dependency>
      <groupId>g</groupId>
      <artifactId>{name}</artifactId>{said}{more}
    </dependency>"""


def shop(*needs: str, head: str = "", managed: str = "", tail: str = "") -> str:
    """Return a pom.xml as people write it."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- The shop. -->
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>own</groupId>
  <artifactId>shop</artifactId>
  <version>1</version>{head} <!-- here -->{managed}

  <!-- What it needs. -->
  <dependencies>{"".join(needs)}
  </dependencies>{tail}
</project>
"""


def managing(*entries: str) -> str:
    """Return what is managed, two columns further than what is asked for."""
    lines = "".join(entries).replace("\n    ", "\n      ")
    return f"\n  <dependencyManagement>\n    <dependencies>{lines}\n    </dependencies>\n  </dependencyManagement>"


def named(name: str, text: str) -> str:
    """Return a pom.xml with another name."""
    return text.replace("<artifactId>shop</artifactId>", f"<artifactId>{name}</artifactId>", 1)


@asynccontextmanager
async def cores(folder: Path) -> AsyncIterator[MavenRepositoryServer]:
    """Have a repository with five versions of one artifact, and one that needs it; it stands in for all others."""
    async with MavenRepositoryServer(checksums=["sha256"]) as made:
        for version in ("1.0", "1.1", "1.2", "1.3", "2.0"):
            made.add(f"core:{version}")
        made.add("web:1", "core:1.0")
        made.files |= {path.replace(".pom", ".jar"): path for path in [*made.files]}
        with variables(home_of(folder / "home", made.url)):
            yield made


def home_of(folder: Path, url: str, *, path: str = "", plugins: str = "") -> dict[str, str]:
    """Have a home in which a repository stands in for all others, and return the variables that lead there.

    Args:
        folder: For it.
        url: Of the repository.
        path: Where programs are; there are none if none is given.
        plugins: The address of a repository that Maven has its plugins from, and that stands in for no other.
    """
    (folder / ".m2").mkdir(parents=True, exist_ok=True)
    mirrors = [fields(id="own", mirrorOf="*,!plugins", url=url)]
    repository = element("pluginRepository", fields(id="plugins", url=plugins))
    profile = element("profile", fields(id="plugins"), element("pluginRepositories", repository))
    settings = element("settings", *(element("mirrors", element("mirror", one)) for one in mirrors),
                       *([element("profiles", profile), element("activeProfiles", fields(activeProfile="plugins"))] if plugins else []))  # fmt: skip
    (folder / ".m2" / "settings.xml").write_text(settings)
    return {
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PATH": path or str(folder),
    }


def write_project(folder: Path, text: str) -> Path:
    """Write a pom.xml, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "pom.xml"
    file.write_text(text)
    return file


async def locked(file: Path, later: float = 0.0, **params: Any) -> LockResult:
    """Lock a project; `LATER` for what was published since."""
    return await lock.run(LockParams(ecosystem="maven", file=str(file), **params), context(file.parent, later=later))


def environment() -> dict[str, str]:
    """Return the variables of this process, with what has a small Java start sooner."""
    return {**os.environ, "MAVEN_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


class ProjectDrawing(Drawing):
    """Draws repositories, and projects that need what is in them in every way."""

    def project(self, number: int) -> str:
        """Return the pom.xml of a project."""
        random = self._random
        needs = self._needs(random.randint(1, 4), "")
        managed = self._managed(random.randint(1, 3), 3) if random.random() < 0.6 else []
        properties = {"v.a": "1.0", "v.b": "1.1", "v.c": "2.0"}
        return pom(f"asked:p{number}:1", parts(needs, managed, properties), packaging="pom", parent=self._parent(0.4))


async def fixed(file: Path, **params: Any) -> FixResult:
    """Fix a project."""
    return await fix.run(FixParams(path=str(file), **params), context(file.parent))


def bad(identity: str, name: str, *events: tuple[str, str]) -> dict[str, Any]:
    """Return the record of something vulnerable, in versions from `introduced` on up to `fixed`; in all of them if none are given."""
    told = ecosystem_range(*(events or [("introduced", "0")]))
    return record(identity, affected(told, name=name, ecosystem="Maven"), severity=[HIGH])
