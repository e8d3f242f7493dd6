"""What a manifest promises, its module keeps."""

import re
from pathlib import Path

import jsonschema

from outrider.core.errors import CODES
from outrider.core.schema import convert, json_schema
from outrider.runtime.context import Context
from outrider.runtime.discovery import import_module, registry
from tests.contract.cases import Case, documented, every_operation, plain_params

# Options and words of the doors; a parameter of that name could not be given there.
TAKEN = {
    "help",
    "output",
    "yes",
    "plan",
    "context",
    "no_input",
    "quiet",
    "json",
    "deadline",
    "watch",
    "action",
    "operation",
}


def test_every_package_can_be_used() -> None:
    assert registry().families
    assert [broken.module for broken in registry().broken] == []


@every_operation
def test_module_has_what_the_manifest_promises(case: Case) -> None:
    code = case.load().code
    changes = case.declaration.effect.changes
    assert (code.plan is not None) == (changes and case.declaration.has_plan)
    assert set(case.declaration.positional) <= set(case.fields())
    assert set(case.declaration.errors) <= set(CODES)
    assert case.declaration.summary
    assert 0 < case.declaration.timeout <= case.declaration.max_timeout


@every_operation
def test_required_parameters_can_be_given_by_position(case: Case) -> None:
    required = [name for name, field in case.fields().items() if field.required]
    assert sorted(case.declaration.positional[: len(required)]) == sorted(required)


@every_operation
def test_has_examples_that_fit_and_name_their_target(case: Case) -> None:
    code = case.load().code
    assert case.declaration.examples
    for example in case.declaration.examples:
        params = convert(plain_params(example), code.params)
        parts = [target.partition("/") for target in code.targets(params)]
        assert parts
        assert all(kind and slash and name for kind, slash, name in parts)
        assert example.title


@every_operation
def test_readme_shows_the_command(case: Case) -> None:
    package = import_module(case.module)
    readme = (Path(package.__file__).parent / "README.md").read_text()
    assert re.search(rf"^outrider {case.family} {case.declaration.name}( |$)", readme, re.MULTILINE)


@every_operation
def test_every_parameter_is_explained(case: Case) -> None:
    params = case.load().code.params
    assert set(case.fields()) <= documented(params)


@every_operation
def test_explanations_name_fields(case: Case) -> None:
    code = case.load().code
    for struct in (code.params, code.result):
        assert documented(struct) <= set(struct.__struct_fields__)


@every_operation
def test_no_parameter_takes_a_name_of_the_doors(case: Case) -> None:
    assert not TAKEN & {name.replace("-", "_") for name in case.fields()}


@every_operation
def test_types_have_a_json_schema(case: Case) -> None:
    code = case.load().code
    for struct in (code.params, code.result):
        schema = json_schema(struct)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"


@every_operation
def test_unknown_parameters_are_refused_by_the_schema(case: Case) -> None:
    assert json_schema(case.load().code.params)["additionalProperties"] is False


@every_operation
def test_bodies_take_parameters_and_context(case: Case) -> None:
    code = case.load().code
    for body in (code.run, code.plan):
        if body is not None:
            assert list(body.__annotations__.values())[:2] == [code.params, Context]
