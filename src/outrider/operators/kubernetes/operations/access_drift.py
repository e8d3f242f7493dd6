"""What a subject is granted beside what it used, or beside what a manifest wants for it."""

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.kubernetes.drifts import Excess, Lack, beyond, lacks, rights_of, unused
from outrider.operators.kubernetes.grants import Grant, Grants, check_rbac, read_grants, read_roles
from outrider.operators.kubernetes.manifests import Manifest, ManifestParams
from outrider.operators.kubernetes.places import ALL, ClusterName, Place, Places, places
from outrider.operators.kubernetes.recordings import Recording, read_recording
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.subjects import (
    Identity,
    Subject,
    SubjectWord,
    identity_of,
    subject_of,
    subject_word,
)
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class AccessDriftParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose rights, and what they are compared with: a recording or a manifest.

    Attributes:
        cluster: Context of the kubeconfig; the current one if empty.
        subject: user/NAME, group/NAME or serviceaccount/NAMESPACE/NAME.
        recording: What it did: the audit log of an API server, as JSON lines; on the command line @FILE, or @- for standard input.
        manifest: What it is to have: Roles and bindings as YAML; on the command line @FILE, or @-.
        groups: Groups that a user is in, which the cluster cannot know; other than those that it gives itself.
    """

    cluster: ClusterName = ""
    subject: SubjectWord
    recording: Recording = ""
    manifest: Manifest = ""
    groups: list[str] = []

    def __post_init__(self) -> None:
        """Bring the subject into its one form.

        Raises:
            InvalidConfigError: It is none, or there is nothing to compare with, or too much.
        """
        self.subject = subject_word(self.subject)
        if bool(self.recording.strip()) == bool(self.manifest.strip()):
            raise InvalidConfigError(
                "either a recording or a manifest is wanted", path="recording", found="both" if self.manifest else "neither",
                expected="one of them", suggestions=["--recording @audit.jsonl", "--manifest @roles.yaml"],
            )  # fmt: skip


class AccessDriftResult(msgspec.Struct, kw_only=True):
    """How they differ; what other authorizers than RBAC allow is not seen.

    Attributes:
        excess: Granted and not needed. Grants to groups of the cluster itself, such as system:authenticated, are not counted here.
        missing: Needed and not granted.
    """

    cluster: str
    subject: str
    excess: list[Excess]
    missing: list[Lack]


async def run(params: AccessDriftParams, context: Context) -> AccessDriftResult:
    """Compare.

    Raises:
        InvalidConfigError: Recording or manifest cannot be read.
        NotFoundError: The recording has no call of the subject.
        DeniedError: The caller may not read roles and bindings.
    """
    async with places(Places(cluster=params.cluster, namespace=ALL), context, every=True) as here:
        place = here[0]
        subject = subject_of(params.subject)
        identity = identity_of(subject, params.groups)
        has = (await read_grants(place)).of(identity)
        own = _own(has, subject)
        if params.recording:
            recorded = read_recording(params.recording, subject)
            needed = recorded.calls | recorded.refused
            excess, missing = unused(own, needed), lacks(has, needed)
        else:
            wanted = await _wanted(params, place, identity)
            excess, missing = beyond(own, wanted), lacks(has, rights_of(wanted))
    return AccessDriftResult(cluster=place.cluster.name, subject=params.subject, excess=excess, missing=missing)


def _own(grants: list[Grant], subject: Subject) -> list[Grant]:
    """Return the grants that are a matter of the subject, not of every account or user."""
    return [
        one for one in grants
        if one.subject == subject or not (one.subject.kind == "Group" and one.subject.name.startswith("system:"))
    ]  # fmt: skip


async def _wanted(params: AccessDriftParams, place: Place, identity: Identity) -> list[Grant]:
    """Return what the bindings of a manifest grant, by its own roles and those of the cluster.

    Raises:
        NotFoundError: It has no binding of the subject.
    """
    objects = [_placed(one, place.cluster.namespace) for one in ManifestParams(manifest=params.manifest).wanted()]
    check_rbac(objects)
    found = Grants([*objects, *await read_roles(place)]).of(identity)
    if not found:
        raise NotFoundError(
            f"manifest: no binding grants {params.subject} a rule", path="manifest", found="none",
            expected=f"a RoleBinding or ClusterRoleBinding of {params.subject}, and its role",
        )  # fmt: skip
    return found


def _placed(one: Object, namespace: str) -> Object:
    """Return an object with the namespace that apply would put it into."""
    if one["kind"] not in ("Role", "RoleBinding"):
        return one
    metadata = one["metadata"]
    return {**one, "metadata": {**metadata, "namespace": metadata.get("namespace") or namespace}}


OPERATION = Implementation(
    params=AccessDriftParams, result=AccessDriftResult, run=run, target=lambda params: params.subject
)
