"""Passes over statements that cannot change what is locked, once it is sure that nothing in them does."""

import re
from collections.abc import Iterator, Sequence

from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.syntax import Statement
from outrider.operators.packages.manifests.gradle.values import Unknown
from outrider.operators.packages.manifests.gradle.words import Kind, Token

# Names at the beginning of statements that are about tasks, what is published, and the like.
PASSED = frozenset((
    "tasks", "task", "test", "jar", "javadoc", "clean", "build", "check", "assemble", "wrapper", "application", "run", "publishing",
    "signing", "description", "distributions", "distZip", "distTar", "installDist", "startScripts", "idea", "eclipse", "defaultTasks",
    "artifacts", "println", "print", "logger", "base", "archivesBaseName", "reporting", "gradle", "normalization", "processResources",
    "processTestResources", "compileJava", "compileTestJava", "compileGroovy", "compileTestGroovy", "classes", "testClasses",
    "sourcesJar", "javadocJar", "mainClassName", "javaToolchains", "status", "buildDir", "libsDirName", "distsDirName",
    "testResultsDirName", "applicationName", "applicationDefaultJvmArgs", "layout", "logging", "dependencyReport", "projectReport",
    "war", "groovydoc", "ant", "assert",
))  # fmt: skip
# Wherever these stand, what is locked may change.
_MARKED = frozenset((
    "resolutionStrategy", "extendsFrom", "withDependencies", "defaultDependencies", "dependencyLocking", "allprojects", "subprojects",
    "attribute", "compilerFor", "pluginManager", "buildscript", "projectsEvaluated", "activateDependencyLocking", "eachDependency",
    "getConfigurations", "getDependencies", "getPlugins", "getPluginManager", "getRepositories", "registerFeature",
    "consistentResolution", "disableAutoTargetJvm", "beforeResolve", "setTransitive", "setCanBeResolved", "setSourceCompatibility",
    "setTargetCompatibility", "evaluationDependsOn", "evaluationDependsOnChildren",
))  # fmt: skip
_WITH_BLOCK = ("dependencies", "configurations", "plugins", "sourceSets", "java", "constraints", "repositories")
_SECOND = {
    "configurations": frozenset((
        "all", "each", "configureEach", "create", "register", "maybeCreate", "creating", "registering", "matching", "withType", "add",
        "whenObjectAdded",
    )),
    "plugins": frozenset(("apply", "withId", "withType")),
    "sourceSets": frozenset(("create", "register", "creating", "registering", "maybeCreate", "add")),
    "repositories": frozenset(("add", "maven", "mavenCentral", "mavenLocal", "google", "ivy", "flatDir", "exclusiveContent", "clear")),
}  # fmt: skip
_WITH_NAMES = {"exclude": ("group", "module"), "apply": ("plugin", "from", "<")}
_COMPATIBILITIES = ("targetCompatibility", "sourceCompatibility")
_SETTINGS = (
    *_COMPATIBILITIES,
    "release",
    "transitive",
    "isTransitive",
    "canBeResolved",
    "isCanBeResolved",
    "languageVersion",
)
_SETTING = ("set", "convention", "value")
_CHANGING = ("=", "+=", "-=", "<<", "++", "--")
_TASK_OF_PMD = re.compile(r"pmd[A-Z]\w*+")
_TYPES_OF_PMD = ("Pmd", "SourceTask", "ConventionTask", "VerificationTask", "Reporting", "Task")
_MAKING_TASKS = ("all", "each", "forEach", "matching", "findAll", "collect", "getByName", "findByName", "iterator")
# As many words as `.named<JvmTestSuite>("x")` has, and some.
_MOST_OF_REFERENCE = 12
_ADDING = ("add", "addAll", "put", "putAll", "putIfAbsent", "remove", "removeAll", "clear", "set", "plusAssign")


