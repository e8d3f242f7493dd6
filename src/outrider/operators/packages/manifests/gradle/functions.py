"""Functions of scripts of Gradle whose results follow from what is given to them."""

import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, Protocol

from outrider.operators.packages.manifests.gradle.names import of_catalog
from outrider.operators.packages.manifests.gradle.scripts import Script
from outrider.operators.packages.manifests.gradle.state import BuildState, ProjectState
from outrider.operators.packages.manifests.gradle.steps import Step
from outrider.operators.packages.manifests.gradle.syntax import Expression
from outrider.operators.packages.manifests.gradle.traced import Traced
from outrider.operators.packages.manifests.gradle.values import (
    Alias,
    Constant,
    Digits,
    Entries,
    Feature,
    Files,
    Folder,
    Java,
    Module,
    OfProject,
    Platform,
    Several,
    Value,
)
from outrider.operators.packages.manifests.gradle.wanted import Wanted

_JAVA_CONSTANT = re.compile(r"VERSION_(?:1_)?(\d{1,2})")
_JAVA_TEXT = re.compile(r"(?:1\.)?(\d{1,2})")
_NUMBERS = ("toInt", "toInteger", "intValue")
TEST_FIXTURES = "test-fixtures"
_MODULE = ("group", "name", "version", "classifier", "ext", "transitive", "changing")


class Evaluating(Protocol):
    """What finds what expressions come to."""

    script: Script
    build: BuildState
    project: ProjectState

    def value(self, expression: Expression) -> Value:
        """Return what an expression comes to."""

    def text(self, expression: Expression) -> Traced:
        """Return what an expression says."""


def java_version(text: str) -> int | None:
    """Return a version of Java; None where a text is none.

    Args:
        text: Such as `17` or `1.8`.
    """
    match = _JAVA_TEXT.fullmatch(text.strip())
    return (int(match[1]) or None) if match is not None else None


def java_of(steps: tuple[Step, ...], known: Evaluating) -> Value | None:
    """Return the version of Java that is named as in `JavaVersion.VERSION_17` or `JavaLanguageVersion.of(17)`.

    Args:
        steps: Perhaps such.
        known: What finds what is given.
    """
    if steps[0].name not in ("JavaVersion", "JavaLanguageVersion") or len(steps) < 2:
        return None
    second = steps[1]
    constant = _JAVA_CONSTANT.fullmatch(second.name)
    if constant is not None and second.arguments is None:
        return Java(int(constant[1]))
    if second.name in ("of", "toVersion") and len(second.values) == 1:
        version = java_version(known.text(second.values[0]).text)
        return None if version is None else Java(version)
    return None


def file_in(known: Evaluating, folder: Path, step: Step) -> Value:
    """Return a file within a folder.

    Args:
        known: What finds what is given.
        folder: It.
        step: That names the file.
    """
    if len(step.values) != 1:
        known.script.refuse(step.line, "a file is named by one text")
    text = known.text(step.values[0]).text
    if "\0" in text:
        known.script.refuse(step.line, "no file has this name")
    return Folder(Path(posixpath.normpath(folder / text)))


def itself(known: Evaluating, value: Value, step: Step) -> Value:
    """Return what is asked for as it is, such as by `get()`, or as a number.

    Args:
        known: What finds what expressions come to.
        value: It.
        step: That asks.
    """
    if isinstance(value, Alias):
        found = of_catalog(known.build, value)
        if found is None and step.name != "asProvider":
            _refuse(known, step, f"the catalog has no {'.'.join(value.names)[:60]}")
        return value if found is None else found
    if step.name == "get" and value == Constant(None):
        _refuse(known, step, "nothing in the build sets this")
    if step.name in _NUMBERS:
        text = (
            value.required.text
            if isinstance(value, Wanted)
            else value.text
            if isinstance(value, Traced | Digits)
            else ""
        )
        if not text.isdecimal():
            _refuse(known, step, "this is no whole number")
        return Digits(text)
    return Traced(value.text.strip()) if step.name == "trim" and isinstance(value, Traced) else value


def _files(_: Evaluating, step: Step) -> Value:
    del step
    return Files()


def _platform(known: Evaluating, step: Step) -> Value:
    if step.block is not None:
        known.script.refuse(step.line, "a block behind a platform is not read")
    named = _module(known, step) if step.named else None
    if named is None and len(step.values) != 1:
        known.script.refuse(step.line, "a platform is one module")
    of = named if named is not None else known.value(step.values[0])
    return Platform(of, is_enforced=step.name == "enforcedPlatform")


def _test_fixtures(known: Evaluating, step: Step) -> Value:
    if step.block is not None or len(step.values) != 1 or step.named:
        _refuse(known, step, "test fixtures are those of one project or module")
    return Feature(known.value(step.values[0]), TEST_FIXTURES)


def _project(known: Evaluating, step: Step) -> Value:
    """Return a project of the build; where it is named alone."""
    named = step.named
    if set(named) - {"path"} or step.block is not None:
        _refuse(known, step, "a project is taken whole here, without a configuration of its own choice")
    given = [*step.values, *named.values()]
    if not given:
        return OfProject(known.project.path)
    if len(given) != 1:
        _refuse(known, step, "a project is named by one path")
    path = known.text(given[0]).text
    whole = path if path.startswith(":") else f"{known.project.path.rstrip(':')}:{path}"
    if whole not in known.build.projects:
        _refuse(known, step, f"the build has no project {whole[:60]}")
    return OfProject(whole)


def _module(known: Evaluating, step: Step) -> Value:
    unknown = sorted(set(step.named) - set(_MODULE))
    if unknown:
        _refuse(known, step, f"{unknown[0][:40]} of a module is not read")
    return Module({key: known.value(one) for key, one in step.named.items()})


def _list(known: Evaluating, step: Step) -> Value:
    return Several(tuple(known.value(one) for one in step.values))


def _map(known: Evaluating, step: Step) -> Value:
    entries: dict[str, Value] = {}
    for one in step.values:
        pair = known.value(one)
        if not isinstance(pair, Several) or len(pair.items) != 2 or not isinstance(pair.items[0], Traced):
            _refuse(known, step, "only pairs of a text and a value are read")
        entries[pair.items[0].text] = pair.items[1]
    return Entries(entries)


def _file(known: Evaluating, step: Step) -> Value:
    return file_in(known, known.project.folder, step)


def _uri(known: Evaluating, step: Step) -> Value:
    if len(step.values) != 1:
        _refuse(known, step, "an address is one text")
    value = known.value(step.values[0])
    is_address = isinstance(value, Folder) or (isinstance(value, Traced) and ":" in value.text)
    return value if is_address else file_in(known, known.project.folder, step)


def _refuse(known: Evaluating, step: Step, why: str) -> NoReturn:
    known.script.refuse(step.line, why)


FUNCTIONS: Mapping[str, Callable[[Evaluating, Step], Value]] = {
    "files": _files, "fileTree": _files, "gradleApi": _files, "gradleTestKit": _files, "localGroovy": _files,
    "testFixtures": _test_fixtures, "platform": _platform, "enforcedPlatform": _platform, "project": _project, "listOf": _list, "mutableListOf": _list,
    "arrayOf": _list, "setOf": _list, "mapOf": _map, "mutableMapOf": _map, "file": _file, "uri": _uri, "URI": _uri,
}  # fmt: skip
