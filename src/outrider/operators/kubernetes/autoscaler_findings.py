"""What the conditions of an autoscaler mean, and what to do.

Source: pkg/controller/podautoscaler/horizontal.go of Kubernetes, which sets them; KEDA, "ScaledObject specification".
"""

from collections.abc import Iterator

import msgspec

from outrider.operators.kubernetes.autoscalers import scaled_object_of
from outrider.operators.kubernetes.shown import Object

_READ_TARGET = "look at its target: outrider kubernetes describe {target}"
_ADAPTER = "look whether an adapter serves {group}: outrider kubernetes list apiservices"
# What a reason means, and what to do.
_EXPLAINED = {
    "FailedGetScale": ("its target cannot be read", _READ_TARGET),
    "FailedUpdateScale": ("the replicas of its target cannot be set", _READ_TARGET),
    "InvalidSelector": ("its target does not say which pods are its own", _READ_TARGET),
    "AmbiguousSelector": ("the pods belong to several autoscalers", "delete all but one of them"),
    "InvalidMetricSourceType": ("one of its metrics is of no known type", "correct spec.metrics"),
    "ScalingDisabled": ("its target has 0 replicas, and it leaves it so", "outrider kubernetes scale {target} 1"),
    "FailedGetResourceMetric": ("usage cannot be read", ""),
    "FailedGetContainerResourceMetric": ("usage cannot be read", ""),
    "FailedGetPodsMetric": ("a metric of its pods cannot be read", _ADAPTER.format(group="custom.metrics.k8s.io")),
    "FailedGetObjectMetric": ("a metric cannot be read", _ADAPTER.format(group="custom.metrics.k8s.io")),
    "FailedGetExternalMetric": ("a metric cannot be read", _ADAPTER.format(group="external.metrics.k8s.io")),
    "TooManyReplicas": (
        "the metrics want more pods than max_replicas",
        "raise it if the pods are short: outrider kubernetes autoscale {target}",
    ),
    "TooFewReplicas": ("the metrics want fewer pods than min_replicas", "lower it to save them"),
    "ScaleUpLimit": ("it goes up no faster than its policies allow", "give it others: behavior"),
    "ScaleDownLimit": ("it goes down no faster than its policies allow", "give it others: behavior"),
    "ScaleUpStabilized": ("it waits whether the rise lasts", "shorten scale_up_window if that is too long"),
    "ScaleDownStabilized": ("it waits whether the fall lasts", "shorten scale_down_window if that is too long"),
}
# Why usage cannot be read, by what the message has of it.
_USAGE = (
    ("missing request for", "a container has no request: outrider kubernetes set_resources {target}"),
    ("could not find the requested resource", "install metrics-server, which serves metrics.k8s.io"),
    ("currently unable to handle the request", "metrics-server does not answer: outrider kubernetes list apiservices"),
    ("no metrics returned", "wait until its pods have been measured"),
    ("did not receive metrics", "wait until its pods are ready and have been measured"),
)
_ELSE = "look at its events: outrider kubernetes describe {name}"
_BY_STATUS = {"AbleToScale": "False", "ScalingActive": "False", "ScalingLimited": "True"}


class Finding(msgspec.Struct, kw_only=True):
    """Why an autoscaler does not, or does no more, and what to do.

    Attributes:
        condition: Of the autoscaler.
        reason: Of the condition, in one word.
        message: What the controller says.
    """

    cluster: str
    namespace: str
    name: str
    condition: str
    reason: str
    meaning: str
    remedy: str
    message: str


def findings_of(autoscaler: Object, target: str, cluster: str) -> Iterator[Finding]:
    """Yield what keeps a HorizontalPodAutoscaler from scaling, or limits it.

    Args:
        autoscaler: As the cluster has it.
        target: What it scales, as `KIND/NAME`.
        cluster: Where it is.
    """
    metadata = autoscaler["metadata"]
    for condition in (autoscaler.get("status") or {}).get("conditions") or ():
        kind, reason, message = (str(condition.get(field) or "") for field in ("type", "reason", "message"))
        if condition.get("status") != _BY_STATUS.get(kind) and not reason.endswith("Stabilized"):
            continue
        meaning, remedy = _EXPLAINED.get(reason, (message, _ELSE))
        if reason == "ScalingDisabled" and (scaled := scaled_object_of(autoscaler)):
            meaning, remedy = f"ScaledObject {scaled} has no work for its target, which has 0 replicas", ""
        elif not remedy:
            remedy = next((remedy for words, remedy in _USAGE if words in message), _ELSE)
        yield Finding(
            cluster=cluster, namespace=metadata["namespace"], name=metadata["name"], condition=kind, reason=reason, meaning=meaning,
            remedy=remedy.format(target=target, name=f"horizontalpodautoscaler/{metadata['name']}"), message=message,
        )  # fmt: skip


def findings_of_scaled_object(scaled: Object, cluster: str) -> Iterator[Finding]:
    """Yield what keeps a ScaledObject from scaling."""
    metadata = scaled["metadata"]
    remedies = {
        ("Ready", "False"): ("KEDA cannot work with it", "correct what the message names"),
        ("Fallback", "True"): ("its triggers cannot be read: it keeps the replicas of spec.fallback", _ELSE),
        ("Paused", "True"): ("it is paused", "remove the annotation autoscaling.keda.sh/paused or paused-replicas"),
    }
    for condition in (scaled.get("status") or {}).get("conditions") or ():
        kind = str(condition.get("type"))
        if found := remedies.get((kind, str(condition.get("status")))):
            yield Finding(
                cluster=cluster, namespace=metadata["namespace"], name=metadata["name"], condition=kind,
                reason=str(condition.get("reason") or ""), meaning=found[0],
                remedy=found[1].format(name=f"scaledobject.keda.sh/{metadata['name']}"), message=str(condition.get("message") or ""),
            )  # fmt: skip
