"""Objects of Kubernetes as a cache holds them: metadata are read, all else stays as it came until somebody needs it.

managedFields, which are most of many objects, are named by no field here and so not kept.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from outrider.core.codec import decode, decode_plain

T = TypeVar("T")
EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
# At the bookmark that ends what was there before a watch began (KEP-3157).
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class OwnerReference(msgspec.Struct, rename="camel", gc=False):
    """Who owns an object."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False


class Metadata(msgspec.Struct, rename="camel", gc=False):
    """What every object has.

    Attributes:
        resource_version: Opaque: two are the same or are not.
        generation: Counts the changes of its spec, where it has one.
        deletion_timestamp: When somebody wanted it away; it stays as long as it has finalizers.
    """

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: list[str] = []
    deletion_timestamp: str = ""
    owner_references: list[OwnerReference] = []


class KubeObject(msgspec.Struct, rename="camel", gc=False):
    """An object; `spec`, `status` and `data` are JSON as it came, empty where there is none."""

    api_version: str = ""
    kind: str = ""
    metadata: Metadata = msgspec.field(default_factory=Metadata)
    spec: msgspec.Raw = msgspec.Raw()
    status: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()

    @property
    def key(self) -> str:
        """`NAMESPACE/NAME`, or the name alone where it has no namespace."""
        metadata = self.metadata
        return f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name

    @property
    def identity(self) -> dict[str, str]:
        """The metadata of a request that means this very object, and none that has its name by then."""
        metadata = self.metadata
        return {"name": metadata.name, "namespace": metadata.namespace, "uid": metadata.uid}

    def kept(self) -> "KubeObject":
        """Return the object cut loose from the line that it was read from, which would stay in memory as a whole."""
        self.spec, self.status, self.data = self.spec.copy(), self.status.copy(), self.data.copy()
        return self


def plain(raw: msgspec.Raw) -> dict[str, Any]:
    """Return what a part of an object says; nothing where it is not there.

    Raises:
        InvalidConfigError: It is no JSON.
    """
    found = decode_plain(bytes(raw)) if raw else {}
    return found if isinstance(found, dict) else {}


def part(raw: msgspec.Raw, model: type[T]) -> T:
    """Return what a model names of a part of an object, without a look at the rest; its defaults where the part is not there.

    Raises:
        InvalidConfigError: It is no JSON, or not as the model has it.
    """
    return decode(bytes(raw) or b"{}", model)


def read_object(content: Mapping[str, Any]) -> KubeObject:
    """Return an object, as a request brought it, in the form that caches have."""
    return msgspec.json.decode(msgspec.json.encode(content), type=KubeObject)


class WatchEvent(msgspec.Struct, gc=False):
    """A line of a watch."""

    type: EventType
    object: KubeObject


_EVENTS = msgspec.json.Decoder(WatchEvent)


# What reading may raise: an object that is nested deeper than Python goes is somebody's, and must not end whoever follows.
UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeError)


def read_event(line: bytes) -> WatchEvent:
    """Read a line of a watch.

    Raises:
        UNREADABLE: It is none, or nested too deeply.
    """
    return _EVENTS.decode(line)
