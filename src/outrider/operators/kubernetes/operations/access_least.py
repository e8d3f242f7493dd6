"""The least rights that recorded calls need, as Roles and bindings."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from outrider.operators.kubernetes.bindings import bind
from outrider.operators.kubernetes.recordings import Recording, read_recording
from outrider.operators.kubernetes.rules import Rule, allows, merged, write_rule
from outrider.operators.kubernetes.subjects import RBAC, Subject, SubjectWord, subject_of, subject_word
from outrider.ports.kube.answers import Access, Object
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class AccessLeastParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose calls, and where they are recorded.

    Attributes:
        subject: user/NAME, group/NAME or serviceaccount/NAMESPACE/NAME.
        recording: The audit log of an API server, as JSON lines; on the command line @FILE, or @- for standard input.
        name: Of the Roles; the name of the subject if empty.
        most_names: Up to how many objects of a kind a rule names one by one; for more of them it is for all objects. 0 for never by name.
        refused: Whether the rights that calls lacked belong to it.
    """

    subject: SubjectWord
    recording: Recording
    name: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9.:-]{0,200})?(?!\n)$")] = ""
    most_names: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 10
    refused: bool = False

    def __post_init__(self) -> None:
        """Bring the subject into its one form.

        Raises:
            InvalidConfigError: It is none.
        """
        self.subject = subject_word(self.subject)


class NeededRule(msgspec.Struct, kw_only=True):
    """A rule.

    Attributes:
        namespace: Where; `*` for everywhere.
    """

    namespace: str
    rule: str


class AccessLeastResult(msgspec.Struct, kw_only=True, rename={"api_version": "apiVersion"}):
    """The rights; as YAML or JSON it is a List of Kubernetes, which apply takes.

    Attributes:
        items: Roles and bindings.
        rules: What they grant, for reading.
        left_out: What was recorded and is not granted, and why.
    """

    api_version: str = "v1"
    kind: str = "List"
    left_out: str
    rules: list[NeededRule]
    items: list[dict[str, Any]]


async def run(params: AccessLeastParams, _: Context) -> AccessLeastResult:
    """Work them out.

    Raises:
        InvalidConfigError: A line of the recording is none.
        NotFoundError: The subject did nothing.
    """
    subject = subject_of(params.subject)
    recorded = read_recording(params.recording, subject)
    wanted = recorded.calls | (recorded.refused if params.refused else set())
    scopes = least(wanted, most_names=params.most_names)
    name = params.name or re.sub(r"[^A-Za-z0-9.:-]+", "-", subject.name).strip("-.:")[:200] or "least"
    left_out = []
    if recorded.common:
        left_out.append(f"calls that every authenticated user may make: {recorded.common}")
    if recorded.refused and not params.refused:
        left_out.append(f"what was refused: {len(recorded.refused)}")
    return AccessLeastResult(
        left_out="; ".join(left_out),
        rules=[NeededRule(namespace=where or "*", rule=rule.text) for where, rules in scopes.items() for rule in rules],
        items=[one for where, rules in scopes.items() for one in _manifests(name, where, rules, subject)],
    )


def least(accesses: Iterable[Access], *, most_names: int) -> dict[str, list[Rule]]:
    """Return the fewest rules that allow calls, by namespace; those without one come first, under the empty name."""
    scopes: defaultdict[str, list[Access]] = defaultdict(list)
    for access in accesses:
        scopes[access.namespace].append(access)
    everywhere = merged(scopes.pop("", ()), most_names=most_names)
    found = {"": everywhere} if everywhere else {}
    for namespace in sorted(scopes):
        lacking = [one for one in scopes[namespace] if not any(allows(rule, one) for rule in everywhere)]
        if lacking:
            found[namespace] = merged(lacking, most_names=most_names)
    return found


def _manifests(name: str, namespace: str, rules: list[Rule], subject: Subject) -> list[Object]:
    kind = "Role" if namespace else "ClusterRole"
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    role = {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": metadata,
        "rules": [write_rule(rule) for rule in rules],
    }
    return [role, bind(name, namespace, f"{kind.lower()}/{name}", [subject])]


OPERATION = Implementation(
    params=AccessLeastParams, result=AccessLeastResult, run=run, target=lambda params: params.subject
)
