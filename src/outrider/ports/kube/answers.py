"""What requests to an API server give, and what they need to be allowed."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from outrider.ports.kube.objects import UNREADABLE, KubeObject

Object = dict[str, Any]
_OBJECTS = msgspec.json.Decoder(KubeObject)


class Written(msgspec.Struct, frozen=True):
    """What came of a write.

    Attributes:
        object: As the server has it now.
        created: Whether it was not there before.
        warnings: What the server remarks.
    """

    object: Object
    created: bool
    warnings: list[str]


class Access(msgspec.Struct, frozen=True):
    """What a request needs to be allowed (rbac.authorization.k8s.io)."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


class Page(msgspec.Struct):
    """A part of a list."""

    class Metadata(msgspec.Struct, rename="camel"):
        """What is said of the list."""

        resource_version: str = ""
        rest: str = msgspec.field(name="continue", default="")

    metadata: Metadata
    items: list[msgspec.Raw] | None = None

    def objects(self) -> Iterator[KubeObject]:
        """Yield the objects, without those that are nested too deeply to be read."""
        for item in self.items or ():
            with suppress(*UNREADABLE):
                yield _OBJECTS.decode(item).kept()


class Snapshot(msgspec.Struct, frozen=True):
    """How the objects of a kind were at once.

    Attributes:
        version: From which a watch goes on.
    """

    objects: list[Object]
    version: str


class PlainPage(msgspec.Struct):
    """A part of a list, read as a whole."""

    metadata: Page.Metadata
    items: list[Object] | None = None
