"""What `dependencies { }` asks for: https://docs.gradle.org/current/userguide/declaring_dependencies.html."""

from collections.abc import Iterator, Mapping
from typing import NoReturn

import msgspec

from outrider.operators.packages.manifests.gradle.builds import Asked, Category, Exclusion
from outrider.operators.packages.manifests.gradle.catalogs import Library
from outrider.operators.packages.manifests.gradle.containers import CONFIGURATIONS
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event, events, is_assigned, is_true
from outrider.operators.packages.manifests.gradle.source_sets import DECLARED, declarable_in, of_source_set
from outrider.operators.packages.manifests.gradle.state import Suite
from outrider.operators.packages.manifests.gradle.steps import Step
from outrider.operators.packages.manifests.gradle.syntax import Block, Expression
from outrider.operators.packages.manifests.gradle.traced import Traced
from outrider.operators.packages.manifests.gradle.values import (
    Accessor,
    Alias,
    Bundle,
    Constant,
    Contained,
    Entries,
    Feature,
    Files,
    Module,
    OfProject,
    Platform,
    Several,
    Value,
)
from outrider.operators.packages.manifests.gradle.wanted import Wanted, strict_or_not

_VERSION_WORDS = ("require", "strictly", "prefer", "reject", "rejectAll")
_TRANSITIVE = ("transitive", "isTransitive")
_NO_CHANGE = ("because", "reason")
_MOST = 20_000
_NOT_READ = {
    "components": "rules for metadata are programs", "modules": "modules that replace others are not read",
    "attributesSchema": "attributes of the build's own are not read", "artifactTypes": "attributes of the build's own are not read",
    "registerTransform": "attributes of the build's own are not read",
}  # fmt: skip
# What Gradle has no more, and what people write instead.
_SINCE = {
    "compile": "implementation",
    "testCompile": "testImplementation",
    "runtime": "runtimeOnly",
    "testRuntime": "testRuntimeOnly",
}


class Asking(msgspec.Struct, kw_only=True):
    """Something that is asked for, while it is read."""

    group: str = ""
    name: str = ""
    project: str = ""
    wanted: Wanted = Wanted()
    category: Category = "library"
    feature: str = ""
    is_transitive: bool = True
    classifier: str = ""
    extension: str = ""
    excluded: tuple[Exclusion, ...] = ()


