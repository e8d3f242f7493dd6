"""Pods that are to be given a sidecar, as the API server asks about them (admission.k8s.io/v1 AdmissionReview)."""

from base64 import b64encode
from typing import Any, Literal

import msgspec

from outrider.core.codec import encode
from outrider.core.errors import NotFoundError, OutriderError
from outrider.kinds.agenttype.injection import INJECT, INJECTED, Addition, injected, read_addition
from outrider.kinds.agenttype.manifests import LABEL
from outrider.kinds.agenttype.pod_settings import settings_name
from outrider.ports.kube.cache import ObjectCache
from outrider.ports.kube.objects import plain

API_VERSION = "admission.k8s.io/v1"


class AdmissionRequest(msgspec.Struct, rename="camel"):
    """What is asked, as far as it counts here."""

    uid: str
    namespace: str = ""
    object: dict[str, Any] = {}


class AdmissionReview(msgspec.Struct, rename="camel"):
    """A question of the API server."""

    api_version: Literal["admission.k8s.io/v1"]
    kind: Literal["AdmissionReview"]
    request: AdmissionRequest


class PodAdmission:
    """Gives sidecars to pods. It writes nothing and asks nobody, so that every replica answers.

    Args:
        config_maps: Those of AgentTypes.
    """

    def __init__(self, config_maps: ObjectCache) -> None:
        self._config_maps = config_maps

    def review(self, asked: AdmissionRequest) -> dict[str, Any]:
        """Return the answer: what is added to the pod, or why it is not made."""
        metadata, spec = asked.object.get("metadata") or {}, asked.object.get("spec") or {}
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        agent, mark = labels.get(LABEL, ""), annotations.get(INJECTED, "")
        if not agent or injected(spec):
            return _answer(asked, {"allowed": True})
        try:
            made = self._addition(asked.namespace, agent, mark).pod_spec(spec)
        except OutriderError as error:
            said = f"AgentType {asked.namespace}/{agent}: {error.message}" + (f" · {error.hint}" if error.hint else "")
            if labels.get(INJECT) == "start":
                return _answer(asked, {"allowed": True, "warnings": [f"without its sidecar, as {said}"]})
            return _answer(asked, {"allowed": False, "status": {"code": 403, "reason": "Forbidden", "message": said}})
        changes = [
            {"op": "add", "path": f"/spec/{part}", "value": made[part]}
            for part in ("initContainers", "containers", "volumes")
        ]
        patch = b64encode(encode(changes)).decode()
        return _answer(asked, {"allowed": True, "patchType": "JSONPatch", "patch": patch})

    def _addition(self, namespace: str, agent: str, mark: str) -> Addition:
        name = settings_name(agent, mark)
        found = self._config_maps.get(f"{namespace}/{name}") if mark else None
        if found is None:
            raise NotFoundError(
                "what its pods are given is not written yet; this is tried again" if mark else "its pods are not marked yet; this is tried again",
                found=mark or f"no annotation {INJECTED}", expected=f"ConfigMap {name}" if mark else "a mark",
                suggestions=[f"kubectl get agenttype {agent} -n {namespace}"],
            )  # fmt: skip
        return read_addition(agent, mark, plain(found.data))


def _answer(asked: AdmissionRequest, response: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": {"uid": asked.uid, **response}}
