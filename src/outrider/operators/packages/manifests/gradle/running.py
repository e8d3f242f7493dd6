"""Goes through the script of a project, and takes what it says of dependencies."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from outrider.operators.packages.manifests.gradle.applying import Plugins
from outrider.operators.packages.manifests.gradle.configurations import Configurations
from outrider.operators.packages.manifests.gradle.containers import SUITES
from outrider.operators.packages.manifests.gradle.declaring import found_or_unknown
from outrider.operators.packages.manifests.gradle.dependencies import Dependencies
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.extensions import (
    JAVA_EXTENSIONS,
    PASSED_EXTENSIONS,
    PUBLISHING_EXTENSIONS,
    TOOL_EXTENSIONS,
    type_of,
)
from outrider.operators.packages.manifests.gradle.external.plugin import externals, id_of_artifact
from outrider.operators.packages.manifests.gradle.extras import pass_platform, take_extra
from outrider.operators.packages.manifests.gradle.flattening import (
    Event,
    declared,
    events,
    flattened,
    is_assigned,
    own_steps,
)
from outrider.operators.packages.manifests.gradle.harmless import check_harmless
from outrider.operators.packages.manifests.gradle.javas import COMPATIBILITIES, take_java
from outrider.operators.packages.manifests.gradle.locking import Locking
from outrider.operators.packages.manifests.gradle.passing import PASSED, pass_over
from outrider.operators.packages.manifests.gradle.plugins import plugin_id
from outrider.operators.packages.manifests.gradle.releases import take_release
from outrider.operators.packages.manifests.gradle.repositories import read_repositories
from outrider.operators.packages.manifests.gradle.scripts import Script
from outrider.operators.packages.manifests.gradle.sources import take_sources
from outrider.operators.packages.manifests.gradle.state import ROOT, BuildState, ProjectState
from outrider.operators.packages.manifests.gradle.steps import Step, steps_of
from outrider.operators.packages.manifests.gradle.suites import Suites
from outrider.operators.packages.manifests.gradle.syntax import (
    Assignment,
    Block,
    Call,
    Control,
    Declaration,
    Expression,
    Name,
    Passed,
    Statement,
    Unread,
)
from outrider.operators.packages.manifests.gradle.tools import is_task_of_tool, take_tool
from outrider.operators.packages.manifests.gradle.values import Contained, Folder, OfProject, Scope

_EXTRA = ("ext", "extra")
_OWN = ("project", "this")
_PUBLISHING = ("publishing", "signing")
_EXTENSIONS = {**dict.fromkeys(JAVA_EXTENSIONS, "java"), **TOOL_EXTENSIONS}
_DEEPEST = 8
_MOST_APPLIED = 10_000
_WHY = {
    "dependencyManagement": "the plugin that reads it is not known here",
}


class Running:
    """Goes through a script.

    Args:
        script: It.
        build: It is of.
        project: That it is applied to.
        read: Returns another script of the build.
        depth: Of scripts that apply one another.
    """

    def __init__(
        self,
        script: Script,
        build: BuildState,
        project: ProjectState,
        read: Callable[[Path, Script, int], Script],
        depth: int = 0,
    ) -> None:
        self._build, self._read, self._depth = build, read, depth
        known = self._known = Evaluator(script, build, project, Scope())
        java, extra = self._each(partial(take_java, known)), partial(take_extra, known)
        self._commands: Mapping[str, Callable[[Event], None]] = {
            "plugins": self._plugins, "apply": self._apply, "pluginManager": self._plugins, "group": self._group, "version": self._version,
            "repositories": self._repositories, "dependencies": self._dependencies, "java": java, **dict.fromkeys(COMPATIBILITIES, java),
            "configurations": self._each(Configurations(known).take), "dependencyLocking": self._each(Locking(known).take),
            **dict.fromkeys(_EXTRA, extra), "buildscript": self._buildscript, "sourceSets": partial(take_sources, known),
            "javaPlatform": partial(pass_platform, known), "allprojects": self._projects, "subprojects": self._projects,
            "project": self._of_project, "configure": self._configure, "setGroup": self._group, "setVersion": self._version,
            "afterEvaluate": self._after, "testing": Suites(known).take, **dict.fromkeys(TOOL_EXTENSIONS.values(), partial(take_tool, known)),
        }  # fmt: skip

    def run(self) -> None:
        """Take what the script says.

        Raises:
            UnsupportedError: It has what is not read here.
        """
        self._block(Block((), self._known.script.statements, 1))

    def _block(self, block: Block) -> None:
        known = self._known
        known.scope.enter()
        for statement in block.statements:
            what = statement.what
            if isinstance(what, Declaration):
                event = declared(known, what, statement)
                if event is not None:
                    self._take(event)
            elif isinstance(what, Control):
                check_harmless(known, what, statement)
            elif isinstance(what, Unread):
                if what.name not in PASSED:
                    known.script.refuse(statement.line, "this statement is not read")
                self._pass(what.name, statement)
            elif isinstance(what, Assignment):
                self._take(Event(own_steps(steps_of(what.target), block), what.value, statement.line, statement))
            elif isinstance(what, Passed):
                self._declared(what, statement)
            else:
                self._take(Event(own_steps(steps_of(what), block), None, statement.line, statement))
        known.scope.leave()

    def _declared(self, what: Passed, statement: Statement) -> None:
        """Take a function or a class: what is passed over may call it."""
        if what.name in self._commands or what.name in PASSED:
            self._known.script.refuse(statement.line, f"{what.name} is a name that means something else in Gradle")
        if what.name:
            pass_over(self._known, statement)

    def _take(self, event: Event) -> None:
        script = self._known.script
        if not event.steps:
            script.refuse(event.line, "this statement is not read")
        first = event.steps[0]
        if len(event.steps) > 1 and first.arguments is None and self._is_own(first.name):
            event = event._replace(steps=event.steps[1:])
            first = event.steps[0]
        if is_assigned(self._known, event):
            return
        variable = self._known.scope.find(first.name)
        if isinstance(variable, Contained) and variable.container != SUITES and first.arguments is None:
            within = (Step(variable.container, None, event.line), Step(variable.name, None, event.line))
            self._commands[variable.container](event._replace(steps=(*within, *event.steps[1:])))
            return
        if variable is not None:
            script.refuse(event.line, f"what happens to {first.name[:40]} here is not known without running it")
        command = self._command(first.name)
        if command is not None:
            command(event)
        elif first.name in PASSED or first.name.endswith("Test") or is_task_of_tool(first.name):
            self._pass(first.name, event.statement)
        else:
            why = _WHY.get(first.name, f"{first.name[:40]} is nothing that is known here")
            script.refuse(event.line, why)

    def _command(self, name: str) -> Callable[[Event], None] | None:
        """Return what reads a statement, which a plugin of the project may have brought; None where nothing does."""
        if name in self._commands:
            return self._commands[name]
        for plugin in map(externals().get, self._known.project.versions):
            if plugin is not None and name in plugin.takes:
                return partial(plugin.takes[name], self._known)
            if plugin is not None and name in plugin.passed:
                return lambda event: self._pass(name, event.statement)
        return None

    def _word(self, name: str) -> str | None:
        """Return the name of the statement of a plugin that Kotlin calls by its type; None where there is none."""
        if name in _EXTENSIONS:
            return _EXTENSIONS[name]
        plugins = map(externals().get, self._known.project.versions)
        return next((one.types[name] for one in plugins if one is not None and name in one.types), None)

    def _is_own(self, name: str) -> bool:
        if name == "rootProject":
            return self._known.project.path == ROOT
        return name in _OWN or self._known.scope.find(name) == OfProject(self._known.project.path)

    def _pass(self, name: str, statement: Statement) -> None:
        if not take_release(self._known, statement):
            pass_over(self._known, statement, is_publishing=name in _PUBLISHING)

    def _only_block(self, event: Event, what: str) -> Block:
        step = event.steps[0]
        if len(event.steps) != 1 or step.block is None or step.values or step.named:
            self._known.script.refuse(event.line, f"{what} is read as a block alone")
        return step.block

    def _plugins(self, event: Event) -> None:
        plugins, last = Plugins(self._known), event.steps[-1]
        if len(event.steps) == 1:
            plugins.read(self._only_block(event, "plugins"))
        elif last.name == "apply" and len(last.values) == 1:
            plugins.apply(plugins.name(last.values[0]), event.line)
        elif last.name in ("withId", "withType", "withPlugin") and len(event.steps) == 2:
            self._where_applied(plugins, last, event.line)
        else:
            self._known.script.refuse(event.line, f"{'.'.join(event.names)[:60]} is not read")

    def _where_applied(self, plugins: Plugins, step: Step, line: int) -> None:
        """Take what is said for projects that have a plugin; it comes later where the plugin does."""
        if step.block is None or len(step.values) != 1:
            self._known.script.refuse(line, "what is done where a plugin is applied is read as a block alone")
        # What is given to the block is the plugin.
        project, block, variables = self._known.project, step.block._replace(parameters=("",)), self._known.scope.kept()

        def run() -> None:
            before = self._known.scope.use([*variables])
            self._for_each([project], block)
            self._known.scope.use(before)

        project.when_applied(plugin_id(plugins.name(step.values[0])), run)

    def _apply(self, event: Event) -> None:
        step = event.steps[0]
        if len(event.steps) != 1:
            self._known.script.refuse(event.line, "what is applied here is not read")
        if set(step.named) == {"from"}:
            self._apply_script(step, event.line)
        else:
            Plugins(self._known).take(step, event.line)

    def _apply_script(self, step: Step, line: int) -> None:
        known = self._known
        value = known.value(step.named["from"])
        if isinstance(value, Folder):
            path = value.path
        else:
            shown = known.shown(value)
            if shown is None or "://" in shown.text or "\0" in shown.text:
                known.script.refuse(line, "a script from elsewhere is not read")
            path = known.project.folder / shown.text
        if self._depth >= _DEEPEST:
            known.script.refuse(line, f"more than {_DEEPEST} scripts that apply one another")
        self._build.applied += 1
        if self._build.applied > _MOST_APPLIED:
            known.script.refuse(line, f"more than {_MOST_APPLIED} scripts that are applied")
        script = self._read(path, known.script, line)
        Running(script, self._build, known.project, self._read, self._depth + 1).run()

    def _group(self, event: Event) -> None:
        self._known.project.group = self._known.text(self._one(event))

    def _version(self, event: Event) -> None:
        self._known.project.version = self._known.text(self._one(event))

    def _one(self, event: Event) -> Expression:
        if len(event.given) != 1 or len(event.steps) != 1:
            self._known.script.refuse(event.line, f"{event.names[0]} is set to one text")
        return event.given[0]

    def _repositories(self, event: Event) -> None:
        is_single = len(event.steps) == 2 and event.value is None
        single = Block((), (event.statement._replace(what=_call(event.steps[-1])),), event.line)
        block = single if is_single else self._only_block(event, "repositories")
        self._known.project.repositories.extend(read_repositories(self._known, block))

    def _dependencies(self, event: Event) -> None:
        dependencies, last = Dependencies(self._known), event.steps[-1]
        if len(event.steps) == 2 and last.arguments is not None and event.value is None:
            dependencies.take(last, is_constraint=False)
        else:
            dependencies.read(self._only_block(event, "dependencies"))

    def _each(self, take: Callable[[Event], None]) -> Callable[[Event], None]:
        """Return what takes all that a statement does in the blocks of it."""

        def taken(event: Event) -> None:
            for one in flattened(self._known, event):
                take(one)

        return taken

    def _buildscript(self, event: Event) -> None:
        """Take properties that are set where plugins come from; the plugins themselves do nothing before they are applied."""
        for one in events(self._known, self._only_block(event, "buildscript"), deep=False):
            name = one.names[0]
            if name in _EXTRA:
                take_extra(self._known, one)
            elif name == "apply":
                self._apply(one)
            elif name == "dependencies":
                self._class_path(one)
            elif name == "repositories":
                continue
            elif not is_assigned(self._known, one):
                self._known.script.refuse(one.line, f"{name[:40]} within buildscript is not read")

    def _class_path(self, event: Event) -> None:
        """Note the versions of plugins that a build script has on its class path; what is not known here is no such plugin."""
        block = event.steps[0].block
        for one in events(self._known, block, deep=False) if block is not None else ():
            for value in one.steps[0].values if one.steps[0].name == "classpath" else ():
                shown = self._known.shown(found_or_unknown(self._known, value, one.statement))
                group, name, version = (*(shown.text.split(":") if shown else ()), "", "", "")[:3]
                plugin = id_of_artifact(f"{group}:{name}")
                if plugin is not None:
                    self._build.plugin_versions[plugin] = version

    def _projects(self, event: Event) -> None:
        block = self._only_block(event, event.names[0])
        own = [self._known.project] if event.names[0] == "allprojects" else []
        self._for_each([*own, *self._build.below(self._known.project)], block)

    def _of_project(self, event: Event) -> None:
        step = event.steps[0]
        found = self._known.value(_call(step.without_block()))
        if not isinstance(found, OfProject) or step.block is None or len(event.steps) != 1:
            self._known.script.refuse(event.line, "what is done to another project is read as a block alone")
        self._for_each([self._build.projects[found.path]], step.block)

    def _for_each(self, projects: Iterable[ProjectState], block: Block) -> None:
        before = self._known.project
        for project in projects:
            self._known.project = project
            self._known.scope.enter()
            for name in block.parameters or ("it",):
                self._known.scope.declare(name, OfProject(project.path))
            self._block(block)
            self._known.scope.leave()
        self._known.project = before

    def _after(self, event: Event) -> None:
        """Pass over what is done when all is read; it is like a condition."""
        check_harmless(
            self._known, Control("afterEvaluate", (self._only_block(event, "afterEvaluate"),)), event.statement
        )

    def _configure(self, event: Event) -> None:
        """Take `configure<JavaPluginExtension> { }` and `configure(subprojects) { }`."""
        step, name = event.steps[0], type_of(self._known, event)
        if name in PASSED_EXTENSIONS:
            pass_over(self._known, event.statement, is_publishing=name in PUBLISHING_EXTENSIONS)
        elif (word := self._word(name)) and not step.values and (command := self._command(word)):
            command(event._replace(steps=(step._replace(name=word),)))
        elif len(step.values) == 1 and steps_of(step.values[0]) and step.block is not None:
            named = steps_of(step.values[0])
            if len(named) != 1 or named[0].name not in ("subprojects", "allprojects") or named[0].arguments:
                self._known.script.refuse(event.line, "projects that are chosen by a rule are not looked at")
            self._projects(
                event._replace(steps=(Step(named[0].name, step.arguments[1:] if step.arguments else None, event.line),))
            )
        else:
            self._known.script.refuse(event.line, f"what is configured here, {name[:40] or 'by a rule'}, is not known")


def _call(step: Step) -> Call:
    return Call(Name(step.name, step.line), step.arguments or (), step.line)
