"""Repositories of modules for Gradle that are drawn by chance: POMs and Gradle's own metadata, in every way that they need one another."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from outrider.operators.packages.tests.maven_poms import bom, dependency, element, fields, metadata, parts, path_of, pom

VERSIONS = ("1.0", "1.1", "1.2-rc1", "2.0")
_HARD_VERSIONS = (*VERSIONS, "1.10", "1.1-jre")
RANGES = ("[1.0,2.0)", "[1.1,)", "[1.0]", "(,1.1]", "(1.0,3.0)", "[1.0,2.0]", "[1.0,2.0[", "]1.0,2.0]")
# With this comment in a POM, Gradle reads its own metadata instead of it.
MARKER = "<!-- do_not_remove: published-with-gradle-metadata -->"
_SCOPES = (None, None, "compile", "compile", "runtime", "runtime", "provided", "test")
_PARENTS = 2
_LIBRARY = {
    "org.gradle.category": "library",
    "org.gradle.dependency.bundling": "external",
    "org.gradle.libraryelements": "jar",
}
# How hard: only plain POMs; all that POMs have; metadata of Gradle as well; what is rare in them, too.
PLAIN, POMS, METADATA, RARE = range(4)


class Universe(NamedTuple):
    """A repository.

    Attributes:
        files: What it consists of, by their paths.
        modules: The versions of each `group:name`.
        platforms: Likewise of those that only say versions.
    """

    files: Mapping[str, str]
    modules: Mapping[str, Sequence[str]]
    platforms: Mapping[str, Sequence[str]]

    def write(self, folder: Path) -> str:
        """Write it as a repository of Maven; return its address."""
        for path, content in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        return folder.resolve().as_uri()


class UniverseDrawing:
    """Draws repositories.

    Args:
        random: Where chance comes from.
        modules: How many there are, besides platforms.
        hard: `PLAIN`, `POMS`, `METADATA` or `RARE`.
        circles: How often a module may need one that needs it. What is in such a circle stays in Gradle's graph when nothing else
            needs it any more: it has a say in which versions are chosen, and is in the lock, which Gradle then does not take.
    """

    def __init__(self, random: Random, modules: int = 6, hard: int = RARE, circles: float = 0.0) -> None:
        self._random, self._hard, self._circles = random, hard, circles
        names = [f"{'gh'[number % 3 == 2]}:{chr(97 + number)}" for number in range(modules)]
        pool = _HARD_VERSIONS if hard >= METADATA else VERSIONS
        self._modules = {name: [one for one in pool if random.random() < 0.7] or ["1.0"] for name in names}
        self._last = names[-1]
        self._platforms: dict[str, list[str]] = {}
        if hard >= POMS:
            self._platforms = {f"boms:bom{number}": ["1.0", "2.0"] for number in range(2)}
        # Modules with something that is asked for by its name, and those with variants for Android.
        self._extras = {name for name in names if self._chance(0.25, RARE)}
        self._environments = {name for name in names if self._chance(0.15, RARE)}
        self._published = {name for name in (*names, *self._platforms) if self._chance(0.5, METADATA)}

    def universe(self) -> Universe:
        """Return one."""
        files: dict[str, str] = {}
        for number in range(_PARENTS if self._hard >= POMS else 0):
            above = "up:parent0:1" if number and self._chance(0.5) else ""
            name = f"up:parent{number}:1"
            files[path_of(name)] = pom(name, self._parts("", 1), packaging="pom", parent=above)
        for name, versions in {**self._modules, **self._platforms}.items():
            files[f"{name.replace('.', '/').replace(':', '/')}/maven-metadata.xml"] = metadata(versions)
            for version in versions:
                self._publish(files, name, version)
        return Universe(files, self._modules, self._platforms)

    def _publish(self, files: dict[str, str], name: str, version: str) -> None:
        coordinates, is_platform = f"{name}:{version}", name in self._platforms
        has_metadata = name in self._published and self._random.random() < 0.85
        if has_metadata:
            variants = self._platform_variants(name) if is_platform else self._variants(name, version)
            files[path_of(coordinates, "module")] = self._module(coordinates, variants)
        packaging = "pom" if is_platform else None
        comment = MARKER if has_metadata and self._random.random() < 0.97 else ""
        parent = (
            f"up:parent{self._random.randrange(_PARENTS)}:1" if name != self._last and self._chance(0.35, POMS) else ""
        )
        content = parts((), self._managed(4, name)) if is_platform else self._parts(name, self._random.randint(0, 3))
        files[path_of(coordinates)] = pom(
            coordinates, comment, self._moved(name), content, packaging=packaging, parent=parent
        )

    def _chance(self, often: float, least: int = PLAIN) -> bool:
        return self._hard >= least and self._random.random() < often

    def _others(self, name: str, count: int) -> list[str]:
        """Return modules that one may name: those behind it, or any for what is no module or may be in a circle."""
        any_is_right = name not in self._modules or self._random.random() < self._circles
        after = "" if any_is_right else name.split(":")[1]
        others = [one for one in self._modules if one != name and one.split(":")[1] > after]
        return self._random.sample(others, min(count, len(others)))

    def _version(self, name: str) -> str:
        """Return a version, nearly always one that there is."""
        known = self._modules.get(name) or self._platforms[name]
        return "9.9" if self._random.random() < 0.004 else self._random.choice(known)

    # POMs

    def _moved(self, name: str) -> str:
        if not self._chance(0.02, RARE):
            return ""
        # Not in a circle, nor where nothing is.
        later = [one for one in self._modules if one.split(":")[1] > name.split(":")[1]]
        if not later or name in self._platforms:
            return ""
        group, artifact = self._random.choice(later).split(":")
        said = fields(groupId=group, artifactId=artifact, version=self._version(f"{group}:{artifact}"))
        return element("distributionManagement", element("relocation", said))

    def _parts(self, name: str, needs: int) -> str:
        """Return what a POM consists of; without a name, one of a parent."""
        properties = (
            {f"v.{one.split(':')[1]}": self._version(one) for one in self._others(name, 3)} if self._hard else {}
        )
        managed = self._managed(2, name) if self._chance(0.3 if name else 0.7, POMS) else []
        # What a parent needs all of its children need, which are in front of it.
        chosen = self._others(name, needs) if name else [self._last]
        content = [dependency(f"{one}{self._asked(one, managed, properties)}", **self._details()) for one in chosen]
        return parts(content, managed, properties)

    def _asked(self, name: str, managed: Sequence[str], properties: Mapping[str, str]) -> str:
        if f"v.{name.split(':')[1]}" in properties and self._random.random() < 0.5:
            return f":${{v.{name.split(':')[1]}}}"
        group, artifact = name.split(":")
        if any(fields(groupId=group, artifactId=artifact) in one for one in managed) and self._random.random() < 0.6:
            return ""
        if self._chance(0.1, POMS):
            return f":{self._random.choice(RANGES)}"
        return f":{self._version(name)}"

    def _details(self) -> dict[str, Any]:
        random = self._random
        if self._hard < POMS:
            return {"scope": random.choice((None, "compile", "runtime"))}
        details: dict[str, Any] = {"scope": random.choice(_SCOPES)}
        if random.random() < 0.1:
            details["optional"] = random.choice(("true", "true", "false"))
        if random.random() < 0.06:
            details |= random.choice(({"type": "test-jar"}, {"classifier": "extra"}, {"type": "zip"}, {"type": "jar"}))
        if random.random() < 0.15:
            details["exclusions"] = [self._exclusion() for _ in range(random.choice((1, 1, 2)))]
        return details

    def _exclusion(self) -> str:
        group, artifact = self._random.choice([*self._modules]).split(":")
        return self._random.choice((f"{group}:{artifact}", f"{group}:{artifact}", f"{group}:*", f"*:{artifact}", "*:*"))

    def _managed(self, count: int, name: str) -> list[str]:
        managed = []
        for one in self._others(name, count):
            details: dict[str, Any] = (
                {"scope": self._random.choice((None, None, "runtime", "test"))} if self._chance(0.3) else {}
            )
            if self._chance(0.1):
                details["exclusions"] = [self._exclusion()]
            managed.append(dependency(f"{one}:{self._version(one)}", **details))
        # Platforms have parents, and may need one another in one direction only.
        if name not in ("", "boms:bom0") and self._chance(0.2):
            managed.append(bom(f"boms:bom0:{self._random.choice(self._platforms['boms:bom0'])}"))
        return managed

    # Gradle's own metadata

    def _module(self, coordinates: str, variants: list[dict[str, Any]]) -> str:
        group, module, version = coordinates.split(":")
        status = "integration" if self._chance(0.05, RARE) else "release"
        component = {"group": group, "module": module, "version": version, "attributes": {"org.gradle.status": status}}
        return json.dumps({"formatVersion": "1.1", "component": component, "variants": variants}, indent=1)

    def _variants(self, name: str, version: str) -> list[dict[str, Any]]:
        shared = self._content(name, self._random.randint(0, 2))
        more = self._content(name, self._random.randint(0, 1))
        java = self._random.choice((8, 8, 11, 17)) if self._chance(0.7, RARE) else None
        java = 21 if self._chance(0.01, RARE) else java
        variants = self._pair("", shared, more, {} if java is None else {"org.gradle.jvm.version": java})
        if name in self._environments:
            for variant in variants:
                variant["attributes"]["org.gradle.jvm.environment"] = "standard-jvm"
            android = {"org.gradle.jvm.environment": "android"} | (
                {} if java is None else {"org.gradle.jvm.version": java}
            )
            variants += self._pair("android", self._content(name, 1), {}, android)
        if name in self._extras:
            extra = self._pair("extras", self._content(name, 1), {}, {})
            for variant in extra:
                variant["capabilities"] = [_capability(name) | {"version": version}]
            variants += extra
        if self._chance(0.3):
            documents = {
                "org.gradle.category": "documentation",
                "org.gradle.docstype": "sources",
                "org.gradle.usage": "java-runtime",
            }
            variants.append({"name": "sourcesElements", "attributes": documents})
        return variants

    def _pair(
        self, prefix: str, shared: dict[str, Any], more: dict[str, Any], attributes: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Return variants to compile with and to run with; the latter have more dependencies."""
        both = {
            kind: [*shared.get(kind, ()), *more.get(kind, ())] for kind in ("dependencies", "dependencyConstraints")
        }
        return [
            {
                "name": f"{prefix}{usage}Elements",
                "attributes": {**_LIBRARY, "org.gradle.usage": f"java-{usage}", **attributes},
            }
            | {kind: listed for kind, listed in content.items() if listed}
            for usage, content in (("api", shared), ("runtime", both))
        ]

    def _platform_variants(self, name: str) -> list[dict[str, Any]]:
        constraints = [self._need(one) for one in self._others(name, 4)]
        needs = [_platform(self._need("boms:bom0"))] if name != "boms:bom0" and self._chance(0.2) else []
        return [
            {"name": f"{usage}Elements", "attributes": {"org.gradle.category": "platform", "org.gradle.usage": f"java-{usage}"},
             "dependencyConstraints": constraints} | ({"dependencies": needs} if needs else {})
            for usage in ("api", "runtime")
        ]  # fmt: skip

    def _content(self, name: str, count: int) -> dict[str, Any]:
        needs = [self._dependency(one) for one in self._others(name, count)]
        if self._chance(0.1) and self._platforms:
            needs.append(_platform(self._need(self._random.choice([*self._platforms]))))
        constraints = [self._need(one) for one in self._others(name, 1)] if self._chance(0.25) else []
        return {"dependencies": needs, "dependencyConstraints": constraints}

    def _dependency(self, name: str) -> dict[str, Any]:
        need = self._need(name)
        if self._chance(0.15):
            excluded = (self._exclusion().split(":") for _ in range(self._random.choice((1, 1, 2))))
            need["excludes"] = [{"group": group, "module": module} for group, module in excluded]
        if name in self._extras & self._published and self._chance(0.3):
            need["requestedCapabilities"] = [_capability(name)]
        if self._chance(0.04, RARE):
            need["endorseStrictVersions"] = True
        if self._chance(0.04, RARE):
            need["thirdPartyCompatibility"] = {
                "artifactSelector": {
                    "name": name.split(":")[1],
                    "type": "jar",
                    "extension": "jar",
                    "classifier": "extra",
                }
            }
        return need

    def _need(self, name: str) -> dict[str, Any]:
        group, module = name.split(":")
        return {"group": group, "module": module, "version": self._rich(name)}

    def _rich(self, name: str) -> dict[str, Any]:
        version = self._version(name)
        if self._chance(0.01, RARE):
            return {"strictly": version, "requires": version}
        if self._chance(0.03, RARE):
            return {"prefers": version}
        if self._chance(0.02, RARE):
            return {"requires": version, "rejects": [self._random.choice(("1.0", "[1.1,1.2)", "2.+"))]}
        if self._chance(0.06):
            return {"requires": self._random.choice((*RANGES, "1.+", "+", "latest.release"))}
        return {"requires": version}


def _capability(name: str) -> dict[str, str]:
    group, module = name.split(":")
    return {"group": group, "name": f"{module}-extras"}


def _platform(need: dict[str, Any]) -> dict[str, Any]:
    return need | {"attributes": {"org.gradle.category": "platform"}, "endorseStrictVersions": True}
