"""The tools that plugins of Gradle bring: which modules, in the versions that the build says, or else those of Gradle 8.11.

https://docs.gradle.org/current/userguide/jacoco_plugin.html, checkstyle_plugin.html, pmd_plugin.html, codenarc_plugin.html, antlr_plugin.html.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from outrider.operators.packages.manifests.gradle.builds import Asked, Exclusion, RichVersion
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event, flattened
from outrider.operators.packages.manifests.gradle.passing import pass_over
from outrider.operators.packages.manifests.gradle.state import Default, ProjectState
from outrider.operators.packages.manifests.gradle.traced import Traced

_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9})*+", re.ASCII)
_TASK = re.compile(r"(?:jacoco|checkstyle|pmd|codenarc)[A-Z]\w*+|generate(?:Test)?GrammarSource")
# What Gradle itself has of these is not to be there a second time.
_NOT_BESIDE_GRADLE = (
    Exclusion("ant", "ant"), Exclusion("org.apache.ant", "ant"), Exclusion("org.apache.ant", "ant-launcher"), Exclusion("org.slf4j", "slf4j-api"),
    Exclusion("org.slf4j", "jcl-over-slf4j"), Exclusion("org.slf4j", "log4j-over-slf4j"), Exclusion("commons-logging", "commons-logging"),
    Exclusion("log4j", "log4j"),
)  # fmt: skip
_Modules = Callable[[str], Sequence[str]]


class _Tool(NamedTuple):
    """A tool: its usual version, and by configuration the modules of a version."""

    version: str
    modules: Mapping[str, _Modules]
    is_alone: bool = False


def _pmd(version: str) -> Sequence[str]:
    numbers = [int(one) for one in version.split(".")]
    if numbers < [5]:
        return ("pmd:pmd",)
    if numbers < [5, 2]:
        return ("net.sourceforge.pmd:pmd",)
    both = ("net.sourceforge.pmd:pmd-java", "net.sourceforge.pmd:pmd-ant")
    return both if numbers >= [7] else both[:1]


def _only(module: str) -> _Modules:
    return lambda _: (module,)


TOOLS: Mapping[str, _Tool] = {
    "jacoco": _Tool("0.8.12", {"jacocoAgent": _only("org.jacoco:org.jacoco.agent"), "jacocoAnt": _only("org.jacoco:org.jacoco.ant")}),
    "checkstyle": _Tool("9.3", {"checkstyle": _only("com.puppycrawl.tools:checkstyle")}),
    "pmd": _Tool("6.55.0", {"pmd": _pmd}),
    "codenarc": _Tool("3.2.0", {"codenarc": _only("org.codenarc:CodeNarc")}),
    "antlr": _Tool("2.7.7", {"antlr": _only("antlr:antlr")}, is_alone=True),
}  # fmt: skip
QUALITY_TOOLS = ("checkstyle", "pmd", "codenarc")


def is_task_of_tool(name: str) -> bool:
    """Return whether a statement that begins with a name is about a task of such a plugin.

    Args:
        name: Such as `jacocoTestReport`.
    """
    return _TASK.fullmatch(name) is not None


def add_tool(tool: str, project: ProjectState) -> None:
    """Add a tool in its usual version, and keep away from it what Gradle itself brings.

    Args:
        tool: One of `TOOLS`.
        project: That the plugin of the tool is applied to.
    """
    if tool in QUALITY_TOOLS:
        project.excluded.setdefault(tool, []).extend(_NOT_BESIDE_GRADLE)
    version = TOOLS[tool].version
    _use(tool, project, Traced(version), "", f"{tool} {version}")


def take_tool(known: Evaluator, event: Event) -> None:
    """Take the version of a tool that is said, as in `jacoco { toolVersion = "0.8.12" }`, and pass over all else.

    Args:
        known: What finds what expressions come to.
        event: The statement, whose first step is the name of the plugin.

    Raises:
        UnsupportedError: It may change what is locked, or the version is none that is read here.
    """
    tool = event.steps[0].name
    if tool not in known.project.plugins:
        known.script.refuse(event.line, f"the plugin {tool} is not applied here")
    for one in flattened(known, event):
        if one.names[1:] != ["toolVersion"] or len(one.given) != 1:
            continue
        version = known.text(one.given[0])
        if tool == "pmd" and _VERSION.fullmatch(version.text) is None:
            known.script.refuse(one.line, "of PMD only versions of numbers are read, as its modules depend on them")
        _use(tool, known.project, version, known.script.line_of(one.line))
    pass_over(known, event.statement)


def _use(tool: str, project: ProjectState, version: Traced, line: str, usual: str = "") -> None:
    is_alone = TOOLS[tool].is_alone
    for name, modules in TOOLS[tool].modules.items():
        asked = tuple(_asked(module, version, line, is_alone=is_alone) for module in modules(version.text))
        project.defaults[name] = Default(asked, usual)


def _asked(module: str, version: Traced, line: str, *, is_alone: bool) -> Asked:
    group, _, name = module.partition(":")
    return Asked(
        group=group, name=name, version=RichVersion(required=version.text), extension="jar" if is_alone else "", is_transitive=not is_alone,
        place=version.place, line=line,
    )  # fmt: skip
