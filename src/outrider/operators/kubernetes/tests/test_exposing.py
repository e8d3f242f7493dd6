import asyncio
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ConflictError, InvalidConfigError, PreconditionFailedError, UnsupportedError
from outrider.operators.kubernetes.exposing import ExposeParams, gateway_version, port_parts
from outrider.operators.kubernetes.obstacles import hosts_meet
from outrider.operators.kubernetes.tests.accounts import account, acting_as, rule, target_of
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.gateway_api import definitions
from outrider.ports.kube.catalogue import Catalogue, ServedKind
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import CRDS, INGRESSES, PODS, SECRETS, SERVICES, Resource

NETWORKING = "networking.k8s.io"
INGRESS_CLASSES = Resource(NETWORKING, "v1", "ingressclasses", "IngressClass", namespaced=False)
GATEWAYS = Resource("gateway.networking.k8s.io", "v1", "gateways", "Gateway")
ROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
SERVES = {
    "command": ["sh", "-c", "echo hello > /tmp/index.html; exec busybox httpd -f -p 8080 -h /tmp"],
    "ports": [{"name": "web", "containerPort": 8080}],
}


def addresses(found: Any, scope: str) -> list[str]:
    return [one.address for one in found.addresses if one.scope == scope]


def remarks(found: Any) -> list[str]:
    return [one.remark for one in found.remarks]


