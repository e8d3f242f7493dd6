"""Passes over statements that cannot change what is locked, once it is sure that nothing in them does."""

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
    "testResultsDirName", "applicationName", "applicationDefaultJvmArgs", "layout", "logging", "afterEvaluate", "beforeEvaluate",
    "dependencyReport", "projectReport", "war", "groovydoc", "ant", "sourcesJarTask", "assert", "dependencyUpdates", "buildScan",
    "evaluationDependsOnChildren", "evaluationDependsOn",
))  # fmt: skip
_MANY = frozenset((
    "all", "each", "configureEach", "create", "register", "maybeCreate", "creating", "registering", "matching", "withType", "add",
    "whenObjectAdded",
))  # fmt: skip
_MARKED = frozenset((
    "resolutionStrategy", "extendsFrom", "withDependencies", "defaultDependencies", "dependencyLocking", "allprojects", "subprojects",
    "attribute", "compilerFor", "pluginManager", "buildscript", "projectsEvaluated", "activateDependencyLocking", "eachDependency",
    "getConfigurations", "getDependencies",
))  # fmt: skip
_WITH_BLOCK = ("dependencies", "configurations", "plugins", "sourceSets", "java", "constraints", "repositories")
_SETTINGS = (
    "targetCompatibility",
    "sourceCompatibility",
    "release",
    "languageVersion",
    "transitive",
    "isTransitive",
    "canBeResolved",
    "isCanBeResolved",
)


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
    allowed = (*allowed, "repositories") if is_publishing else allowed
    for number, token in enumerate(words):
        if token.kind is Kind.TEXT and any(piece.text == "--release" for piece in token.pieces):
            known.script.refuse(token.line, "which Java is compiled for is said in a way that is not read")
        if token.kind is not Kind.NAME:
            continue
        following = words[number + 1 : number + 3]
        if token.value not in allowed and _changes(token.value, following):
            known.script.refuse(token.line, f"{token.value} in what is not run may change what is locked")
        if _is_mark(following, "="):
            _forget(known, token.value)


def is_set(words: Sequence[Token], number: int) -> bool:
    """Return whether what a name stands for is set.

    Args:
        words: Of a statement.
        number: Of the name.
    """
    return _is_set(words[number + 1 : number + 3])


def _words(words: tuple[Token, ...]) -> Iterator[Token]:
    for token in words:
        yield token
        for piece in token.pieces:
            yield from _words(piece.words or ())


def _changes(name: str, following: Sequence[Token]) -> bool:
    """Return whether a name may change what is locked, by what is behind it."""
    second = following[1].value if len(following) > 1 and _is_mark(following, ".") else ""
    if name in _MARKED or (name in _WITH_BLOCK and _is_mark(following, "{")):
        return True
    if name == "dependencies":
        return _is_mark(following, "(", ".")
    if name == "configurations":
        return second in _MANY
    if name in ("exclude", "apply"):
        return any(one.value in ("group", "module", "plugin", "from") for one in following[:2])
    if name in ("plugins", "sourceSets"):
        return second in ("apply", "withId", "withType", "create", "register", "creating", "registering", "maybeCreate")
    return name in _SETTINGS and _is_set(following)


def _is_set(following: Sequence[Token]) -> bool:
    if _is_mark(following, "="):
        return True
    return len(following) > 1 and _is_mark(following, ".") and following[1].value in ("set", "convention", "value")


def _is_mark(following: Sequence[Token], *values: str) -> bool:
    return bool(following) and following[0].kind is Kind.MARK and following[0].value in values


def _forget(known: Evaluator, name: str) -> None:
    unknown = Unknown(f"{name[:40]} is set in a way that is not read")
    known.scope.assign(name, unknown)
    project = known.project
    if name in project.properties:
        project.properties[name] = unknown
