"""The definition of a kind of one's own (CustomResourceDefinition), from a JSON Schema or a component of an OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
import yaml

from outrider.core.errors import InvalidConfigError, did_you_mean
from outrider.ports.kube.definitions import CustomKind, definition
from outrider.ports.kube.structural import Schema, structural
from outrider.runtime.context import Context
from outrider.runtime.documents import read_text
from outrider.runtime.implementation import Implementation

# Where documents keep schemas that have names: OpenAPI 3, JSON Schema 2020-12, and the ones before.
_SHELVES = ("/components/schemas", "/$defs", "/definitions")


class CrdGenerateParams(CustomKind, kw_only=True):
    """Which kind.

    Attributes:
        schema: Of its spec, in JSON or YAML; on the command line @FILE, or @- for standard input.
        component: Name of the schema in an OpenAPI document or in `$defs`, or a JSON pointer such as /components/schemas/Widget; the
            whole document if empty.
        status: The same for the schema of its status, in the same document; it has none if empty.
    """

    schema: Annotated[str, msgspec.Meta(extra_json_schema={"contentMediaType": "application/schema+json"})]
    component: str = ""
    status: str = ""


class CrdGenerateResult(msgspec.Struct, kw_only=True, rename={"api_version": "apiVersion"}):
    """The definition; as YAML or JSON it is a List of Kubernetes, which apply takes.

    Attributes:
        items: The one definition.
        notes: Where the server takes more, or less, than the schema does.
    """

    api_version: str = "v1"
    kind: str = "List"
    notes: list[str]
    items: list[dict[str, Any]]


async def run(params: CrdGenerateParams, context: Context) -> CrdGenerateResult:
    """Make it; no cluster is asked.

    Raises:
        InvalidConfigError: The text holds no such schema, or a path names none of its fields.
    """
    del context
    document = _document(params.schema)
    spec, notes = _part(document, params.component, "spec")
    status = None
    if params.status:
        status, more = _part(document, params.status, "status")
        notes += more
    made, bounds = definition(params, spec, status)
    return CrdGenerateResult(items=[made], notes=[*notes, *bounds])


def _document(text: str) -> Mapping[str, Any]:
    found = read_text(text, "schema")
    if len(found) != 1 or not isinstance(found[0].data, dict):
        raise InvalidConfigError(
            "schema: no JSON Schema", path="schema", found=f"{len(found)} documents", expected="one mapping",
            suggestions=["give a file: --schema @widget.json"],
        )  # fmt: skip
    data: dict[str, Any] = found[0].data
    return data


def _part(document: Mapping[str, Any], component: str, path: str) -> tuple[Schema, list[str]]:
    made, notes = structural(document, _pointer(document, component) if component else "", path=path)
    if made.get("type") == "object":
        return made, notes
    names = [name for shelf in _SHELVES for name in _shelf(document, shelf)]
    raise InvalidConfigError(
        f"{path}: the schema is none of an object", path="component" if path == "spec" else path, found=component or "the whole document",
        expected="a schema with type: object", suggestions=[f"say which: --component {name}" for name in names],
    )  # fmt: skip


def _pointer(document: Mapping[str, Any], component: str) -> str:
    if component.startswith("/"):
        return component
    known = {name: shelf for shelf in reversed(_SHELVES) for name in _shelf(document, shelf)}
    if component not in known:
        raise InvalidConfigError(
            f"component: the document has no schema '{component}'", path="component", found=component, expected=", ".join(known) or "none",
            suggestions=did_you_mean(component, known),
        )  # fmt: skip
    return f"{known[component]}/{component.replace('~', '~0').replace('/', '~1')}"


def _shelf(document: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    found: Any = document
    for step in pointer[1:].split("/"):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def text(result: CrdGenerateResult) -> Iterator[str]:
    """Yield the lines of the definition, with the notes before it as comments: a manifest."""
    yield from (f"# {note}" for note in result.notes)
    # Through builtins: what occurs twice is then written twice, and not as an anchor.
    for item in msgspec.to_builtins(result.items):
        yield from yaml.safe_dump(item, sort_keys=False, allow_unicode=True, width=1000).splitlines()


OPERATION = Implementation(
    params=CrdGenerateParams,
    result=CrdGenerateResult,
    run=run,
    text=text,
    target=lambda params: f"customresourcedefinition/{params.name}",
)
