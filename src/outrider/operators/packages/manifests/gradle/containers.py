"""What scripts of Gradle make and find by name: configurations, source sets, suites of tests."""

from outrider.operators.packages.manifests.gradle.functions import Evaluating
from outrider.operators.packages.manifests.gradle.source_sets import of_source_set
from outrider.operators.packages.manifests.gradle.steps import Step, plain_text
from outrider.operators.packages.manifests.gradle.syntax import Argument, Declaration, Literal, Text
from outrider.operators.packages.manifests.gradle.traced import Traced
from outrider.operators.packages.manifests.gradle.values import Contained, Value

CONFIGURATIONS, SOURCE_SETS, SUITES = "configurations", "sourceSets", "suites"
MAKING = ("create", "register", "maybeCreate")
FINDING = ("named", "getByName")
# What else can be called of a container: no names of what is in it.
_CALLED = frozenset((
    "add", "addAll", "addAllLater", "addLater", "addRule", "all", "any", "asType", "clear", "collect", "collectEntries", "configure",
    "configureEach", "contains", "count", "detachedConfiguration", "disallowChanges", "each", "eachWithIndex", "every", "find", "findAll",
    "findByName", "findResult", "forEach", "getAt", "getAsMap", "getNames", "grep", "groupBy", "inject", "iterator", "matching", "max", "min",
    "remove", "removeAll", "removeIf", "retainAll", "size", "sort", "stream", "sum", "tap", "toList", "toSet", "unique",
    "whenObjectAdded", "whenObjectRemoved", "with", "withType",
))  # fmt: skip
# What gives a variable in Kotlin its value, which has the name of the variable.
_PROVIDING = {"creating": "create", "registering": "register", "getting": "getByName", "existing": "named"}
_NAME_OF_CONFIGURATION = "ConfigurationName"


def name_in(known: Evaluating, step: Step) -> str | None:
    """Return which one of a container a step names: `x`, `create("x")`, `named("x")`; None where it is something else.

    Args:
        known: What finds what expressions come to.
        step: The step behind the container.
    """
    if step.name in (*MAKING, *FINDING) and step.values:
        # Behind the name of a suite of tests its type may stand.
        return known.text(step.values[0]).text
    return None if step.values or step.named or step.name in (*MAKING, *FINDING, *_CALLED) else step.name


def contained(steps: tuple[Step, ...], known: Evaluating) -> tuple[Value, tuple[Step, ...]] | None:
    """Return a configuration or a source set that is named as in `configurations.x` or `sourceSets["x"]`, and the steps behind it.

    Args:
        steps: Perhaps such.
        known: What finds what expressions come to.
    """
    if len(steps) < 2 or steps[0].name not in (CONFIGURATIONS, SOURCE_SETS) or steps[0].arguments is not None:
        return None
    if steps[1].name in MAKING or steps[1].block is not None:
        return None
    name = name_in(known, steps[1])
    return None if name is None else (Contained(steps[0].name, name), steps[2:])


def member_of(value: Contained, name: str) -> Value | None:
    """Return what a configuration or a source set has by a name; None for all else than names.

    Args:
        value: It.
        name: Such as `implementationConfigurationName`.
    """
    if name == "name":
        return Traced(value.name)
    if value.container == SOURCE_SETS and name.endswith(_NAME_OF_CONFIGURATION):
        return Traced(of_source_set(value.name, name.removesuffix(_NAME_OF_CONFIGURATION)))
    return None


def made(declaration: Declaration, steps: tuple[Step, ...]) -> tuple[Contained, tuple[Step, ...]] | None:
    """Return what a variable stands for that is declared with something of a container, and the steps that do what is done to it.

    Args:
        declaration: Such as `val x by configurations.creating { }` or `val x = configurations.create("x")`.
        steps: Of its value, with those of the blocks around it.
    """
    container = next(
        (place for place, step in enumerate(steps) if step.name in (CONFIGURATIONS, SOURCE_SETS, SUITES)), None
    )
    if container is None or len(steps) < container + 2:
        return None
    step = steps[container + 1]
    name: str | None = declaration.name
    if declaration.is_provided and step.name in _PROVIDING:
        given = Argument(None, Text((Literal(declaration.name, 0, 0),), step.line))
        step = Step(_PROVIDING[step.name], (given, *(step.arguments or ())), step.line)
    elif not declaration.is_provided and step.name in MAKING and step.values:
        name = plain_text(step.values[0])
    else:
        return None
    if name is None:
        return None
    return Contained(steps[container].name, name), (*steps[: container + 1], step, *steps[container + 2 :])
