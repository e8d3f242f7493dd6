"""Finds what expressions in scripts of Gradle come to, as far as that follows from the files of the build."""

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.manifests.gradle.containers import contained, member_of
from outrider.operators.packages.manifests.gradle.external.plugin import externals
from outrider.operators.packages.manifests.gradle.functions import FUNCTIONS, file_in, itself, java_of
from outrider.operators.packages.manifests.gradle.literals import as_written, digits
from outrider.operators.packages.manifests.gradle.names import of_accessor, of_build, of_catalog
from outrider.operators.packages.manifests.gradle.scripts import Script
from outrider.operators.packages.manifests.gradle.state import BuildState, ProjectState
from outrider.operators.packages.manifests.gradle.steps import Step, rooted
from outrider.operators.packages.manifests.gradle.syntax import (
    Call,
    Expression,
    Literal,
    Number,
    Operation,
    Series,
    Table,
    Text,
)
from outrider.operators.packages.manifests.gradle.traced import Traced, joined
from outrider.operators.packages.manifests.gradle.values import (
    Accessor,
    Alias,
    Constant,
    Contained,
    Digits,
    Entries,
    Folder,
    OfProject,
    Scope,
    Several,
    Unknown,
    Value,
)
from outrider.operators.packages.manifests.gradle.wanted import Wanted

_CONSTANTS = {"true": Constant(True), "false": Constant(False), "null": Constant(None)}
_OUTSIDE = {
    "System": "what is outside of the build is not looked at",
    "providers": "what is outside of the build is not looked at",
    "gradle": "what is outside of the build is not looked at",
}
_SAME = frozenset(
    {
        "get",
        "toString",
        "asProvider",
        "orNull",
        "asFile",
        "toInt",
        "toInteger",
        "intValue",
        "trim",
        "absolutePath",
        "path",
    }
)


