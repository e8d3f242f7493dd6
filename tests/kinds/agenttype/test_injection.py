"""A pod of somebody else with a sidecar: what is added, and that all else stays."""

import copy
from typing import Any

import pytest

from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.core.sidecar_settings import PreparationSettings, SidecarSettings
from outrider.kinds.agenttype.injection import ADDITION_FILE, PREFIX, Injection, injected, injection, read_addition
from outrider.kinds.agenttype.pod import Images
from tests.kinds.agenttype.support import REFERENCES, agent

IMAGES = Images(outrider="outrider.dev/outrider:1")
SPEC: dict[str, Any] = {
    "targetRef": {"name": "shop"},
    "llm": {"routes": [{"alias": "default", "providers": [{"ref": "inner", "model": "m", "key": {"secret": "models", "key": "k"}}]}]},
}  # fmt: skip
TARGET: dict[str, Any] = {
    "metadata": {"labels": {"app": "shop"}},
    "spec": {
        "serviceAccountName": "shop",
        "securityContext": {"runAsUser": 1000, "fsGroup": 2000},
        "initContainers": [{"name": "migrate", "image": "shop/migrate:1"}],
        "containers": [
            {
                "name": "app", "image": "shop/app:1", "command": ["serve"], "ports": [{"name": "web", "containerPort": 4180}],
                "env": [
                    {"name": "HOME_PAGE", "value": "http://x"}, {"name": "OPENAI_API_KEY", "valueFrom": {"secretKeyRef": {"name": "k", "key": "k"}}},
                    {"name": "PYTHONPATH", "value": "/lib"}, {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "t", "key": "t"}}},
                ],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
            {"name": "proxy", "image": "proxy:1", "ports": [{"containerPort": 4182}]},
        ],
        "volumes": [{"name": "data", "emptyDir": {}}],
    },
}  # fmt: skip


def made(spec: dict[str, Any] | None = None, **changes: Any) -> Injection:
    return injection(agent({**SPEC, **(spec or {})}), "shop", REFERENCES, IMAGES, target_with(**changes))


def target_with(**changes: Any) -> dict[str, Any]:
    target = copy.deepcopy(TARGET)
    target["spec"].update(changes)
    return target


