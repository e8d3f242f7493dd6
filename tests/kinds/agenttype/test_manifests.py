"""What an AgentType becomes on Kubernetes."""

import json
from typing import Any

import pytest

from outrider.core.codec import decode
from outrider.core.errors import UnsupportedError
from outrider.core.sidecar_settings import PreparationSettings, SidecarSettings
from outrider.kinds.agenttype.manifests import kubernetes_manifests
from outrider.kinds.agenttype.pod import Images
from tests.kinds.agenttype.support import FULL, REFERENCES, agent

IMAGES = Images(outrider="outrider.dev/outrider:1")
SPEC: dict[str, Any] = {
    "agent": {"image": "shop/triage:1", "env": {"TOKEN": {"secret": "token", "key": "a"}, "LOG": "info"}},
    "invocation": {"mode": "http", "port": 8000, "path": "/run", "ready": "/health"},
    "llm": {
        "routes": [
            {"alias": "default", "providers": [{"ref": "inner", "model": "m", "key": {"secret": "models", "key": "k"}}]}
        ]
    },
}


def made(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rendered = kubernetes_manifests(agent(spec), "shop", REFERENCES, IMAGES)
    return {one["kind"]: one for one in rendered.manifests}


def pod(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made(spec)["Deployment"]["spec"]["template"]["spec"]
    return found


def test_the_program_stays_as_it_is_and_gets_what_it_needs_to_find_its_sidecar() -> None:
    (program,) = pod(SPEC)["containers"]
    assert (program["image"], "command" in program, "ports" in program) == ("shop/triage:1", False, False)
    env = {one["name"]: one for one in program["env"]}
    assert env["OPENAI_BASE_URL"]["value"] == "http://127.0.0.1:4180/v1"
    assert env["PORT"]["value"] == "8000"
    assert env["TOKEN"]["valueFrom"] == {"secretKeyRef": {"name": "token", "key": "a"}}
    assert env["PYTHONPATH"]["value"] == "/outrider/shared/wrapper/python"


def test_keys_of_providers_are_in_the_sidecar_alone() -> None:
    found = pod(SPEC)
    (volume,) = [one for one in found["volumes"] if "secret" in one]
    assert volume["secret"]["secretName"] == "models"
    sidecar = found["initContainers"][1]
    assert {"name": volume["name"], "mountPath": "/outrider/secrets/models", "readOnly": True} in sidecar[
        "volumeMounts"
    ]
    for container in (found["initContainers"][0], *found["containers"]):
        assert volume["name"] not in [one["name"] for one in container["volumeMounts"]]
    told = decode(made(SPEC)["ConfigMap"]["data"]["sidecar.json"], SidecarSettings)
    assert told.secret_sources == {"models": {"folder": "/outrider/secrets/models"}}
    assert told.tasks is not None
    assert (told.tasks.listen, told.tasks.url, told.tasks.path, told.tasks.ready) == (
        "0.0.0.0:4182",
        "http://127.0.0.1:8000",
        "/run",
        "/health",
    )
    decode(made(SPEC)["ConfigMap"]["data"]["preparation.json"], PreparationSettings)


def test_the_pod_keeps_to_the_strictest_standard() -> None:
    found = pod(SPEC)
    assert found["securityContext"]["runAsNonRoot"] is True
    assert found["automountServiceAccountToken"] is False
    for container in (*found["initContainers"], *found["containers"]):
        confined = container["securityContext"]
        assert confined["allowPrivilegeEscalation"] is False
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert confined["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["resources"]["limits"]["memory"]


def test_no_port_of_the_sidecar_is_the_programs() -> None:
    taken = pod({**SPEC, "invocation": {"mode": "http", "port": 4180}})
    assert [one["containerPort"] for one in taken["initContainers"][1]["ports"]] == [4182, 4183]


def test_an_autoscaler_alone_writes_the_number_of_pods() -> None:
    found = made({**SPEC, "scaling": {"replicas": 2, "most": 9}})
    assert "replicas" not in found["Deployment"]["spec"]
    assert "replicas" not in made(SPEC)["Deployment"]["spec"], "who else scales it is not fought"
    metric = found["HorizontalPodAutoscaler"]["spec"]["metrics"][0]["containerResource"]
    assert (metric["container"], metric["target"]["averageValue"]) == ("agent", "800m"), "of what the program may use"
    assert (
        found["HorizontalPodAutoscaler"]["spec"]["minReplicas"],
        found["HorizontalPodAutoscaler"]["spec"]["maxReplicas"],
    ) == (2, 9)
    assert found["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert made({**SPEC, "scaling": {"replicas": 3}})["Deployment"]["spec"]["replicas"] == 3
    assert "PodDisruptionBudget" not in made(SPEC)


def test_memories_in_files_outlive_the_pod() -> None:
    found = made({**SPEC, "memory": [{"name": "notes", "type": "kv"}]})
    assert found["PersistentVolumeClaim"]["metadata"]["name"] == "triage-memory"
    assert found["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    elsewhere = {"name": "notes", "type": "kv", "store": {"url": "redis://cache/0"}}
    assert "PersistentVolumeClaim" not in made({**SPEC, "memory": [elsewhere]})


def test_a_job_is_a_template_that_starts_nothing_itself() -> None:
    found = made({"agent": {"image": "shop/triage:1"}})
    assert "Deployment" not in found
    assert found["CronJob"]["spec"]["suspend"] is True
    assert found["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"agent": {"command": ["python", "a.py"]}}, "spec.agent.image"), ({"wrapper": {"packages": ["six==1.17.0"]}}, "spec.wrapper.packages"),
        ({"egress": {"minLevel": "sealed"}}, "spec.egress.minLevel"), ({"tools": [{"operation": "host.disk"}]}, "spec.tools"),
        ({"invocation": {"mode": "queue"}}, "spec.invocation.mode"), ({"invocation": {"mode": "a2a", "port": 8000}}, "spec.invocation.mode"),
        ({"isolation": {"minLevel": "namespaced"}}, "spec.isolation.minLevel"), ({"approval": {"from": ["oncall"]}}, "spec.approval"),
        ({"scaling": {"replicas": 2}, "memory": [{"name": "notes", "type": "kv"}]}, "spec.memory"),
        ({"invocation": {}, "memory": [{"name": "notes", "type": "kv"}]}, "spec.memory"),
        ({"llm": {"routes": [{"alias": "default"}], "budget": {"amount": "5.00 USD", "per": "day"}}}, "spec.llm.budget"), ({"identity": FULL["identity"]}, "spec.identity"),
    ],
)  # fmt: skip
def test_what_a_pod_cannot_do_is_refused_and_named(change: dict[str, Any], path: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        made({**SPEC, **change})
    assert (caught.value.path, bool(caught.value.hint)) == (path, True)


def test_what_a_running_sidecar_cannot_take_over_makes_other_pods() -> None:
    def template(spec: dict[str, Any]) -> Any:
        return made(spec)["Deployment"]["spec"]["template"]

    before = template(SPEC)
    for change in (
        {"egress": {"allow": ["api.example.org"]}},
        {"invocation": {**SPEC["invocation"], "path": "/else"}},
        {"invocation": {**SPEC["invocation"], "timeout": "1m"}},
    ):
        assert template({**SPEC, **change}) != before
    limited = {**SPEC, "llm": {**SPEC["llm"], "limits": {"requestsPerMinute": 5}}}
    assert template(limited) == before, "limits are taken over"
    assert made(limited)["ConfigMap"]["data"] != made(SPEC)["ConfigMap"]["data"]


def test_nothing_that_the_sidecar_starts_sees_its_keys() -> None:
    told = decode(made(SPEC)["ConfigMap"]["data"]["sidecar.json"], SidecarSettings)
    assert {str(path) for path in told.protected} == {"/outrider/secrets", "/outrider/settings", "/outrider/state"}


def test_tasks_come_from_its_own_namespace_alone() -> None:
    rules = made(SPEC)["NetworkPolicy"]["spec"]["ingress"]
    assert [(one.get("from"), [port["port"] for port in one["ports"]]) for one in rules] == [
        (None, [4181]),
        ([{"podSelector": {}}], [4182]),
    ]
    jobs = made({"agent": {"image": "shop/triage:1"}})
    assert jobs["NetworkPolicy"]["spec"]["podSelector"] == {"matchLabels": {"outrider.dev/agenttype": "triage"}}


def test_the_same_spec_gives_the_same_bytes() -> None:
    assert json.dumps(made(SPEC)) == json.dumps(made(SPEC))


def test_pods_are_put_into_a_mesh() -> None:
    def labelled(spec: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        metadata = made(spec)["Deployment"]["spec"]["template"]["metadata"]
        return metadata["labels"], metadata["annotations"]

    labels, annotations = labelled({**SPEC, "mesh": {"istio": "sidecar"}})
    assert labels["sidecar.istio.io/inject"] == "true"
    assert annotations["sidecar.istio.io/nativeSidecar"] == "true", "it is there before our sidecar asks anybody"
    assert annotations["traffic.sidecar.istio.io/excludeInboundPorts"] == "4181"
    labels, annotations = labelled({**SPEC, "mesh": {"istio": "ambient"}})
    assert labels["istio.io/dataplane-mode"] == "ambient"
    assert set(annotations) == {"outrider.dev/fixed-settings"}
    ports = [
        rule["ports"][0]["port"]
        for rule in made({**SPEC, "mesh": {"istio": "ambient"}})["NetworkPolicy"]["spec"]["ingress"]
    ]
    assert 15008 in ports
    assert set(made({**SPEC, "mesh": {"istio": "ambient"}})["Deployment"]["spec"]["selector"]["matchLabels"]) == {
        "outrider.dev/agenttype"
    }
