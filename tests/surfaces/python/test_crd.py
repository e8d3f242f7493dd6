"""Definitions from Python types: a real server takes them, and judges objects as the types do."""

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pytest

from outrider.api import crd
from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import CRDS, Resource
from tests.ports.kube.random_types import Color, random_struct
from tests.servers.cluster import RealCluster

GROUP = "types.outrider.example.org"


class Circle(msgspec.Struct, tag="circle"):
    radius: Annotated[int, msgspec.Meta(ge=0)]


class Square(msgspec.Struct, tag="square"):
    side: int


class Point(msgspec.Struct, forbid_unknown_fields=True):
    """A point.

    Attributes:
        x: From the left.
    """

    x: int
    y: int = 0


_RULE = {"x-kubernetes-validations": [{"rule": "self.low <= self.high", "message": "low is above high"}]}


class WidgetSpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A widget."""

    size: Annotated[int, msgspec.Meta(ge=1, lt=10)]
    ratio: Annotated[float, msgspec.Meta(ge=0.5)] = 1.0
    name: Annotated[str, msgspec.Meta(pattern="^[a-z]+$", max_length=5)] = "web"
    color: Color = Color.RED
    display_mode: Literal["wide", "flat"] | None = None
    port: int | str = 80
    count: int | None = None
    shape: Circle | Square | None = None
    tags: set[str] = set()
    points: Annotated[list[Point], msgspec.Meta(max_length=2)] = []
    labels: dict[str, str] = {}
    day: dt.date | None = None
    key: bytes = b""
    low: int = 0
    high: int = 9


Widget = Annotated[WidgetSpec, msgspec.Meta(extra_json_schema=_RULE)]
_POOL: dict[str, list[Any]] = {
    "size": [1, 9, 10, 0, "1", 1.5, None, True],
    "ratio": [1, 0.5, 0.3, "1"],
    "name": ["abc", "abcdef", "A", "", 1],
    "color": ["red", "green", 1],
    "displayMode": ["wide", "flat", None, "tall", "", 1],
    "port": [1, "http", 1.5, True, [1]],
    "count": [0, None, "0", 0.5],
    "shape": [None, {"type": "circle", "radius": 1}, {"type": "square", "side": 1}, {"type": "circle"}, {"type": "circle", "radius": -1},
              {"type": "oval", "radius": 1}, {"radius": 1}, {}, "circle"],
    "tags": [["a"], ["a", "b"], [], [1], "a"],
    "points": [[{"x": 1}], [{"x": 1, "y": 2}, {"x": 2}], [{"y": 1}], [{"x": 1, "z": 1}], [{"x": 1}] * 3, [None], {}],
    "labels": [{"a": "b"}, {}, {"a": 1}, ["a"]],
    "day": ["2026-01-02", None, "2026-13-01", "soon", 1],
    "key": ["YWI=", "", "!!", 1],
    "other": [1],
}  # fmt: skip


def python_takes(value: Any) -> bool:
    try:
        msgspec.convert(value, WidgetSpec)
    except msgspec.ValidationError:
        return False
    return True


@pytest.fixture
async def client(cluster: RealCluster) -> AsyncIterator[KubeClient]:
    async with KubeClient(cluster.target(), component="tests") as made:
        yield made
        for definition in await made.list(CRDS):
            if definition["spec"]["group"] == GROUP:
                await made.delete(CRDS, definition["metadata"]["name"])


async def define(client: KubeClient, definition: dict[str, Any]) -> Resource:
    """Have a kind be served."""
    await client.apply(CRDS, definition)
    version, names = definition["spec"]["versions"][0]["name"], definition["spec"]["names"]
    resource = Resource(GROUP, version, names["plural"], names["kind"])
    async with asyncio.timeout(20):
        while True:
            with suppress(NotFoundError):
                await client.list(resource, "default")
                return resource
            await asyncio.sleep(0.1)


async def refusal(client: KubeClient, resource: Resource, spec: Any) -> str:
    """Return why the server does not take an object; empty where it does."""
    item = {"metadata": {"name": "one", "namespace": "default"}, "spec": spec}
    try:
        await client.create(resource, item, "default", dry_run=True)
    except InvalidConfigError as error:
        return error.message
    return ""


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_the_server_judges_as_the_type_does(client: KubeClient) -> None:
    resource = await define(client, crd(Widget, group=GROUP))
    specs = [{"size": 3, name: value} for name, values in _POOL.items() for value in values]
    chance = random.Random(7)
    specs += [
        {"size": 3} | {name: chance.choice(_POOL[name]) for name in chance.sample(list(_POOL), 3)} for _ in range(50)
    ]
    for spec in specs:
        refused = await refusal(client, resource, spec)
        assert (refused == "") == python_takes(spec), refused or spec
    assert "low is above high" in await refusal(client, resource, {"size": 1, "low": 3, "high": 2})
    item = {"metadata": {"name": "one", "namespace": "default"}, "spec": {"size": 1, "points": [{"x": 1}]}}
    found = (await client.create(resource, item, "default", dry_run=True)).object["spec"]
    assert msgspec.convert(found, WidgetSpec) == WidgetSpec(size=1, points=[Point(1)])
    assert (found["color"], found["points"][0]["y"]) == ("red", 0), "the server fills defaults in"
    assert await refusal(client, resource, msgspec.to_builtins(WidgetSpec(size=1))) == "", (
        "all nulls of a struct are taken"
    )


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_definitions_of_all_sorts_of_types_are_taken(client: KubeClient) -> None:
    for seed in range(25):
        made = crd(random_struct(random.Random(seed)), group=GROUP, kind="Random")
        await client.create(CRDS, made, dry_run=True)


class Condition(TypedDict):
    type: str
    status: str


class WidgetStatus(msgspec.Struct):
    replicas: int = 0
    selector: str = ""
    conditions: list[Condition] = []


class Scaled(msgspec.Struct):
    replicas: int
    ports: list[Point] = []


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_columns_subresources_and_keys_are_served(client: KubeClient) -> None:
    made = crd(
        Scaled, group=GROUP, version="v1beta1", status=WidgetStatus, short_names=("scd",), categories=["all"], scale=True, selectable=[".spec.replicas"],
        columns={"Wanted": ".spec.replicas", "Ready": '.status.conditions[?(@.type=="Ready")].status'},
        list_keys={"status.conditions": ["type"], "spec.ports": ["x", "y"]},
    )  # fmt: skip
    resource = await define(client, made)
    item = {"metadata": {"name": "one", "namespace": "default"}, "spec": {"replicas": 1, "ports": [{"x": 1}]}}
    await client.apply(resource, item)
    await client.patch(resource, "one", "default", {"spec": {"replicas": 3}}, part="scale")
    await client.apply(resource, {**item, "spec": {"ports": [{"x": 2}]}}, manager="other")
    conditions = [{"type": "Ready", "status": "True"}]
    await client.patch(resource, "one", "default", {"status": {"conditions": conditions}}, part="status")
    [found] = await client.list(resource, "default", fields="spec.replicas=3")
    assert found["spec"]["ports"] == [{"x": 1, "y": 0}, {"x": 2, "y": 0}]
    assert found["status"]["conditions"] == conditions


def test_what_cannot_be_defined_is_an_error_that_names_it() -> None:
    for spec, path in ((list[int], "spec"), (complex, "spec")):
        with pytest.raises(InvalidConfigError) as caught:
            crd(spec, group=GROUP, kind="Widget")
        assert caught.value.path == path
    with pytest.raises(InvalidConfigError, match="plurall"):
        crd(WidgetSpec, group=GROUP, plurall="x")  # type: ignore[call-arg]  # a typo
    with pytest.raises(InvalidConfigError) as caught:
        crd(WidgetSpec, group="org")
    assert caught.value.path == "group"
    with pytest.raises(InvalidConfigError) as caught:
        crd(WidgetSpec, group=GROUP, columns={"Size": ".spec.sice"})
    assert caught.value.path == "columns"


def test_the_kind_is_named_after_the_type() -> None:
    made = crd(WidgetSpec, group=GROUP)
    assert made["metadata"]["name"] == f"widgets.{GROUP}"
    assert made["spec"]["names"]["kind"] == "Widget"
    point = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["points"]
    assert point["items"]["description"] == "A point."
