"""io.spring.dependency-management: BOMs and versions that replace those that modules ask for.

https://docs.spring.io/dependency-management-plugin/docs/1.1.7/reference/html/.
"""

from collections.abc import Mapping
from typing import NoReturn

import msgspec

from outrider.operators.packages.manifests.gradle.builds import Bom, Exclusion, Management
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.external.plugin import External, Part
from outrider.operators.packages.manifests.gradle.flattening import Event, flattened, is_true
from outrider.operators.packages.manifests.gradle.state import ProjectState
from outrider.operators.packages.manifests.gradle.steps import Step
from outrider.operators.packages.manifests.gradle.syntax import Expression
from outrider.operators.packages.manifests.gradle.traced import Traced
from outrider.operators.packages.manifests.gradle.values import Entries, Unknown

ID = "io.spring.dependency-management"
_OF_BOM = ("bomProperty", "bomProperties")
_NO_CHANGE = ("generatedPomCustomization",)
_SETTINGS = {"applyMavenExclusions": "applies_exclusions", "overriddenByDependencies": "is_overridden"}
# Up to this one exclusions are put on dependencies that several configurations share.
_LAST_SHARING = 5


class _Reader:
    def __init__(self, known: Evaluator) -> None:
        self._known = known

    def take(self, event: Event) -> None:
        for one in flattened(self._known, event):
            names = one.names[1:]
            if not names or names[0] in _NO_CHANGE:
                continue
            if names[0] in _SETTINGS and len(names) == 1:
                self._change(**{_SETTINGS[names[0]]: is_true(self._known, one)})
            elif names[0] == "imports" and len(names) > 1:
                self._import(one)
            elif names[0] == "dependencies" and len(names) > 1:
                self._manage(one)
            elif names not in (["imports"], ["dependencies"]):
                self._refuse(one.line, f"dependencyManagement.{'.'.join(names)[:60]} is not read")

    @property
    def _management(self) -> Management:
        management = self._known.project.management
        assert management is not None
        return management

    def _change(self, **values: object) -> None:
        self._known.project.management = msgspec.structs.replace(self._management, **values)

    def _import(self, event: Event) -> None:
        """Take a BOM, or a property that is set for one."""
        bom, *inner = event.steps[2:]
        if bom.name != "mavenBom" or len(bom.values) != 1 or len(inner) > 1 or event.value is not None:
            self._refuse(event.line, "of what is imported, only mavenBom is read")
        group, name, version = self._parts(bom.values[0], 3, event.line)
        properties: dict[str, str] = {}
        for step in inner:
            properties |= self._properties(step)
        # Properties of one BOM come one by one; a BOM that is imported anew counts from where that is done.
        line = self._known.script.line_of(bom.line)
        before = [one for one in self._management.boms if (one.group, one.name) == (group, name)]
        if before and before[0].line == line:
            properties = {**before[0].properties, **properties}
        rest = tuple(one for one in self._management.boms if one not in before)
        imported = Bom(group=group, name=name, version=version, properties=properties, line=line)
        self._change(boms=(*rest, imported))

    def _properties(self, step: Step) -> dict[str, str]:
        if step.name == "bomProperty" and len(step.values) == 2:
            name, text = (self._known.text(one).text for one in step.values)
            return {name: text}
        value = self._known.value(step.values[0]) if step.name == "bomProperties" and len(step.values) == 1 else None
        entries = {key: self._known.value(one) for key, one in step.named.items()}
        entries |= value.entries if isinstance(value, Entries) else {}
        shown = {key: self._known.shown(one) for key, one in entries.items()}
        if step.name not in _OF_BOM or not shown or None in shown.values():
            self._refuse(step.line, "of a BOM, only properties that are plain texts are read")
        return {key: one.text for key, one in shown.items() if one is not None}

    def _manage(self, event: Event) -> None:
        step, *inner = event.steps[2:]
        if event.value is not None:
            self._refuse(event.line, "versions are managed by dependency and dependencySet")
        if step.name == "dependency":
            group, name, version = self._named(step, ("group", "name", "version"))
        elif step.name == "dependencySet":
            group, version = self._named(step, ("group", "version"))
            if not inner:
                return
            entry, *inner = inner
            if entry.name != "entry" or len(entry.values) != 1:
                self._refuse(event.line, "within dependencySet, only entries are read")
            name = self._known.text(entry.values[0]).text
        else:
            self._refuse(event.line, f"{step.name[:40]} is nothing that manages a version")
        module = f"{group}:{name}"
        excluded = (*self._management.excluded.get(module, ()), *(self._exclusion(one) for one in inner))
        self._change(
            versions={**self._management.versions, module: version},
            excluded={**self._management.excluded, module: excluded},
        )

    def _named(self, step: Step, keys: tuple[str, ...]) -> list[str]:
        """Return the parts of a name, which are in one text or each by its name."""
        shown: dict[str, Traced | None]
        if len(step.values) == 1 and not step.named:
            value = self._known.value(step.values[0])
            if not isinstance(value, Entries):
                return self._parts(step.values[0], len(keys), step.line)
            shown = {key: self._known.shown(one) for key, one in value.entries.items()}
        else:
            shown = {key: self._known.text(one) for key, one in step.named.items()}
        if set(shown) != {*keys} or None in shown.values() or len(step.values) > 1:
            self._refuse(step.line, f"a version is managed for {', '.join(keys)}")
        return [text.text for key in keys if (text := shown[key]) is not None]

    def _parts(self, expression: Expression, count: int, line: int) -> list[str]:
        parts = self._known.text(expression).text.split(":")
        if len(parts) != count or not all(parts):
            self._refuse(line, f"{':'.join(parts)[:60]} has not {count} parts between colons")
        return parts

    def _exclusion(self, step: Step) -> Exclusion:
        if step.name != "exclude":
            self._refuse(step.line, f"{step.name[:40]} of a managed version is not read")
        return Exclusion(*self._named(step, ("group", "name")))

    def _refuse(self, line: int, why: str) -> NoReturn:
        self._known.script.refuse(line, why)


def _take(known: Evaluator, event: Event) -> None:
    _Reader(known).take(event)


def _applied(project: ProjectState) -> None:
    is_sharing = int(project.versions[ID].rpartition(".")[2]) <= _LAST_SHARING
    project.management = msgspec.structs.replace(project.management or Management(), shares_exclusions=is_sharing)


def _finished(project: ProjectState) -> None:
    """Note the properties of the build, which count in BOMs before those that these set."""
    if project.management is not None:
        properties = {name: _text(value) for name, value in project.everywhere().items()}
        project.management = msgspec.structs.replace(project.management, properties=properties)


def _text(value: object) -> str | None:
    text = getattr(value, "text", None)
    return text if isinstance(text, str) and not isinstance(value, Unknown) else None


_PARTS: Mapping[str, Part] = {ID: Part()}
PLUGINS = (
    External(
        id=ID, versions=r"1\.1\.[0-7]", expected="1.1.0 to 1.1.7", artifact="io.spring.gradle:dependency-management-plugin", parts=_PARTS,
        applied=_applied, finished=_finished, takes={"dependencyManagement": _take},
        types={"DependencyManagementExtension": "dependencyManagement"},
    ),
)  # fmt: skip