class Dependencies:
    """Reads `dependencies { }` of a project.

    Args:
        known: What finds what expressions come to.
        suite: Of tests, whose own dependencies they are; None for those of the project.
    """

    def __init__(self, known: Evaluator, suite: Suite | None = None) -> None:
        self._known, self._suite = known, suite

    def read(self, block: Block, *, is_constraint: bool = False) -> None:
        """Take what a block asks for.

        Args:
            block: It.
            is_constraint: Whether it is `constraints { }`.

        Raises:
            UnsupportedError: It has what is not read here.
        """
        for event in events(self._known, block, deep=False):
            step = event.steps[0]
            if event.value is not None or len(event.steps) != 1 or step.arguments is None:
                self._other(event)
            elif step.name == "constraints" and step.block is not None and not is_constraint:
                self.read(step.block, is_constraint=True)
            elif step.name in _NOT_READ:
                self._refuse(event.line, f"{step.name}: {_NOT_READ[step.name]}")
            else:
                self.take(step, is_constraint=is_constraint)

    def _other(self, event: Event) -> None:
        names = event.names
        if names[0] == "constraints" and len(names) == 2:
            self.take(event.steps[1], is_constraint=True)
        elif not is_assigned(self._known, event):
            self._refuse(event.line, f"{'.'.join(names)[:60]} is nothing that is known within dependencies")

    def take(self, step: Step, *, is_constraint: bool) -> None:
        """Take what one call asks for.

        Args:
            step: The call, named like a configuration.
            is_constraint: Whether it is one of `constraints { }`.
        """
        name, given = self._configuration(step)
        if name not in declarable_in(self._known.project):
            hint = f": since Gradle 7 it is {_SINCE[name]}" if name in _SINCE else ""
            self._refuse(step.line, f"{name[:40]} is no configuration that the plugins give which are known here{hint}")
        values = [self._known.value(one) for one in given]
        if step.named:
            values.append(Module({key: self._known.value(one) for key, one in step.named.items()}))
        values = self._positional(values, step)
        if step.block is not None and (len(values) > 1 or isinstance(values[0], Several)):
            self._refuse(step.line, "a block behind several dependencies is not read")
        for value in values:
            for asking in self._asked(value, step.line):
                if is_constraint and (asking.project or asking.feature or asking.category != "library"):
                    self._refuse(step.line, "only modules are read within constraints")
                if step.block is not None:
                    self._configure(asking, step.block, is_constraint=is_constraint)
                self._add(name, asking, step.line, is_constraint=is_constraint)

    def _configuration(self, step: Step) -> tuple[str, list[Expression]]:
        """Return the configuration that a call names, and what is asked for in it."""
        name, given = step.name, list(step.values)
        if self._suite is not None:
            return (of_source_set(self._suite.name, name) if name in DECLARED else name), given
        variable = self._known.scope.find(name)
        if name == "add" and given:
            variable = self._known.value(given[0])
            name = "" if isinstance(variable, Contained) else self._known.text(given[0]).text
            given = given[1:]
        if isinstance(variable, Contained) and variable.container == CONFIGURATIONS:
            if step.name != "add" and not self._known.script.is_kotlin:
                self._refuse(
                    step.line, f"in Groovy the variable {name[:40]} is not called as the configuration that it is"
                )
            name = variable.name
        return name, given

    def _positional(self, values: list[Value], step: Step) -> list[Value]:
        """Return what is given; in Kotlin several texts without colons are the parts of one module."""
        texts = [one for one in values if isinstance(one, Traced) and ":" not in one.text]
        if len(values) > 1 and len(texts) == len(values) <= 3 and self._known.script.is_kotlin:
            return [Module(dict(zip(("group", "name", "version"), values, strict=False)))]
        if not values:
            self._refuse(step.line, f"{step.name[:40]} asks for nothing that is known here")
        return values

    def _asked(self, value: Value, line: int) -> Iterator[Asking]:
        """Yield what a value asks for: nothing, one thing or several."""
        if isinstance(value, Alias):
            value = self._of_catalog(value, line)
        if isinstance(value, Several | Bundle):
            for one in value.items if isinstance(value, Several) else value.libraries:
                yield from self._asked(one, line)
        elif isinstance(value, Platform):
            for asking in self._asked(value.of, line):
                if asking.classifier or asking.extension:
                    self._refuse(line, "a platform has no files of its own choice")
                yield _as_platform(value, asking)
        elif isinstance(value, Feature):
            for asking in self._asked(value.of, line):
                asking.feature = value.name
                yield asking
        elif not isinstance(value, Files):
            yield self._single(value, line)

    def _of_catalog(self, alias: Alias, line: int) -> Value:
        found = self._known.resolved(alias)
        if found is None:
            self._refuse(line, f"the catalog has no {'.'.join(alias.names)[:60]}")
        return found

    def _single(self, value: Value, line: int) -> Asking:
        if isinstance(value, OfProject | Accessor):
            return Asking(project=value.path)
        if isinstance(value, Library):
            return Asking(group=value.group, name=value.name, wanted=value.wanted)
        if isinstance(value, Traced):
            return self._notation(value, line)
        if isinstance(value, Module | Entries):
            return self._module(value.parts if isinstance(value, Module) else value.entries, line)
        raise self._known.script.unsupported(line, "this asks for nothing that is known here")

    def _notation(self, text: Traced, line: int) -> Asking:
        """Read `group:name:version:classifier@extension`."""
        at = text.text.rfind("@")
        extension = ""
        if at > text.text.rfind(":"):
            text, extension = text.part(0, at), text.text[at + 1 :]
        parts = text.split(":")
        if not 2 <= len(parts) <= 4 or not parts[0].text or not parts[1].text:
            self._refuse(line, "a module is asked for by its group and its name, such as com.example:web:1.0")
        return Asking(
            group=parts[0].text, name=parts[1].text, wanted=strict_or_not(parts[2]) if len(parts) > 2 else Wanted(),
            classifier=parts[3].text if len(parts) > 3 else "", extension=extension, is_transitive=not extension,
        )  # fmt: skip

    def _module(self, parts: Mapping[str, Value], line: int) -> Asking:
        transitive = parts.get("transitive", Constant(True))
        shown = {key: self._shown(value, line) for key, value in parts.items() if key not in ("transitive", "changing")}
        unknown = sorted(set(shown) - {"group", "name", "version", "classifier", "ext"})
        if unknown or "changing" in parts or not isinstance(transitive, Constant):
            self._refuse(line, f"{(*unknown, 'changing')[0][:40]} of a module is not read")
        if not shown.get("group", Traced("")).text or not shown.get("name", Traced("")).text:
            self._refuse(line, "a module is asked for by its group and its name, such as com.example:web:1.0")
        version = shown.get("version", Traced(""))
        if "!!" in version.text:
            self._refuse(line, "!! says that a version is strict only where a module is written as one text")
        extension = shown.get("ext", Traced("")).text
        return Asking(
            group=shown["group"].text, name=shown["name"].text, wanted=strict_or_not(version),
            classifier=shown.get("classifier", Traced("")).text, extension=extension,
            is_transitive=bool(transitive.is_true) and not extension,
        )  # fmt: skip

    def _shown(self, value: Value, line: int) -> Traced:
        shown = Traced("") if value == Constant(None) else self._known.shown(value)
        if shown is None:
            self._refuse(line, "this is no text that is known here")
        return shown

    def _configure(self, asking: Asking, block: Block, *, is_constraint: bool) -> None:
        """Take what the block behind a dependency says of it."""
        for event in events(self._known, block):
            names = event.names
            last = event.steps[-1]
            if names[0] in _NO_CHANGE and len(names) == 1:
                continue
            if names == ["exclude"] and not is_constraint:
                asking.excluded = (*asking.excluded, exclusion(self._known, last))
            elif names[0] in _TRANSITIVE and len(names) == 1 and not is_constraint:
                asking.is_transitive = is_true(self._known, event)
            elif names[0] == "version" and len(names) == 2 and names[1] in _VERSION_WORDS:
                texts = [self._known.text(one) for one in last.values]
                if not texts and names[1] != "rejectAll":
                    self._refuse(event.line, f"{names[1]} names a version")
                asking.wanted = asking.wanted.with_(names[1], texts)
            elif names == ["version"] and event.value is not None:
                asking.wanted = asking.wanted.with_("require", [self._known.text(event.value)])
            else:
                self._refuse(event.line, f"{'.'.join(names)[:40]} of a dependency is not read")

    def _add(self, name: str, asking: Asking, line: int, *, is_constraint: bool) -> None:
        project = self._known.project
        if sum(map(len, project.declared.values())) >= _MOST:
            self._refuse(line, f"more than {_MOST} dependencies in one project")
        declared = project.declared if self._suite is None else self._suite.declared
        declared.setdefault(name, []).append(self.finished(asking, line, is_constraint=is_constraint))

    def finished(self, asking: Asking, line: int, *, is_constraint: bool = False) -> Asked:
        """Return what is asked for as it is handed on.

        Args:
            asking: It.
            line: Where it stands.
            is_constraint: Whether it counts only where something else asks for the module.
        """
        return Asked(
            group=asking.group, name=asking.name, project=asking.project, version=asking.wanted.rich, category=asking.category, feature=asking.feature,
            is_constraint=is_constraint, is_transitive=asking.is_transitive, classifier=asking.classifier,
            extension=asking.extension, excluded=tuple(dict.fromkeys(asking.excluded)), place=asking.wanted.place,
            line=self._known.script.line_of(line),
        )  # fmt: skip

    def forced(self, step: Step) -> Iterator[Asked]:
        """Yield the modules that `force` names.

        Args:
            step: It.
        """
        for one in step.values:
            for asking in self._asked(self._known.value(one), step.line):
                yield self.finished(asking, step.line)

    def _refuse(self, line: int, why: str) -> NoReturn:
        self._known.script.refuse(line, why)


