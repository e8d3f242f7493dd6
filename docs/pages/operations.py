"""Every operation: one table of all verbs, then each with its parameters and examples."""

import json
from collections.abc import Iterator

import msgspec

from docs.pages import fields
from docs.pages.markdown import anchor, code, fenced, sentence, table
from outrider.core.operation import Example
from outrider.runtime.discovery import registry
from outrider.runtime.implementation import Operation, load_operation


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    found = [
        load_operation(registry(), family.name, declaration.name)
        for _, family in sorted(registry().families.items())
        for declaration in family.declaration.operations
    ]
    yield "# Operations\n"
    yield (
        "`read` changes nothing. `write` changes something and can be planned. `destroy` takes something away, or cannot tell"
        " beforehand what it changes.\n"
    )
    yield (
        "Each operation can also give INVALID_CONFIG, DENIED, TIMEOUT, CANCELLED and INTERNAL."
        " See [errors](errors.md) for the codes.\n"
    )
    yield "Words in braces in the examples, such as `{http}`, stand for what the tests put there.\n"
    yield from table(("operation", "effect", "plan", "timeout", "further errors", "what it does"), map(_row, found))
    for operation in found:
        yield from _operation(operation)


def _row(operation: Operation) -> tuple[str, ...]:
    declaration = operation.declaration
    return (
        f"[{operation.name}]({anchor(operation.name)})",
        str(declaration.effect),
        _plan(operation),
        str(declaration.timeout),
        ", ".join(declaration.errors),
        declaration.summary,
    )


def _plan(operation: Operation) -> str:
    if not operation.declaration.effect.changes:
        return "not needed"
    return "yes" if operation.declaration.has_plan else "no"


def _operation(operation: Operation) -> Iterator[str]:
    declaration, code_ = operation.declaration, operation.code
    yield f"## {operation.name}\n"
    yield sentence(declaration.summary) + "\n"
    yield f"Effect: {declaration.effect}. Timeout: {declaration.timeout}, at most {declaration.max_timeout}."
    if declaration.effect.changes:
        yield "Repeating it is harmless." if declaration.idempotent else "Repeating it does it again."
    if declaration.positional:
        yield "Positional: " + ", ".join(code(name) for name in declaration.positional) + "."
    yield ""
    yield from _model("Parameters", code_.params)
    yield from _model("Result", code_.result)
    yield from (line for example in declaration.examples for line in _example(operation.name, example))


def _model(title: str, model: type[msgspec.Struct]) -> Iterator[str]:
    yield f"**{title}.** {fields.description(model)}\n"
    rows = list(fields.rows(model, {}))
    if title == "Result":
        yield from table(("field", "type", "meaning"), ((name, kind, help_) for name, kind, _, help_ in rows))
    elif rows:
        yield from table(fields.HEADER, rows)


def _example(name: str, example: Example) -> Iterator[str]:
    """Yield an example as a step of a rule would write it; braces stand for values of the test's world."""
    yield f"Example: {example.title}\n"
    params = f" {json.dumps(example.params)}" if example.params else ""
    yield from fenced(name + params, "text")
