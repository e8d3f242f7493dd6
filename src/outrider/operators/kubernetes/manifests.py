"""Manifests: objects as a caller wants them, from YAML or as they are."""

from typing import Annotated, Any

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError, collected
from outrider.operators.kubernetes.kinds import kind_of_object, target_of_object
from outrider.operators.kubernetes.places import Places
from outrider.operators.kubernetes.shown import Object
from outrider.runtime.documents import read_text

_MOST_OBJECTS = 1000
Manifest = Annotated[str, msgspec.Meta(extra_json_schema={"contentMediaType": "application/yaml"})]
# What others need is made first: definitions of kinds, then namespaces, then identities, settings and rights.
_FIRST = ("customresourcedefinition", "namespace", "serviceaccount", "secret", "configmap", "clusterrole", "role")


class ManifestParams(Places, kw_only=True):
    """Objects that are wanted. One that names no namespace is meant in those of the call.

    Attributes:
        manifest: YAML or JSON, any number of documents; on the command line @FILE, or @- for standard input.
        objects: The same as data.
        force: Take over fields that other managers own.
        override_owner: Change objects although git, a Helm release or a controller declares them, and would set them back.
    """

    manifest: Manifest = ""
    objects: list[dict[str, Any]] = msgspec.field(default_factory=list)
    force: bool = False
    override_owner: bool = False

    def wanted(self) -> list[Object]:
        """Return the objects, those first that others need.

        Raises:
            InvalidConfigError: There are none, or some are no objects of Kubernetes; with every fault.
        """
        found = [*_documents(self.manifest), *(("objects", one) for one in self.objects)]
        if not found or len(found) > _MOST_OBJECTS:
            raise InvalidConfigError(
                "manifest: no object is given" if not found else "manifest: too many objects", path="manifest", found=str(len(found)),
                expected=f"1 to {_MOST_OBJECTS} objects", suggestions=["give YAML: outrider kubernetes apply @deployment.yaml"],
            )  # fmt: skip
        faults = [fault for place, one in found if (fault := _fault(place, one)) is not None]
        faults += _repeated([one for _, one in found] if not faults else [])
        if faults:
            raise collected(faults)
        return sorted((one for _, one in found), key=_rank)

    def targets(self) -> tuple[str, ...]:
        """Return the objects as `KIND/NAME`.

        Raises:
            InvalidConfigError: Some are no objects of Kubernetes.
        """
        return tuple(target_of_object(one) for one in self.wanted())


def _documents(text: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for document in read_text(text, "manifest") if text.strip() else ():
        data = document.data
        if isinstance(data, dict) and data.get("kind") == "List" and isinstance(data.get("items"), list):
            found += ((str(document.position), item) for item in data["items"])
        else:
            found.append((str(document.position), data))
    return found


def _rank(wanted: Object) -> int:
    kind = kind_of_object(wanted["apiVersion"], wanted["kind"])
    return _FIRST.index(kind) if kind in _FIRST else len(_FIRST)


def _fault(place: str, one: Any) -> OutriderError | None:
    metadata = one.get("metadata") if isinstance(one, dict) else None
    if (
        isinstance(metadata, dict)
        and all(isinstance(one.get(field), str) and one[field] for field in ("apiVersion", "kind"))
        and isinstance(metadata.get("name"), str)
        and metadata["name"]
        and isinstance(metadata.get("namespace", ""), str)
    ):
        return None
    lacking = "metadata.generateName" if isinstance(metadata, dict) and metadata.get("generateName") else ""
    return InvalidConfigError(
        f"{place}: no object of Kubernetes", path=lacking or "manifest", source=place if ":" in place else "",
        found=lacking or type(one).__name__, expected="apiVersion, kind and metadata.name",
        suggestions=["give it a name of its own: what has none cannot be planned or applied twice"],
    )  # fmt: skip


def _repeated(objects: list[Object]) -> list[OutriderError]:
    seen: set[tuple[str, str]] = set()
    faults: list[OutriderError] = []
    for one in objects:
        key = (target_of_object(one), str(one["metadata"].get("namespace") or ""))
        if key in seen:
            faults.append(
                InvalidConfigError(f"{key[0]} stands twice", path="manifest", found=key[0], expected="each object once")
            )
        seen.add(key)
    return faults
