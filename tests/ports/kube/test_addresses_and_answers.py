"""What stands in the address of a server, what it remarks, and what each request needs to be allowed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.ports.kube.answers import Access
from outrider.ports.kube.client import KubeClient, _warnings
from tests.ports.http.support import serving
from tests.ports.kube.conftest import WIDGETS, target_of
from tests.ports.kube.support import get, transport_to
from tests.servers.kube_api.faults import Answer, Exchange, Match
from tests.servers.kube_api.server import FakeApi

PATCHES = Match(method="PATCH")


def widget(name: str = "one", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}


async def test_what_stands_in_the_address_before_the_api_stays_there() -> None:
    seen: list[str] = []

    async def keeps(request: Any) -> Response:
        seen.append(request.target)
        return Response(200, body=b'{"metadata":{},"items":[]}')

    async with serving(keeps) as (_, port):
        for prefix in ("/k8s/clusters/c-1", "/k8s/clusters/c-1/", "/", ""):
            async with transport_to(f"http://127.0.0.1:{port}{prefix}") as transport:
                await transport.send(get("/version?a=b"))
    assert seen == [*["/k8s/clusters/c-1/version?a=b"] * 2, *["/version?a=b"] * 2]


@pytest.mark.parametrize(
    "server",
    [
        "",
        "10.0.0.1:6443",
        "localhost:8080",
        "ftp://a",
        "https://",
        "https://a:99999",
        "https://me:s3cr3t@a",
        pytest.param("unix:/run/a"),
        pytest.param(
            "https://[::1",
        ),
    ],
)
async def test_an_address_that_is_none_is_refused(server: str) -> None:
    with pytest.raises(InvalidConfigError, match="address") as caught:
        async with transport_to(server):
            pass
    assert "s3cr3t" not in str(caught.value.body())


async def test_what_the_server_remarks_is_handed_over(fake: FakeApi) -> None:
    async def remarks(exchange: Exchange) -> Response:
        response = exchange.answer()
        fields = [
            ("warning", '299 - "one \\"1\\", 299 - no"'),
            ("Warning", '299 - "two", 299 kube/1 "three" "date"'),
            ("warning", '199 - "other"'),
        ]
        return Response(response.status, Headers([*response.headers, *fields]), response.body)

    fake.script(PATCHES, remarks)
    async with KubeClient(target_of(fake)) as client:
        assert (await client.apply(WIDGETS, widget())).warnings == ['one "1", 299 - no', "two", "three"]


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126)), max_size=3))
def test_remarks_are_read_as_the_server_quotes_them(texts: list[str]) -> None:
    quoted = ['299 - "' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]
    assert _warnings(Headers([("warning", one) for one in quoted])) == texts
    assert _warnings(Headers([("warning", ", ".join(quoted))])) == texts


def test_remarks_are_in_utf_8() -> None:
    assert _warnings(Headers([("warning", '299 - "größe"'.encode().decode("latin-1"))])) == ["größe"]


async def test_what_each_verb_needs_to_be_allowed_is_told(fake: FakeApi) -> None:
    told: list[Access] = []
    async with KubeClient(target_of(fake), on_access=told.append) as client:
        made = (await client.create(WIDGETS, widget(), "shop")).object
        made = (await client.replace(WIDGETS, made)).object
        await client.patch(WIDGETS, "one", "shop", {"spec": {"size": 2}})
        await client.apply(WIDGETS, widget() | {"status": {}}, part="status")
        await client.get(WIDGETS, "one", "shop")
        await client.list(WIDGETS)
        fake.script(Match(watch=True), Answer(403))
        with pytest.raises(OutriderError):
            await client.watch(WIDGETS, lambda _: None, parameters={})
        await client.delete(WIDGETS, "one", "shop")
        await client.raw("/version")
    assert [(one.verb, one.resource, one.namespace, one.name) for one in told] == [
        ("create", "widgets", "shop", ""), ("update", "widgets", "shop", "one"),
        ("patch", "widgets", "shop", "one"), ("patch", "widgets/status", "shop", "one"),
        ("get", "widgets", "shop", "one"), ("list", "widgets", "", ""), ("watch", "widgets", "", ""),
        ("delete", "widgets", "shop", "one"),
    ]  # fmt: skip
    assert {one.group for one in told} == {WIDGETS.group}
