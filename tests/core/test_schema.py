import re
from typing import Annotated, Any, Literal

import msgspec
import pytest

from outrider.core.errors import InvalidConfigError
from outrider.core.objects import Metadata, Name
from outrider.core.quantities import Duration, Size, duration, size
from outrider.core.schema import convert, defaults, describe, json_schema
from outrider.core.source import Position, SourceMap


class Port(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    number: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    protocol: Literal["tcp", "udp"] = "tcp"


class Service(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    name: Name
    replicas: int = 1
    ratio: float = 1.0
    public: bool = False
    ports: Annotated[list[Port], msgspec.Meta(min_length=1, max_length=3)] = msgspec.field(
        default_factory=lambda: [Port(number=80)]
    )
    labels: dict[Name, str] = {}
    check_every: Duration = duration("10s")
    memory: Size = size("64MB")
    owner: str | None = None
    run_on: str | dict[str, str] | None = None
    config: dict[str, Any] = {}


class Pair(msgspec.Struct):
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            faults = [InvalidConfigError("too low", path="high"), InvalidConfigError("too high", path="low")]
            raise InvalidConfigError("low is above high", path="low", causes=faults if self.low == 99 else [])


class Tree(msgspec.Struct):
    children: list["Tree"] = []


def fault(data: object, target: Any = Service, **options: Any) -> InvalidConfigError:
    with pytest.raises(InvalidConfigError) as caught:
        convert(data, target, **options)
    return caught.value


def service(**fields: object) -> dict[str, object]:
    return {"name": "web", **fields}


def test_good_data_becomes_the_model() -> None:
    data = service(checkEvery="1m", memory="1Mi", ports=[{"number": 443}], runOn={"zone": "a"}, owner=None)
    model = convert(data, Service)
    assert (model.check_every, model.memory, model.ports[0].number) == (60.0, 1048576, 443)
    assert (model.run_on, model.owner, model.replicas) == ({"zone": "a"}, None, 1)


@pytest.mark.parametrize(
    ("field", "value", "message", "hint"),
    [
        ("replicas", "3", "replicas: expected an integer, got text", "write 3 without quotes"),
        ("replicas", True, "replicas: expected an integer, got true or false", "write an integer"),
        ("replicas", 3.0, "replicas: expected an integer, got a number", "write an integer"),
        ("replicas", None, "replicas: expected an integer, got null", "write an integer"),
        ("public", "true", "public: expected true or false, got text", "write true without quotes"),
        ("public", 1, "public: expected true or false, got an integer", "write true or false"),
        ("ratio", "x", "ratio: expected a number, got text", "write a number"),
        ("name", 7, "name: expected text, got an integer", "write for example web-1"),
        ("name", {}, "name: expected text, got a mapping", "write for example web-1"),
        (
            "name",
            "web\n",
            "name: a line end after the text",
            "remove the line end; in a block of YAML, write |- in place of |",
        ),
        ("owner", 7, "owner: expected text, got an integer", 'write "7" with quotes'),
        ("owner", [], "owner: expected text, got a list", "write text"),
        ("checkEvery", 10, "checkEvery: expected text such as 500ms, got an integer", "write for example 500ms"),
        ("checkEvery", None, "checkEvery: expected text such as 500ms, got null", "write for example 500ms"),
        ("checkEvery", "soon", "checkEvery: 'soon' is not a duration", "write for example 500ms"),
        ("ports", [], "ports: expected a list of length >= 1", "write a list of at least 1"),
        ("ports", {}, "ports: expected a list, got a mapping", "write a list of at least 1"),
        ("labels", [], "labels: expected a mapping, got a list", "write a mapping"),
        ("owner", "\ud800", "owner: half of a surrogate pair, which no UTF-8 can hold", "write Unicode text"),
        ("nmae", "x", "unknown field 'nmae'", "did you mean 'name'?"),
        ("check_every", "1s", "unknown field 'check_every'", "did you mean 'checkEvery'?"),
        ("Replicas", 1, "unknown field 'Replicas'", "did you mean 'replicas'?"),
    ],
)
def test_faults_say_what_is_wrong_and_what_to_write(field: str, value: object, message: str, hint: str) -> None:
    error = fault(service(**{field: value}))
    assert (error.message, error.path, error.hint) == (message, field, hint)


class Window(msgspec.Struct):
    above: Annotated[int, msgspec.Meta(ge=500, examples=[8000])] = 8000
    share: Annotated[float, msgspec.Meta(ge=0.5, le=1)] = 1.0


@pytest.mark.parametrize(
    ("data", "expected"),
    [({"above": 1}, "an integer at least 500 such as 8000"), ({"share": 0.1}, "a number at least 0.5 and at most 1")],
)
def test_numbers_out_of_bounds_hear_of_both_bounds(data: dict[str, object], expected: str) -> None:
    error = fault(data, Window)
    assert (error.expected, error.hint) == (expected, f"write {expected}")


@pytest.mark.parametrize(
    ("data", "path", "found"),
    [
        (service(ports=[{"number": 1}, {"number": "x"}]), "ports[1].number", '"x"'),
        (service(ports=[{"number": 0}]), "ports[0].number", "0"),
        (service(ports=[{"number": 1, "protocol": "tpc"}]), "ports[0].protocol", '"tpc"'),
        (service(ports=[{}]), "ports[0].number", "nothing"),
        (service(ports=["80"]), "ports[0]", '"80"'),
        (service(labels={"zone": 1}), "labels.zone", "1"),
        (service(labels={"Bad Key": "x"}), "labels.Bad Key", '"Bad Key"'),
        (service(labels={1: "x"}), "labels[1]", "1"),
        ({1: 2, "name": "web"}, "1", "1: 2"),
        ([], "", "a list"),
    ],
)
def test_faults_name_their_place_and_what_was_there(data: object, path: str, found: str) -> None:
    error = fault(data)
    assert (error.path, error.found) == (path, found)


def test_near_value_of_an_enumeration() -> None:
    assert fault(service(ports=[{"number": 1, "protocol": "tpc"}])).hint == "did you mean 'tcp'?"


def test_misspelt_required_field_is_to_be_renamed() -> None:
    unknown, _, missing = fault({"nane": "web", "nam": "web"}).causes
    assert (unknown.hint, missing.hint) == ("did you mean 'name'?", "rename 'nam' to 'name'")


def test_all_faults_are_told_in_the_order_of_the_document() -> None:
    error = fault({"replicas": "3", "ports": [{"number": 0, "x": 1}], "name": 1, "labels": {"a": 1}})
    places = ["replicas", "ports[0].number", "ports[0].x", "name", "labels.a"]
    assert [cause.path for cause in error.causes] == places
    assert error.path == "replicas"


def test_places_in_the_file_are_told() -> None:
    source = SourceMap({("spec",): Position("a.yaml", 2, 1), ("spec", "replicas"): Position("a.yaml", 3, 13)}, {})
    error = fault({"name": "web", "replicas": "3"}, source=source, base=("spec",))
    assert (error.source, error.path) == ("a.yaml:3:13", "spec.replicas")
    assert fault({}, source=source, base=("spec",)).source == "a.yaml:2:1"


def test_text_that_looks_like_a_place_does_not_mislead() -> None:
    error = fault(service(checkEvery="x - at `$.other` y"))
    assert (error.path, error.message) == ("checkEvery", "checkEvery: 'x - at `$.other` y' is not a duration")


def test_check_of_a_model_is_told_with_its_place() -> None:
    error = fault({"pairs": [{"low": 2, "high": 1}]}, dict[str, list[Pair]])
    assert (error.path, error.message) == ("pairs[0].low", "low is above high")


def test_every_fault_of_a_model_s_check_is_told_with_its_place() -> None:
    error = fault([{"low": 99, "high": 1}], list[Pair])
    assert [cause.path for cause in error.causes] == ["[0].high", "[0].low"]


def test_unknown_field_is_told_also_where_msgspec_would_take_it() -> None:
    error = fault({"low": 1, "high": 2, "middle": 3}, Pair)
    assert (error.path, error.message) == ("middle", "unknown field 'middle'")


def test_data_that_contains_itself_is_refused() -> None:
    endless: dict[str, object] = {}
    endless["children"] = [endless]
    assert "nested too deeply" in fault(endless, Tree).message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", '"x"'),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ({}, "a mapping"),
        ([], "a list"),
        ("a\nb\x1b[31m", '"a\\nb\\x1b[31m"'),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_values_are_described_on_one_line(value: object, text: str) -> None:
    assert describe(value) == text


def test_number_of_thousands_of_digits_is_described() -> None:
    assert describe(10**5000) == describe(-(10**5000)) == "a huge number"
    assert fault(service(name=10**5000)).found == "a huge number"


@pytest.mark.parametrize("value", ["x" * 1_000_000, "\n" * 1_000_000])
def test_long_values_are_cut(value: str) -> None:
    assert len(describe(value)) == 80


def test_schema_of_a_model() -> None:
    schema = json_schema(Service)
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["checkEvery"] == Duration.SCHEMA
    assert schema["properties"]["ports"]["items"] == {"$ref": "#/$defs/Port"}
    assert schema["$defs"]["Port"]["properties"]["number"]["maximum"] == 65535


def test_pattern_of_names_is_the_one_of_the_schema() -> None:
    pattern = json_schema(Name)["pattern"]
    for name, good in {"web-1": True, "a": True, "a" * 63: True, "a" * 64: False, "-a": False, "Web": False}.items():
        assert (re.search(pattern, name) is not None) == good


def test_defaults_are_plain_data() -> None:
    found = defaults(Service)
    assert (found["checkEvery"], found["memory"], found["ports"]) == (
        "10s",
        "64000000B",
        [{"number": 80, "protocol": "tcp"}],
    )
    assert "name" not in found


def test_metadata_of_objects() -> None:
    assert convert({"name": "web"}, Metadata).tenant == "default"
    assert fault({"name": "Web_1"}, Metadata).hint == "write for example web-1"
