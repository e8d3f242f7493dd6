"""Properties that scripts of Gradle set, and what they say of platforms, which changes nothing."""

from outrider.operators.packages.manifests.gradle.declaring import found_or_unknown
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event, flattened


def take_extra(known: Evaluator, event: Event) -> None:
    """Take properties that are set: `ext.a = 1`, `ext { a = 1 }`, `extra["a"] = 1`, `ext.set("a", 1)`.

    Args:
        known: What finds what expressions come to.
        event: The statement, whose first step is `ext` or `extra`.

    Raises:
        UnsupportedError: It does something else.
    """
    for one in flattened(known, event):
        step = one.steps[-1]
        if one.value is not None and len(one.steps) == 2:
            name, value = step.name, one.value
        elif step.name == "set" and len(step.values) == 2 and len(one.steps) == 2:
            name, value = known.text(step.values[0]).text, step.values[1]
        else:
            known.script.refuse(one.line, "properties are set to values alone here")
        known.project.properties[name] = found_or_unknown(known, value, one.statement)


def pass_platform(known: Evaluator, event: Event) -> None:
    """Pass over whether a platform may have dependencies, as `javaPlatform { allowDependencies() }` says.

    Args:
        known: What finds what expressions come to.
        event: The statement.

    Raises:
        UnsupportedError: It says something else.
    """
    for one in flattened(known, event):
        if one.names != ["javaPlatform", "allowDependencies"]:
            known.script.refuse(one.line, f"{'.'.join(one.names)[:60]} is not read")