def pass_over(
    known: Evaluator, statement: Statement, *, is_publishing: bool = False, allowed: tuple[str, ...] = ()
) -> None:
    """Pass over a statement; variables that it sets are not known any more.

    Args:
        known: What finds what expressions come to.
        statement: It.
        is_publishing: Whether repositories in it are those to publish to.
        allowed: Names that may be set in it.

    Raises:
        UnsupportedError: Something in it may change what is locked.
    """
    words = [*_words(known.script.words[statement.first : statement.end])]
    names = {token.value for token in words if token.kind is Kind.NAME}
    allowed = (*allowed, "repositories") if is_publishing else allowed
    if "launcherFor" in names and "toolchain" not in names:
        # It is the Java that something runs on, and not the one that is compiled for.
        allowed = (*allowed, "languageVersion")
    for number, token in enumerate(words):
        if token.kind is Kind.TEXT and any(piece.text == "--release" for piece in token.pieces):
            known.script.refuse(token.line, "which Java is compiled for is said in a way that is not read")
        if token.kind is not Kind.NAME:
            continue
        if token.value not in allowed and _changes(words, number):
            known.script.refuse(token.line, f"{token.value} in what is not run may change what is locked")
        if "pmd" in known.project.plugins and _makes_tasks(words, number):
            known.script.refuse(token.line, f"{token.value} may make the tasks of PMD, which add configurations")
        if _is_changed(words, number):
            _forget(known, token.value)


def _makes_tasks(words: Sequence[Token], number: int) -> bool:
    """Return whether tasks of PMD are there as soon as this is read: each has a configuration of its own from then on."""
    name = words[number].value
    behind = [one.value for one in words[number + 1 : number + 5]]
    if name == "tasks":
        return behind[:1] == ["."] and not {*behind[1:2]}.isdisjoint(_MAKING_TASKS)
    is_lazy = "configureEach" in behind or any(
        one.value in ("named", "register") for one in words[max(number - 2, 0) : number]
    )
    return not is_lazy and (name in _TYPES_OF_PMD or _TASK_OF_PMD.fullmatch(name) is not None)


def is_set(words: Sequence[Token], number: int) -> bool:
    """Return whether what a name stands for is set.

    Args:
        words: Of a statement.
        number: Of the name.
    """
    following = words[number + 1 : number + 3]
    if _is_mark(following, "=") or (_is_mark(following, ".") and len(following) > 1 and following[1].value in _SETTING):
        return True
    # In Groovy some are set by a call: `sourceCompatibility '17'`.
    is_called = words[number].value in _COMPATIBILITIES or [
        one.value for one in words[max(number - 2, 0) : number]
    ] == ["options", "."]
    is_given = bool(following) and (
        following[0].kind in (Kind.TEXT, Kind.NUMBER, Kind.NAME) or _is_mark(following, "(")
    )
    return is_called and is_given and following[0].line == words[number].line


def _words(words: tuple[Token, ...]) -> Iterator[Token]:
    for token in words:
        yield token
        for piece in token.pieces:
            yield from _words(piece.words or ())


def _changes(words: Sequence[Token], number: int) -> bool:
    """Return whether a name may change what is locked, by what is behind it."""
    name, following = words[number].value, words[number + 1 : number + 4]
    if name in _MARKED or (name in _WITH_BLOCK and _is_mark(following, "{")):
        return True
    if name == "suites":
        return not _is_named(words[number + 1 : number + _MOST_OF_REFERENCE])
    if name == "dependencies":
        return _is_mark(following, "(", ".")
    if name in _SECOND:
        return len(following) > 1 and _is_mark(following, ".") and following[1].value in _SECOND[name]
    if name in _WITH_NAMES:
        return any(one.value in _WITH_NAMES[name] for one in following)
    return name in _SETTINGS and is_set(words, number)


def _is_named(following: Sequence[Token]) -> bool:
    """Return whether one is named behind a container, and nothing done to it: `.x` or `.named("x")`."""
    if not _is_mark(following, ".") or len(following) < 3:
        return False
    end = 2
    if following[1].value in ("named", "getByName"):
        end = next((number + 1 for number, one in enumerate(following) if _is_mark([one], ")")), len(following))
    return not _is_mark(following[end:], "{", ".", "(") and end < len(following)


def _is_changed(words: Sequence[Token], number: int) -> bool:
    """Return whether a variable of this name would be another one behind this."""
    following = words[number + 1 : number + 5]
    if _is_mark(following, *_CHANGING):
        return True
    if _is_mark(following, ".") and len(following) > 1:
        return following[1].value in _ADDING or _is_mark(following[2:], *_CHANGING)
    return _is_mark(following, "[") and _is_mark(following[2:], "]") and _is_mark(following[3:], *_CHANGING)


def _is_mark(following: Sequence[Token], *values: str) -> bool:
    return bool(following) and following[0].kind is Kind.MARK and following[0].value in values


def _forget(known: Evaluator, name: str) -> None:
    unknown = Unknown(f"{name[:40]} is set in a way that is not read")
    known.scope.assign(name, unknown)
    if known.project.find(name) is not None:
        known.project.properties[name] = unknown