class Evaluator:
    """Finds what expressions come to.

    Args:
        script: They are in.
        build: It is of.
        project: That it is applied to.
        scope: Its variables.
    """

    def __init__(self, script: Script, build: BuildState, project: ProjectState, scope: Scope) -> None:
        self.script, self.build, self.project, self.scope = script, build, project, scope

    def value(self, expression: Expression) -> Value:
        """Return what an expression comes to.

        Args:
            expression: It.

        Raises:
            UnsupportedError: That is not known here.
        """
        if isinstance(expression, Text):
            return self._text(expression)
        if isinstance(expression, Number):
            return self._number(expression)
        if isinstance(expression, Series):
            return Several(tuple(self.value(one) for one in expression.items))
        if isinstance(expression, Table):
            return Entries({key: self.value(one) for key, one in expression.entries})
        found = self._operation(expression) if isinstance(expression, Operation) else self._stepwise(expression)
        if isinstance(found, Unknown):
            raise self._unsupported(expression.line, found.why)
        return found

    def text(self, expression: Expression) -> Traced:
        """Return what an expression says.

        Args:
            expression: It.

        Raises:
            UnsupportedError: That is not known here, or no text.
        """
        found = self.value(expression)
        shown = self.shown(found)
        if shown is None:
            raise self._unsupported(expression.line, "this is no text that is known here")
        return shown

    def shown(self, value: Value) -> Traced | None:
        """Return a value as a text; None where it has none that is known here.

        Args:
            value: It.
        """
        if isinstance(value, Wanted):
            if value.strictly.text or value.preferred.text or value.rejected:
                return None
            return value.required
        if isinstance(value, Folder):
            return Traced(str(value.path))
        if isinstance(value, Digits):
            return Traced(value.text)
        return value if isinstance(value, Traced) else None

    def resolved(self, alias: Alias) -> Value | None:
        """Return what an alias of the catalog stands for; None where there is no such.

        Args:
            alias: As it is written, behind `libs`.
        """
        return of_catalog(self.build, alias)

    def _text(self, text: Text) -> Traced:
        parts: list[Traced] = []
        for part in text.parts:
            if part is None:
                raise self._unsupported(text.line, "what is put into this text is not known without running it")
            if not isinstance(part, Literal):
                parts.append(self.text(part))
            elif part.text is None:
                raise self._unsupported(text.line, "this text is written in a way that is not read")
            else:
                parts.append(as_written(part, self.script.text, self.script.path))
        return joined(parts)

    def _number(self, number: Number) -> Digits:
        found = digits(number, is_kotlin=self.script.is_kotlin)
        if found is None:
            raise self._unsupported(number.line, "a number that is not shown as it is written is not read")
        return found

    def _operation(self, operation: Operation) -> Value:
        signs = set(operation.signs)
        if signs == {"+"} and len(operation.operands) > 1 and isinstance(self.value(operation.operands[0]), Traced):
            return joined([self.text(one) for one in operation.operands])
        if signs == {"?:"}:
            values = (self.value(one) for one in operation.operands)
            return next((one for one in values if not self._is_missing(one)), Constant(None))
        if signs == {"new"}:
            return self.value(operation.operands[0])
        raise self._unsupported(operation.line, "a condition or a calculation is not looked at")

    def _is_missing(self, value: Value) -> bool:
        """Return whether what is behind `?:` counts; in Groovy it does where there is an empty text too."""
        is_empty = value in (Constant(False), Traced(""), Digits("0"), Several(()))
        return value == Constant(None) or (is_empty and not self.script.is_kotlin)

    def _stepwise(self, expression: Expression) -> Value:
        root, steps = rooted(expression)
        if root is None:
            value, steps = self._first(steps)
        elif not steps or isinstance(root, Call):
            raise self._unsupported(expression.line, "what this comes to is not known without running it")
        else:
            value = self.value(root)
        for step in steps:
            value = self._step(value, step)
        return value

    def _first(self, steps: tuple[Step, ...]) -> tuple[Value, tuple[Step, ...]]:
        step, rest = steps[0], steps[1:]
        if step.arguments is not None:
            return self._called(step), rest
        found = self.scope.find(step.name)
        if found is not None:
            return found, rest
        of_container = contained(steps, self)
        if of_container is not None:
            return of_container
        java = java_of(steps, self)
        constant = self._of_plugin(steps) if java is None else java
        if constant is not None:
            return constant, ()
        found = self._named(step.name)
        if found is None:
            outside = self._outside(steps)
            if outside is not None:
                return outside
            raise self._unsupported(
                step.line, _OUTSIDE.get(step.name, f"{step.name[:40]} is not known without running the build")
            )
        return found, rest

    def _of_plugin(self, steps: tuple[Step, ...]) -> Traced | None:
        """Return a constant of a plugin; None where it is none."""
        written = f".{'.'.join(step.name for step in steps if step.arguments is None)}"
        for plugin, version in self.build.plugin_versions.items():
            external = externals().get(plugin)
            for name, text in external.constants.items() if external is not None else ():
                if written.endswith(f".{name}"):
                    return Traced(text.format(version=version))
        return None

    def _outside(self, steps: tuple[Step, ...]) -> tuple[Value, tuple[Step, ...]] | None:
        """Return a property of the build that is asked for as if it came from outside."""
        if len(steps) > 1 and steps[0].name == "providers" and steps[1].name == "gradleProperty":
            return self.property(steps[1], needed=False), steps[2:]
        if len(steps) > 2 and [one.name for one in steps[:2]] == ["layout", "projectDirectory"]:
            return Folder(self.project.folder), steps[2:]
        if len(steps) == 2 and steps[0].name == "Integer" and steps[1].values:
            return Digits(self.text(steps[1].values[0]).text), ()
        return None

    def _named(self, name: str) -> Value | None:
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        found = self.project.find(name)
        if found is not None:
            return found
        return of_build(self.build, self.project, name)

    def _called(self, step: Step) -> Value:
        if step.name in ("property", "findProperty"):
            return self.property(step, needed=step.name == "property")
        if step.name in FUNCTIONS:
            return FUNCTIONS[step.name](self, step)
        raise self._unsupported(step.line, f"{step.name[:40]}() is not known without running the build")

    def property(self, step: Step, *, needed: bool) -> Value:
        """Return a property of the project that is asked for by its name.

        Args:
            step: That asks.
            needed: Whether it has to be there.
        """
        if len(step.values) != 1:
            raise self._unsupported(step.line, "a property is asked for by one name")
        name = self.text(step.values[0]).text
        found = self._named(name)
        if found is None and needed:
            raise self._unsupported(step.line, f"nothing in the build sets the property {name[:40]}")
        return Constant(None) if found is None else found

    def _step(self, value: Value, step: Step) -> Value:
        if isinstance(value, OfProject):
            return self._of_project(value, step)
        if isinstance(value, Accessor):
            found = None if step.arguments is not None else of_accessor(self.build, value, step.name)
            return self._needed(found, step, f"no project of the build is called {step.name[:40]}")
        if step.arguments is None:
            found = self._member(value, step.name)
        elif isinstance(value, Folder) and step.name in ("file", "dir"):
            found = file_in(self, value.path, step)
        else:
            found = self._result(value, step)
        if found is None:
            raise self._unsupported(step.line, value.why if isinstance(value, Unknown) else _unknown(step))
        return found

    def _needed(self, found: Value | None, step: Step, why: str) -> Value:
        if found is None:
            raise self._unsupported(step.line, why)
        return found

    def _member(self, value: Value, name: str) -> Value | None:
        if isinstance(value, Alias):
            return Alias((*value.names, name))
        if isinstance(value, Entries):
            return value.entries.get(name)
        if isinstance(value, Contained):
            return member_of(value, name)
        if isinstance(value, Several):
            return next((one for number, one in enumerate(value.items) if f"[{number}]" == name), None)
        return value if isinstance(value, Folder) and name in _SAME else None

    def _result(self, value: Value, step: Step) -> Value | None:
        """Return what a call comes to."""
        if isinstance(value, Unknown):
            return None
        if step.name in _SAME and not step.values:
            return itself(self, value, step)
        if step.name == "getOrElse" and len(step.values) == 1:
            return self.value(step.values[0]) if value == Constant(None) else value
        if step.name == "to" and len(step.values) == 1:
            return Several((value, self.value(step.values[0])))
        return None

    def _of_project(self, value: OfProject, step: Step) -> Value:
        project = self.build.projects[value.path]
        if step.arguments is not None:
            if step.name in ("property", "findProperty", "get", "getProperty") and len(step.values) == 1:
                found = project.find(self.text(step.values[0]).text)
                if found is not None or step.name == "findProperty":
                    return Constant(None) if found is None else found
            elif step.name == "file":
                return file_in(self, project.folder, step)
            elif step.name == "project":
                return FUNCTIONS["project"](self, step)
            raise self._unsupported(step.line, _unknown(step))
        found = project.properties.get(step.name) if value.is_extra else project.find(step.name)
        if found is None and not value.is_extra:
            found = of_build(self.build, project, step.name)
        return self._needed(found, step, f"nothing in the build sets {step.name[:40]}")

    def _unsupported(self, line: int, why: str) -> UnsupportedError:
        return self.script.unsupported(line, why)


def _unknown(step: Step) -> str:
    return f"what {step.name[:40]} comes to is not known without running the build"