def answer(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/", timeout=5) as response:
        text: str = response.read().decode()
    return text


async def eventually_answers(address: str) -> str:
    async with asyncio.timeout(20):
        while True:
            try:
                return await asyncio.to_thread(answer, address)
            except OSError:  # kube-proxy has not seen it yet
                await asyncio.sleep(0.1)


@pytest.mark.real
@pytest.mark.timeout(120)
class TestService:
    async def test_a_workload_is_reached_as_the_result_says(self, shop: Shop) -> None:
        await shop.web(replicas=2, **SERVES)
        await shop.settled()
        plan = await shop.plan("expose", target="deploy/web")
        assert (plan.target, plan.warnings) == ("service/web", [])
        assert plan.difference[0].after["spec"]["ports"] == [
            {"name": "web", "port": 8080, "protocol": "TCP", "targetPort": "web"}
        ]
        done = await shop.run("expose", seen=plan, target="deploy/web")
        assert ([one.action for one in done.objects], remarks(done)) == (["created"], [])
        assert (done.results[0].ready, done.results[0].pods) == (2, 2)
        name, address = addresses(done, "cluster")
        assert name == f"web.{shop.namespace}.svc:8080"
        assert await eventually_answers(address) == "hello\n"
        again = await shop.run("expose", target="deploy/web", service_type="NodePort")
        assert next(one.path for one in again.objects[0].difference).startswith("spec.")
        assert await eventually_answers(addresses(again, "node")[0]) == "hello\n"
        same = await shop.run("expose", target="deploy/web", service_type="NodePort")
        assert same.objects[0].action == "unchanged"

    async def test_a_plan_ends_when_the_ports_of_the_workload_change(self, shop: Shop) -> None:
        await shop.web(**SERVES)
        plan = await shop.plan("expose", target="deploy/web")
        await shop.run("scale", target="deploy/web", replicas=0)
        await shop.web(**{**SERVES, "ports": [{"name": "web", "containerPort": 8081}]}, replicas=0)
        with pytest.raises(PreconditionFailedError):
            await shop.run("expose", seen=plan, target="deploy/web")
        done = await shop.run("expose", target="deploy/web")
        assert (done.results[0].ready, remarks(done)) == (0, ["no pod behind it is ready"])

    async def test_what_leads_nowhere_is_told_before(self, shop: Shop) -> None:
        await shop.web(replicas=0)
        assert (await shop.refused("expose", target="deploy/web")).suggestions == ["say which: --ports 80:8080"]
        plan = await shop.plan("expose", target="deploy/web", ports=["80:wob", "443:8443"])
        assert plan.warnings == [
            "port 80 leads to 'wob', which no port of the containers is called",
            f"no pod in namespace {shop.namespace} has the labels app=web",
        ]
        ports = plan.difference[0].after["spec"]["ports"]
        assert [one["name"] for one in ports] == ["tcp-80", "tcp-443"]
        assert (await shop.refused("expose", target="deploy/none")).code == "NOT_FOUND"

    async def test_the_service_of_somebody_else_is_left_to_them(self, shop: Shop) -> None:
        await shop.web(**SERVES)
        spec = {"selector": {"app": "other"}, "ports": [{"port": 80}]}
        await shop.make(SERVICES, {"metadata": {"name": "web"}, "spec": spec}, manager="kubectl")
        with pytest.raises(ConflictError, match="kubectl"):
            await shop.plan("expose", target="deploy/web")
        done = await shop.run("expose", target="deploy/web", name="web-2")
        assert done.objects[0].target == "service/web-2"

    async def test_pods_in_the_loopback_network_are_told_of(self, shop: Shop) -> None:
        container = {"name": "web", "image": "none"}
        spec = {"schedulerName": "none", "containers": [container]}
        await shop.make(PODS, {"metadata": {"name": "solo", "labels": {"app": "solo"}}, "spec": spec})
        ready = {"type": "Ready", "status": "True"}
        status = {
            "status": {"phase": "Running", "podIP": "127.0.0.9", "podIPs": [{"ip": "127.0.0.9"}], "conditions": [ready]}
        }
        await shop.client.patch(PODS, "solo", shop.namespace, status, part="status")
        done = await shop.run("expose", target="pod/solo", ports=["80"], seconds=2.0)
        assert remarks(done) == [f"addresses in 127.0.0.0/8 are no endpoints: {shop.namespace}/pod/solo"]


@pytest.mark.real
@pytest.mark.timeout(120)
class TestIngress:
    async def test_service_and_ingress_are_one_plan(self, shop: Shop) -> None:
        await shop.web(**SERVES)
        await shop.settled()
        params: dict[str, Any] = {
            "target": "deploy/web", "by": "ingress", "hosts": ["shop.example.org"], "path": "/api", "tls_secret": "cert", "ingress_class": shop.namespace,
        }  # fmt: skip
        plan = await shop.plan("expose", **params)
        assert plan.target == "service/web, ingress/web"
        assert [text.split(":")[0] for text in plan.warnings] == [
            f"IngressClass {shop.namespace} is not there",
            f"Secret {shop.namespace}/cert is not there",
        ]
        await shop.make(
            INGRESS_CLASSES, {"metadata": {"name": shop.namespace}, "spec": {"controller": "example.org/x"}}
        )
        await shop.make(SECRETS, {"metadata": {"name": "cert"}, "type": "Opaque"})
        assert (await shop.plan("expose", **params)).warnings == [
            "Secret cert is of type Opaque, not kubernetes.io/tls"
        ]
        done = await shop.run("expose", seen=plan, **params)
        assert addresses(done, "outside") == ["https://shop.example.org/api"]
        assert "Ingress web has no address yet" in remarks(done)[0]
        found = await shop.client.get(INGRESSES, "web", shop.namespace)
        [rule] = found["spec"]["rules"]
        assert rule["http"]["paths"][0]["backend"] == {"service": {"name": "web", "port": {"number": 8080}}}
        status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
        await shop.client.patch(INGRESSES, "web", shop.namespace, status, part="status")
        again = await shop.run("expose", **params)
        assert remarks(again) == ["the hosts must lead to 192.0.2.1"]
        await shop.client.delete(INGRESS_CLASSES, shop.namespace)

    async def test_a_service_that_is_there_is_used(self, shop: Shop) -> None:
        spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
        await shop.make(SERVICES, {"metadata": {"name": "front"}, "spec": spec}, manager="kubectl")
        plan = await shop.plan("expose", target="svc/front", by="ingress")
        assert plan.target == "ingress/front"
        assert "has no default" in plan.warnings[-1]
        done = await shop.run("expose", seen=plan, target="svc/front", by="ingress")
        assert addresses(done, "outside") == []
        assert done.objects[0].target == "ingress/front"

    async def test_who_sees_little_may_make_it_all_the_same(self, shop: Shop, tmp_path: Path) -> None:
        await shop.web(**SERVES)
        rights = [
            rule("get", "deployments", group="apps"),
            rule("get create patch", "services"),
            rule("get create patch", "ingresses", group=NETWORKING),
        ]
        await account(shop, "maker", *rights)
        with acting_as(await target_of(shop, "maker"), tmp_path):
            plan = await shop.plan("expose", target="deploy/web", by="ingress")
            assert [text.split(":")[0] for text in plan.warnings] == ["not checked", "not checked"]
            assert "ingressclasses" in plan.warnings[1]
            done = await shop.run("expose", seen=plan, target="deploy/web", by="ingress")
        assert [one.action for one in done.objects] == ["created", "created"]
        assert remarks(done)[0].startswith("it was made, and not looked at: ")


@pytest.fixture
async def gateway_api(shop: Shop) -> AsyncIterator[KubeClient]:
    for definition in definitions():
        await shop.client.apply(CRDS, definition)
        name = definition["metadata"]["name"]
        await shop.run(
            "wait",
            target=f"crd/{name}",
            until='object.status.conditions.exists(c, c.type == "Established" && c.status == "True")',
        )
    yield shop.client
    for definition in definitions():
        await shop.client.delete(CRDS, definition["metadata"]["name"])


@pytest.mark.real
@pytest.mark.timeout(120)
class TestGateway:
    async def test_a_route_leads_from_the_gateway_to_the_service(self, shop: Shop, gateway_api: KubeClient) -> None:
        await shop.web(**SERVES)
        await shop.settled()
        params: dict[str, Any] = {
            "target": "deploy/web", "by": "gateway", "gateway": "default/public", "hosts": ["shop.example.org"]
        }  # fmt: skip
        assert (await shop.plan("expose", **params)).warnings == ["Gateway default/public is not there"]

        async def listens(**listener: Any) -> list[str]:
            one = {"name": "http", "port": 80, "protocol": "HTTP", **listener}
            spec = {"gatewayClassName": "x", "listeners": [one]}
            await gateway_api.apply(GATEWAYS, {"metadata": {"name": "public", "namespace": "default"}, "spec": spec})
            return (await shop.plan("expose", **params)).warnings

        label = {"kubernetes.io/metadata.name": shop.namespace}
        selected = {"namespaces": {"from": "Selector", "selector": {"matchLabels": label}}}
        start = "Gateway default/public takes no such route: listener http "
        assert await listens() == [f"{start}takes routes from namespaces 'Same' alone"]
        assert await listens(allowedRoutes=selected, hostname="*.other.org") == [f"{start}is for the host *.other.org"]
        assert await listens(allowedRoutes=selected, protocol="TCP") == [f"{start}is for TCP"]
        assert await listens(allowedRoutes=selected, hostname="*.example.org") == []
        plan = await shop.plan("expose", **params)
        assert plan.target == "service/web, httproute.gateway.networking.k8s.io/web"
        done = await shop.run("expose", seen=plan, **params)
        assert addresses(done, "outside") == ["http://shop.example.org/"]
        assert remarks(done) == [
            "Gateway default/public has no address yet", "HTTPRoute web was not yet taken by a controller"
        ]  # fmt: skip
        condition = {"type": "Accepted", "status": "False", "reason": "NotAllowed", "message": "no"}
        parent = {"parentRef": {"name": "public"}, "controllerName": "x", "conditions": [condition]}
        await gateway_api.patch(ROUTES, "web", shop.namespace, {"status": {"parents": [parent]}}, part="status")
        status = {"status": {"addresses": [{"value": "192.0.2.7"}]}}
        await gateway_api.patch(GATEWAYS, "public", "default", status, part="status")
        again = await shop.run("expose", **params)
        assert remarks(again) == [
            "the hosts must lead to 192.0.2.7", "HTTPRoute web: Accepted is False: no"
        ]  # fmt: skip


def test_a_cluster_without_the_gateway_api_is_told_what_lacks() -> None:
    resource = msgspec.structs.replace(GATEWAYS, version="v1beta1")
    served = ServedKind(resource, frozenset(), frozenset(), frozenset())
    with pytest.raises(UnsupportedError) as caught:
        gateway_version(Catalogue([served]), "east")
    assert caught.value.found == "httproutes.gateway.networking.k8s.io"


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"hosts": ["a.example.org"]}, "hosts"),
        ({"path": "/api"}, "path"),
        ({"tls_secret": "cert"}, "tls_secret"),
        ({"by": "ingress", "gateway": "public"}, "gateway"),
        ({"by": "gateway"}, "gateway"),
        ({"by": "gateway", "gateway": "public", "ingress_class": "nginx"}, "ingress_class"),
        ({"ports": ["0:80"]}, "ports"),
        ({"ports": ["65536"]}, "ports"),
        ({"target": "service/web"}, "target"),
        ({"target": "service/web", "by": "ingress", "ports": ["80"]}, "ports"),
    ],
)
def test_parameters_that_would_mean_nothing_are_refused(params: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        ExposeParams(**{"target": "deployment/web", **params})
    assert caught.value.path == path


def test_policies_see_the_workload_and_all_that_is_made_for_it() -> None:
    params = ExposeParams(target="deploy/web", by="gateway", gateway="a/b", name="front")
    assert params.targets == ("deployment/web", "service/front", "httproute.gateway.networking.k8s.io/front")


NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)


@given(
    st.just("") | NAMES,
    st.integers(0, 99999),
    st.just("") | NAMES | st.integers(1, 65535).map(str),
    st.sampled_from(["", "TCP", "UDP", "SCTP"]),
)
def test_ports_are_read_as_they_are_written(name: str, port: int, target: str, protocol: str) -> None:
    word = f"{name}=" * bool(name) + str(port) + f":{target}" * bool(target) + f"/{protocol}" * bool(protocol)
    assert port_parts(word) == (name, port, target or str(port), protocol or "TCP")


HOSTS = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=3).map(".".join)


@given(HOSTS, HOSTS, HOSTS)
def test_hosts_meet_where_a_name_fits_both(name: str, one: str, other: str) -> None:
    def fits(pattern: str) -> bool:
        return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern

    for first in (one, f"*.{one}"):
        for second in (other, f"*.{other}"):
            assert hosts_meet(first, second) == hosts_meet(second, first)
            if fits(first) and fits(second):
                assert hosts_meet(first, second)
    assert hosts_meet(f"*.{one}", f"x.{one}")
    assert not hosts_meet(f"*.{one}", one)
