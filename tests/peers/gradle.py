"""The real Gradle, which runs whole builds in one process: it says what is right.

Maven Central has no Gradle, but a jar with all of its classes. Around that jar a folder is made up that looks as an installed
Gradle does, so that settings, `plugins {}` and the task `dependencies` are Gradle's own. Scripts in Kotlin are not: what
compiles them is not in the jar. Where a build does not say for which Java it is compiled, Gradle takes the one that it runs
on, here `java_version()`.
"""

import contextlib
import hashlib
import json
import re
import select
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.peers.environments import CHECKOUT

VERSION = "8.11"
PROGRAMS = Path(__file__).parent / "resolvers" / "gradle"
_BUILT = CHECKOUT / ".cache" / "resolvers" / "gradle"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_CLASSES = f"gradle-api-{VERSION}.jar"
_MODULE = re.compile(r"(gradle-.+)-classpath\.properties")
_SOURCES = ("Builds.java", "Versions.java")
# Of these follows what is built.
_FILES = (*_SOURCES, "jars.sha256", "pom.xml", "extensions.properties")
# Where Groovy looks for the methods that others add: those of Gradle the jar does not name.
_EXTENSIONS = Path("META-INF") / "groovy" / "org.codehaus.groovy.runtime.ExtensionModule"
# Gradle looks for their jars, but has their classes in its own.
_EMPTY = ("ant-1.10.14.jar", "ant-launcher-1.10.14.jar", "javax.inject-1.jar")
_OPENED = ("java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.util")
_SECONDS = 300
# Some builds send Gradle in circles.
_SECONDS_OF_BUILD = 60
_STUCK = f"Gradle did not come to an end within {_SECONDS_OF_BUILD} seconds"


class GradleError(Exception):
    """Gradle does not run here, or a build failed; the message says why."""


class Answer(NamedTuple):
    """What came of a build.

    Attributes:
        failures: Of it, what they follow from behind them; empty where all was resolved.
        resolved: The modules `group:name:version` of each configuration that can be resolved, by the path of the project.
    """

    failures: tuple[str, ...]
    resolved: Mapping[str, Mapping[str, Sequence[str]]]


class Gradle:
    """A Gradle that runs one build after the other, as starting takes seconds; `running` ends it.

    Args:
        command: Starts it.
        home: Where it keeps what it fetches; no other may run there.
    """

    def __init__(self, command: Sequence[str], home: Path) -> None:
        self._command, self._home = command, home
        self._process: subprocess.Popen[str] | None = None

    def stop(self) -> None:
        """End it; it starts again when it is asked something."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def lock(self, folder: Path, repository: str = "", update: Sequence[str] = ()) -> Answer:
        """Write the locks of all projects of a build, as `gradle dependencies --write-locks` does for one.

        Where a configuration cannot be resolved, Gradle leaves it as it was in the lock.

        Args:
            folder: Of the build.
            repository: Its address, in place of that of Maven Central; empty for Maven Central.
            update: Modules as for `--update-locks`: the locks of others stay; empty for new locks.

        Raises:
            GradleError: Gradle ended.
        """
        return self._ask("lock", folder, repository, update)

    def verify(self, folder: Path, repository: str = "", *, strict: bool = False) -> Answer:
        """Resolve all of a build with the locks that are there.

        Args:
            folder: Of the build.
            repository: As for `lock`.
            strict: Whether each configuration that is locked has to be in a lock.

        Raises:
            GradleError: Gradle ended.
        """
        return self._ask("strict" if strict else "verify", folder, repository, ())

    def _ask(self, kind: str, folder: Path, repository: str, update: Sequence[str]) -> Answer:
        answers = self._home / "answers.json"
        answers.unlink(missing_ok=True)
        word = self._said("\t".join((kind, str(folder.resolve()), str(answers), repository, ",".join(update))))
        if word is None:
            return Answer((_STUCK,), {})
        answer = json.loads(answers.read_text()) if answers.is_file() else None
        if not word or answer is None or (word == "failed" and not answer["failures"]):
            raise GradleError(f"Gradle has no answer: {(self._home / 'gradle.log').read_text()[-4000:]}")
        return Answer(tuple(answer["failures"]), answer["resolved"])

    def _said(self, line: str) -> str | None:
        """Return the word for a line; empty where it ended, and None where it does not come to an end."""
        seconds = _SECONDS if self._process is None else _SECONDS_OF_BUILD
        process = self._process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        if ready:
            return process.stdout.readline().strip()
        self.stop()
        return None

    def _started(self) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        with (self._home / "gradle.log").open("w") as log:
            return subprocess.Popen(self._command, cwd=self._home, stdin=pipe, stdout=pipe, stderr=log, text=True)


@contextmanager
def running(home: Path) -> Iterator[Gradle]:
    """Return a Gradle that is ended afterwards.

    Args:
        home: Where it keeps what it fetches; no other may run there.

    Raises:
        pytest.skip.Exception: This machine lacks what runs it.
    """
    built = _built()
    home.mkdir(parents=True, exist_ok=True)
    opened = [word for package in _OPENED for word in ("--add-opens", f"{package}=ALL-UNNAMED")]
    program = [_program("java"), "-Xmx2g", "-XX:+UseSerialGC", *opened, "-cp", f"{built}/lib/*:{built}"]
    gradle = Gradle([*program, "Builds", str(home.resolve()), str(PROGRAMS / "answers.init.gradle")], home)
    try:
        yield gradle
    finally:
        gradle.stop()


def lock(folder: Path, home: Path, repository: str = "") -> None:
    """Start a Gradle for one build, and write its locks.

    Args:
        folder: Of the build.
        home: Where Gradle keeps what it fetches.
        repository: As for `Gradle.lock`.

    Raises:
        GradleError: Something cannot be resolved.
        pytest.skip.Exception: This machine lacks what runs it.
    """
    with running(home) as gradle:
        failures = gradle.lock(folder, repository).failures
    if failures:
        raise GradleError("\n".join(failures))


def versions(questions: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return what Gradle says to each question about versions; the program tells which there are.

    Raises:
        pytest.skip.Exception: This machine lacks what runs it.
    """
    lines = "".join("\t".join(words) + "\n" for words in questions)
    built = _built()
    command = [_program("java"), "-cp", f"{built}/lib/*:{built}", "Versions"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=_SECONDS)
    return done.stdout.removesuffix("\n").split("\n")


