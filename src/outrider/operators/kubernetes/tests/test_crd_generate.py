import json
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.kubernetes.operations.crd_generate import OPERATION, CrdGenerateParams
from outrider.operators.kubernetes.operations.crd_generate import run as generate
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.ports.kube.resources import CRDS
from outrider.runtime.documents import read_text

OPENAPI = """
openapi: 3.0.3
components:
  schemas:
    Widget:
      type: object
      required: [size]
      properties:
        size: {type: integer, minimum: 1, default: 1}
        ports: {type: array, items: {$ref: "#/components/schemas/Port"}}
        note: {type: string, nullable: true}
        text: {type: string, x-kubernetes-validations: [{rule: "self != 'no'"}]}
        odd: {oneOf: [{type: boolean}, {type: array}]}
    Port:
      type: object
      required: [name]
      properties:
        name: {type: string}
        number: {type: integer}
    WidgetStatus:
      type: object
      properties:
        ready: {type: boolean}
"""


async def made(**params: Any) -> Any:
    given = {"schema": OPENAPI, "kind": "Widget", "group": "example.org", **params}
    return await generate(CrdGenerateParams(**given), None)  # type: ignore[arg-type]  # nothing is asked of the call


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_a_component_of_an_openapi_document_becomes_a_kind(shop: Shop) -> None:
    group = f"{shop.namespace}.example.org"
    found = await made(
        group=group, component="Widget", status="WidgetStatus", list_keys={"spec.ports": ["name"]}, columns={"Ready": ".status.ready"}
    )  # fmt: skip
    assert found.notes == [
        "spec.odd: it may be array or boolean: anything is taken",
        "spec.text: maxLength is 1000, for a rule looks at it: say another one in the schema",
    ]
    widget = {
        "apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "one"},
        "spec": {"size": 2, "note": None, "ports": [{"name": "http", "number": 80}]},
    }  # fmt: skip
    try:
        await shop.run("apply", objects=[*found.items, widget])
        [row] = (await shop.run("list", kind=f"widget.{group}")).items
        assert list(row) == ["namespace", "name", "ready", "age"]
        wrong = {**widget, "spec": {"size": 0, "text": "no"}}
        error = await shop.refused("apply", objects=[wrong])
        assert {cause.path for cause in error.causes} >= {"spec.size", "spec.text"}
    finally:
        await shop.client.delete(CRDS, f"widgets.{group}")


@pytest.mark.parametrize(
    ("params", "path", "told"),
    [
        ({}, "component", "say which: --component Widget"),
        ({"component": "Widgt"}, "component", "did you mean 'Widget'?"),
        ({"component": "Widget", "status": "Port/x"}, "component", ""),
        ({"component": "/components/schemas/Widget/properties/size"}, "component", ""),
        ({"schema": "a: 1\n---\nb: 2\n"}, "schema", "give a file: --schema @widget.json"),
        ({"schema": "[1]"}, "schema", ""),
        ({"component": "Widget", "columns": {"Size": ".spec.sice"}}, "columns", ""),
    ],
)
async def test_what_is_wrong_is_named(params: dict[str, Any], path: str, told: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await made(**params)
    assert caught.value.path == path
    assert told in ["", *caught.value.suggestions]


async def test_for_people_it_is_a_manifest_with_notes() -> None:
    found = await made(component="Widget")
    assert OPERATION.text is not None
    lines = list(OPERATION.text(found))
    assert lines[0] == f"# {found.notes[0]}"
    [document] = read_text("\n".join(lines), "manifest")
    assert document.data == found.items[0]


async def test_references_and_definitions_of_json_schema_are_followed() -> None:
    schema = {"$defs": {"a/b": {"type": "object", "properties": {"x": {"type": "integer"}}}}, "$ref": "#/$defs/a~1b"}
    for component in ("", "a/b", "/$defs/a~1b"):
        found = await made(schema=json.dumps(schema), component=component)
        whole = found.items[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        assert whole["properties"]["spec"] == {"type": "object", "properties": {"x": {"type": "integer"}}}