def exclusion(known: Evaluator, step: Step) -> Exclusion:
    """Return what a call of `exclude` keeps away.

    Args:
        known: What finds what expressions come to.
        step: The call.
    """
    named = dict(step.named)
    for one in step.values:
        value = known.value(one)
        if isinstance(value, Entries) and not named:
            shown = {key: known.shown(entry) for key, entry in value.entries.items()}
            return _exclusion(known, step, shown)
        # In Kotlin they can be given without their names.
        named[("group", "module")[min(len(named), 1)]] = one
    return _exclusion(known, step, {key: known.text(one) for key, one in named.items()})


def _exclusion(known: Evaluator, step: Step, named: dict[str, Traced | None]) -> Exclusion:
    texts = {key: text.text for key, text in named.items() if text is not None and text.text}
    if not texts or len(texts) != len(named) or set(texts) - {"group", "module"} or step.block is not None:
        known.script.refuse(step.line, "what is kept away is named by group and module")
    return Exclusion(**{{"module": "name"}.get(key, key): text for key, text in texts.items()})


def _as_platform(platform: Platform, asking: Asking) -> Asking:
    asking.category = "enforced-platform" if platform.is_enforced else "platform"
    if platform.is_enforced and not asking.project:
        # As Gradle does it: what it asks for is strict.
        asking.wanted = asking.wanted.with_("strictly", [asking.wanted.required])
    return asking
