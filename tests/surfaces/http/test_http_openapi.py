"""The document, judged by a validator that we did not write, and answers against it."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from outrider.runtime.discovery import registry
from tests.surfaces.http.serving import Served, document

pytestmark = pytest.mark.real


def fits(found: Any, path: str, method: str, status: str, value: Any) -> None:
    """Check an answer against the schema that the document promises for it."""
    answer = found["paths"][path][method]["responses"][status]
    pointer = answer.get("$ref", "").removeprefix("#/components/responses/")
    schema = (found["components"]["responses"][pointer] if pointer else answer)["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": found["components"]}).validate(value)


def test_the_document_is_valid_openapi(served: Served) -> None:
    found = document(served)
    assert found["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(found).validate()


def test_every_operation_has_a_path(served: Served) -> None:
    paths = document(served)["paths"]
    for family in registry().families.values():
        for operation in family.declaration.operations:
            route = paths[f"/v1/operators/{family.name}/{operation.name}"]["post"]
            assert route["summary"] == operation.summary
            modes = [parameter["name"] for parameter in route["parameters"]]
            assert ("mode" in modes) is operation.effect.changes
    assert {"/v1/plans/{plan}/apply", "/v1/status", "/v1/runs/{run}", "/v1/events", "/v1/audit/heads"} <= set(paths)


def test_every_route_promises_the_error_object(served: Served) -> None:
    for path in document(served)["paths"].values():
        for route in path.values():
            assert route["responses"]["default"] == {"$ref": "#/components/responses/Error"}


def test_answers_fit_their_schemas(served: Served, home: Path) -> None:
    found = document(served)
    facts = served.call("host.facts", {}).json
    fits(found, "/v1/operators/host/facts", "post", "200", facts)
    plan = served.call("host.file_write", {"path": str(home / "a"), "content": ""}).json
    fits(found, "/v1/operators/host/file_write", "post", "200", plan)
    fits(found, "/v1/plans", "get", "200", served.ask("GET", "/v1/plans").json)
    fits(found, "/v1/plans/{plan}", "get", "200", served.ask("GET", f"/v1/plans/{plan['id']}").json)
    fits(found, "/v1/operators", "get", "200", served.ask("GET", "/v1/operators").json)
    fits(found, "/v1/operators/host/facts", "post", "default", served.call("host.file_read", {}).json)