@cache
def java_version() -> int:
    """Return the major version of the Java that Gradle runs on.

    Raises:
        pytest.skip.Exception: This machine lacks it.
    """
    command = [_program("java"), "-version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS).stderr
    found = re.search(r'version "(\d+)', said)
    assert found is not None, said
    return int(found[1])


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing: apt-get install {'maven' if name == 'mvn' else 'default-jdk-headless'}")
    return found


@cache
def _built() -> Path:
    """Return the folder of Gradle and of the program that runs it, which is made where that is not done yet."""
    digest = hashlib.sha256(b"".join((PROGRAMS / name).read_bytes() for name in _FILES))
    built = _BUILT / digest.hexdigest()[:16]
    if built.is_dir():
        return built
    _BUILT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_BUILT) as temporary:
        made = Path(temporary) / "made"
        _make(made)
        # Another process may have been first.
        with contextlib.suppress(OSError):
            made.rename(built)
    return built


def _make(folder: Path) -> None:
    jars, library = folder / "jars", folder / "lib"
    # Gradle takes the folder around `lib` for where it is installed if it has this one too.
    (library / "plugins").mkdir(parents=True)
    maven = [_program("mvn"), "--batch-mode", "--quiet", "--file", str(PROGRAMS / "pom.xml")]
    subprocess.run([*maven, _COPY, f"-DoutputDirectory={jars}"], check=True, timeout=_SECONDS, capture_output=True)
    for line in (PROGRAMS / "jars.sha256").read_text().splitlines():
        digest, name = line.split()
        with (jars / name).open("rb") as jar:
            if hashlib.file_digest(jar, "sha256").hexdigest() != digest:
                raise GradleError(f"{name} is not the file that is expected")
        (jars / name).rename(library / name)
    jars.rmdir()
    _write_modules(library)
    (folder / _EXTENSIONS).parent.mkdir(parents=True)
    shutil.copyfile(PROGRAMS / "extensions.properties", folder / _EXTENSIONS)
    compiler = [_program("javac"), "-cp", f"{library}/*", "-d", str(folder)]
    subprocess.run([*compiler, *(str(PROGRAMS / name) for name in _SOURCES)], check=True, timeout=_SECONDS)


def _write_modules(library: Path) -> None:
    """Write a jar for each module of Gradle, which says no more than that its classes are in the big one."""
    runtime = ",".join(sorted(path.name for path in library.glob("*.jar")))
    with zipfile.ZipFile(library / _CLASSES) as classes:
        for entry in classes.namelist():
            module = _MODULE.fullmatch(entry)
            if module is None:
                continue
            said = [line for line in classes.read(entry).decode().splitlines() if not line.startswith("runtime=")]
            with zipfile.ZipFile(library / f"{module[1]}-{VERSION}.jar", "w") as jar:
                jar.writestr(entry, "\n".join((*said, f"runtime={runtime}", "")))
    for name in _EMPTY:
        with zipfile.ZipFile(library / name, "w") as jar:
            jar.writestr("empty", "")
