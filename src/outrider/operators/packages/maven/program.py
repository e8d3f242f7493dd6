"""The Maven of this machine: where it is, on which Java it runs, and the repository that it comes with.

No address of that one stands here. It is read where Maven reads it: in the POM that all POMs inherit from, within one of its own jars.
"""

import os
import platform
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from outrider.core.errors import DeadlineExceededError, DeniedError, InvalidConfigError, NotFoundError
from outrider.operators.packages.maven.poms import PomRepository, read_markup, read_repositories
from outrider.operators.packages.registries.record_files import read_record, write_record
from outrider.ports.process.command import run

_SECONDS = 30.0
_JARS = "maven-model-builder-*.jar"
_SUPER_POM = "org/apache/maven/model/pom-4.0.0.xml"
_LARGEST = 1 << 20
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SAID = {
    "version": re.compile(r"^Apache Maven (\S+)", re.MULTILINE),
    "home": re.compile(r"^Maven home: (.+)$", re.MULTILINE),
    "java.version": re.compile(r"^Java version: ([^,\s]+)", re.MULTILINE),
    "java.vendor": re.compile(r"^Java version: .*\bvendor: ([^,\n]+)", re.MULTILINE),
    "java.home": re.compile(r"^Java version: .*\bruntime: (.+)$", re.MULTILINE),
    "os.name": re.compile(r'^OS name: "([^"]*)"', re.MULTILINE),
    "os.version": re.compile(r'^OS name: .*\bversion: "([^"]*)"', re.MULTILINE),
    "os.arch": re.compile(r'^OS name: .*\barch: "([^"]*)"', re.MULTILINE),
}
_KEPT_VARIABLES = ("PATH", "HOME", "JAVA_HOME", "M2_HOME", "MAVEN_HOME")


class MavenProgram(msgspec.Struct, kw_only=True):
    """What is installed here.

    Attributes:
        home: The folder of Maven; empty where there is none.
        version: Of Maven; likewise.
        properties: Those of Java that POMs may depend on.
        repositories: That Maven comes with.
        seen: When the programs were last changed: what was learned of others is not used.
    """

    home: str = ""
    version: str = ""
    properties: dict[str, str] = {}
    repositories: list[PomRepository] = []
    seen: list[tuple[str, float]] = []


async def maven_program(environment: Mapping[str, str], cache: Path) -> MavenProgram:
    """Return what is installed; Maven is asked once, and what it said is kept.

    Args:
        environment: Where Maven and Java are.
        cache: The folder of what is kept of all ecosystems.

    Raises:
        ExecutionFailedError: What it said cannot be kept.
    """
    seen = [*_seen(environment)]
    path = cache / "maven" / "program"
    known = read_record(path, msgspec.msgpack.Decoder(MavenProgram))
    if known is not None and known.seen == seen:
        return known
    said = await _said(environment) if seen else {}
    found = MavenProgram(
        home=said.pop("home", ""), version=said.pop("version", ""), properties=_properties(said), seen=seen
    )
    if found.home:
        found.repositories = _built_in(Path(found.home))
    write_record(path, found)
    return found


def _seen(environment: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    maven = shutil.which("mvn", path=environment.get("PATH"))
    java = shutil.which("java", path=environment.get("PATH"))
    if maven is None:
        return
    yield environment.get("JAVA_HOME", ""), 0.0
    for program in (maven, java):
        if program is not None:
            path = Path(program).resolve()
            yield str(path), path.stat().st_mtime


async def _said(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what Maven says of itself; nothing where it does not run."""
    kept = {name: environment[name] for name in _KEPT_VARIABLES if environment.get(name)}
    # Files of a project in the folder above would count.
    with tempfile.TemporaryDirectory(prefix="outrider-maven-") as folder:
        try:
            ended = await run(["mvn", "--batch-mode", "--version"], timeout=_SECONDS, env=kept, cwd=Path(folder))
        except (NotFoundError, DeniedError, DeadlineExceededError):
            return {}
    text = _COLOURS.sub("", ended.stdout.decode("utf-8", "replace"))
    found = {name: pattern.search(text) for name, pattern in _SAID.items()}
    return {name: match[1].strip() for name, match in found.items() if match is not None}


def _properties(said: Mapping[str, str]) -> dict[str, str]:
    """Return the properties of Java; without one, those that are known of the machine itself."""
    arch = {"x86_64": "amd64"}.get(platform.machine(), platform.machine())
    found = {
        "os.name": platform.system(), "os.arch": arch, "os.version": platform.release(), "file.separator": os.sep,
        "path.separator": os.pathsep, "line.separator": os.linesep, **said,
    }  # fmt: skip
    if version := found.get("java.version"):
        parts = version.split(".")
        found["java.specification.version"] = ".".join(parts[:2]) if parts[0] == "1" else parts[0].partition("-")[0]
    return found


def _built_in(home: Path) -> list[PomRepository]:
    """Return the repositories of the POM that all POMs inherit from."""
    for jar in sorted((home / "lib").glob(_JARS)):
        try:
            with zipfile.ZipFile(jar) as opened, opened.open(_SUPER_POM) as file:
                return [*read_repositories(read_markup("super POM", file.read(_LARGEST)))]
        except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError, InvalidConfigError):
            continue
    return []
