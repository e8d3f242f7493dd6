"""The envelope of everything a user declares: `apiVersion`, `kind`, `metadata`, `spec`."""

from typing import Annotated, Any

import msgspec

from outrider.core.codec import to_builtins

API_VERSION = "outrider.dev/v1alpha1"
NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
DEFAULT_TENANT = "default"

Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN, examples=["web-1"])]


class Metadata(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Name and labels of an object; `uid` and `generation` are set by the store."""

    name: Name
    tenant: Name = DEFAULT_TENANT
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    uid: str = ""
    generation: int = 0


class Envelope(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An object whose spec has not been read yet."""

    api_version: str = API_VERSION
    kind: str
    metadata: Metadata
    spec: dict[str, Any] = {}


class Object(msgspec.Struct, kw_only=True, rename="camel"):
    """An object whose spec is the model of its kind.

    `source` is `file:line:column` of the document that declared it, empty when it came over the wire.
    """

    kind: str
    metadata: Metadata
    spec: Any
    api_version: str = API_VERSION
    source: str = ""

    @property
    def name(self) -> str:
        """The object's name, unique per tenant and kind."""
        return self.metadata.name

    @property
    def ref(self) -> str:
        """`Kind/name`, as messages name it."""
        return f"{self.kind}/{self.name}"

    def document(self) -> dict[str, Any]:
        """Return what a person would write to declare it, as plain data; what the store adds is left out."""
        metadata = {
            "name": self.name,
            "labels": dict(self.metadata.labels),
            "annotations": dict(self.metadata.annotations),
        }
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": metadata,
            "spec": to_builtins(self.spec),
        }