def pod(spec: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return made(spec, **changes).addition.pod_spec(target_with(**changes)["spec"])


def test_what_the_pod_has_stays_and_a_sidecar_is_added() -> None:
    found = pod()
    assert [one["name"] for one in found["initContainers"]] == ["outrider-init", "outrider-sidecar", "migrate"]
    assert next(one["name"] for one in found["volumes"]) == "data"
    assert {name: found[name] for name in ("serviceAccountName", "securityContext")} == {
        name: TARGET["spec"][name] for name in ("serviceAccountName", "securityContext")
    }
    program, proxy = found["containers"]
    assert proxy == TARGET["spec"]["containers"][1]
    assert {name: program[name] for name in ("image", "command", "ports")} == {
        name: TARGET["spec"]["containers"][0][name] for name in ("image", "command", "ports")
    }
    assert [one["mountPath"] for one in program["volumeMounts"]] == ["/data", "/outrider/shared", "/outrider/work"]
    assert injected(found)
    assert not injected(TARGET["spec"])


def test_variables_stay_in_their_order_and_keys_of_providers_are_taken_away() -> None:
    env = pod()["containers"][0]["env"]
    assert [one["name"] for one in env[:4]] == ["HOME_PAGE", "OPENAI_API_KEY", "PYTHONPATH", "TOKEN"]
    by_name = {one["name"]: one for one in env}
    assert len(by_name) == len(env)
    assert "valueFrom" not in by_name["OPENAI_API_KEY"], "what opens the provider is the sidecar's"
    assert by_name["TOKEN"]["valueFrom"] == {"secretKeyRef": {"name": "t", "key": "t"}}
    assert by_name["PYTHONPATH"]["value"] == "/outrider/shared/wrapper/python:/lib"


def test_no_port_of_the_pod_is_taken_and_the_sidecar_is_told_of_its_own() -> None:
    found = made()
    assert (found.told.ports.data, found.told.ports.admin, found.told.ports.tasks) == (4181, 4183, 4184)
    (config_map,) = found.manifests
    told = decode(config_map["data"]["sidecar.json"], SidecarSettings)
    assert (told.listen, told.admin, told.tasks) == ("127.0.0.1:4181", "0.0.0.0:4183", None)
    env = {one["name"]: one.get("value") for one in pod()["containers"][0]["env"]}
    assert env["OPENAI_BASE_URL"] == "http://127.0.0.1:4181/v1"
    settings = [one for one in pod()["volumes"] if one["name"] == f"{PREFIX}settings"]
    assert settings[0]["configMap"]["name"] == config_map["metadata"]["name"]
    assert decode(config_map["data"]["preparation.json"], PreparationSettings).shared_with == "all"


@pytest.mark.parametrize(("user", "expected"), [(1000, None), (None, None), (0, 65532)])
def test_the_sidecar_is_the_user_of_the_pod_and_never_root(user: int | None, expected: int | None) -> None:
    found = pod(securityContext={} if user is None else {"runAsUser": user})
    for container in found["initContainers"][:2]:
        assert container["securityContext"].get("runAsUser") == expected
        assert container["securityContext"]["runAsNonRoot"]
    secret = next(one for one in found["volumes"] if "secret" in one)
    assert secret["secret"]["defaultMode"] == 0o444, "its user may be anybody, and no other container has it"
    assert all("secret" not in one["name"] for each in found["containers"] for one in each.get("volumeMounts", ()))


def test_a_service_for_tasks_is_made_where_the_program_takes_them() -> None:
    found = made({"invocation": {"mode": "http", "port": 4181}})
    assert [one["kind"] for one in found.manifests] == ["ConfigMap", "Service"]
    assert found.manifests[1]["spec"]["ports"][0]["targetPort"] == found.told.ports.tasks == 4185


def test_the_digest_is_that_of_what_is_added() -> None:
    first = made().addition.digest
    assert first == made().addition.digest
    assert first == made(serviceAccountName="else", terminationGracePeriodSeconds=1).addition.digest
    other = copy.deepcopy(TARGET)
    other["spec"]["containers"][0]["image"] = "shop/app:2"
    assert first == injection(agent(SPEC), "shop", REFERENCES, IMAGES, other).addition.digest
    assert (
        first
        != injection(
            agent(SPEC), "shop", REFERENCES, Images(outrider="outrider.dev/outrider:2"), TARGET
        ).addition.digest
    )
    assert first != made({"egress": {"allow": ["api.example.org"]}}).addition.digest
    assert first == made({"llm": {**SPEC["llm"], "limits": {"requestsPerMinute": 3}}}).addition.digest, (
        "a sidecar takes it over"
    )


def test_the_program_is_the_named_container_or_the_default_or_the_first() -> None:
    def program(target: dict[str, Any], ref: dict[str, Any]) -> list[str]:
        found = injection(agent({**SPEC, "targetRef": ref}), "shop", REFERENCES, IMAGES, target).addition.pod_spec(
            target["spec"]
        )["containers"]
        return [one["name"] for one in found if "OUTRIDER_AGENT" in [each["name"] for each in one.get("env", ())]]

    annotated = {**TARGET, "metadata": {"annotations": {"kubectl.kubernetes.io/default-container": "proxy"}}}
    assert program(TARGET, {"name": "shop"}) == ["app"]
    assert program(TARGET, {"name": "shop", "container": "proxy"}) == ["proxy"]
    assert program(annotated, {"name": "shop"}) == ["proxy"]
    with pytest.raises(NotFoundError, match="no container 'ap'"):
        program(TARGET, {"name": "shop", "container": "ap"})


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"hostNetwork": True}, UnsupportedError, "hostNetwork"),
        ({"shareProcessNamespace": True}, UnsupportedError, "shareProcessNamespace"),
        ({"volumes": [{"name": "outrider-work", "emptyDir": {}}]}, InvalidConfigError, "kept for the sidecar"),
        ({"containers": [{"name": "app", "volumeMounts": [{"name": "x", "mountPath": "/outrider/x"}]}]}, InvalidConfigError, "/outrider/x"),
        ({"containers": [{"name": "app", "env": [{"name": "NO_PROXY", "valueFrom": {"fieldRef": {}}}]}]}, UnsupportedError, "NO_PROXY"),
    ],
)  # fmt: skip
def test_what_cannot_have_a_sidecar_is_refused(changes: dict[str, Any], error: type[OutriderError], match: str) -> None:
    with pytest.raises(error, match=match):
        made(None, **changes)


@pytest.mark.parametrize(
    "spec",
    [
        {"scaling": {"replicas": 2}},
        {"size": "small"},
        {"resources": {"cpu": 1}},
        {"memory": [{"name": "notes", "type": "kv"}]},
    ],
)
def test_what_the_deployment_says_itself_is_not_said_again(spec: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError):
        made(spec)


def test_nobody_changes_what_is_added_without_changing_the_template() -> None:
    found = made()
    (config_map,) = found.manifests
    mark = found.addition.digest
    assert config_map["metadata"]["name"] == f"triage-sidecar-{mark[:8]}"
    assert read_addition("triage", mark, config_map["data"]) == found.addition
    data = {ADDITION_FILE: config_map["data"][ADDITION_FILE].replace("outrider.dev/outrider:1", "evil:1")}
    with pytest.raises(InvalidConfigError, match="has been changed"):
        read_addition("triage", mark, data)
    with pytest.raises(InvalidConfigError):
        read_addition("triage", mark, {})
    with pytest.raises(InvalidConfigError):
        read_addition("other", mark, config_map["data"])
