"""Objects of a kind in its several versions (apiextensions.k8s.io/v1 ConversionReview).

One version is the hub, the one that is stored; each other one is converted to it and from it. What a version cannot say is kept in
an annotation when an object is converted to it, and comes back with it, also where somebody has changed the rest meanwhile:

    hub --down--> old + annotation(hub)            so    hub -> old -> hub    loses nothing,
    old' + annotation(hub) --up--> up(old') with all that hub had besides up(down(hub))
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import msgspec

from outrider.core.codec import decode_plain, encode
from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError

Document = dict[str, Any]
# What of an object is its own; the rest is metadata, of which only labels and annotations may change.
_HEAD = ("apiVersion", "kind", "metadata")
_ABSENT = object()


class Conversion(msgspec.Struct, frozen=True):
    """How a version is converted; both functions get the object without its metadata and must not change it.

    Attributes:
        version: Such as v1alpha1.
        up: To the hub.
        down: From the hub.
    """

    version: str
    up: Callable[[Document], Document]
    down: Callable[[Document], Document]


class Conversions:
    """The versions of a kind.

    Args:
        group: API group.
        kind: As objects name it.
        hub: The version that is stored.
        others: Every other one.
    """

    def __init__(self, group: str, kind: str, hub: str, others: Sequence[Conversion]) -> None:
        self.group, self.kind, self.hub = group, kind, hub
        self._others = {one.version: one for one in others}
        self._annotation = f"{group}/kept-{hub}"

    def convert(self, item: Document, version: str) -> Document:
        """Return an object in another version.

        Args:
            item: It, in any.
            version: The one that is wanted.

        Raises:
            NotFoundError: There is no such version.
            InvalidConfigError: It is of another kind, or cannot be converted.
        """
        group, _, found = str(item.get("apiVersion", "")).rpartition("/")
        if (group, item.get("kind")) != (self.group, self.kind):
            raise InvalidConfigError(
                "an object of another kind", found=f"{item.get('apiVersion')} {item.get('kind')}", expected=f"{self.group} {self.kind}",
            )  # fmt: skip
        if found == version:
            return item
        made = self._up(item, found)
        return self._down(made, version)

    def _up(self, item: Document, version: str) -> Document:
        """Return an object as the hub has it."""
        if version == self.hub:
            return item
        conversion, (body, annotations) = self._of(version), self._parts(item)
        kept = annotations.pop(self._annotation, "")
        made = conversion.up(deepcopy(body))
        if kept:
            before = _read(kept)
            # What the version said then, as the hub has it: the difference is what it could not say.
            said = conversion.up(conversion.down(deepcopy(before)))
            made = _joined(said, before, made)
        return self._whole(item, self.hub, made, annotations)

    def _down(self, item: Document, version: str) -> Document:
        """Return an object of the hub in a version."""
        if version == self.hub:
            return item
        conversion, (body, annotations) = self._of(version), self._parts(item)
        made = conversion.down(deepcopy(body))
        if conversion.up(deepcopy(made)) != body:
            annotations[self._annotation] = encode(body).decode()
        return self._whole(item, version, made, annotations)

    def _of(self, version: str) -> Conversion:
        found = self._others.get(version)
        if found is None:
            raise NotFoundError(
                f"{self.kind} has no version '{version}'", found=version, expected=", ".join([self.hub, *self._others]),
            )  # fmt: skip
        return found

    def _parts(self, item: Document) -> tuple[Document, dict[str, str]]:
        body = {name: value for name, value in item.items() if name not in _HEAD}
        return body, dict((item.get("metadata") or {}).get("annotations") or {})

    def _whole(self, item: Document, version: str, body: Document, annotations: dict[str, str]) -> Document:
        metadata = {name: value for name, value in (item.get("metadata") or {}).items() if name != "annotations"}
        if annotations:
            metadata["annotations"] = annotations
        return {"apiVersion": f"{self.group}/{version}", "kind": self.kind, "metadata": metadata, **body}


class ConversionRequest(msgspec.Struct, rename="camel"):
    """What is asked."""

    uid: str
    desired_api_version: str = msgspec.field(name="desiredAPIVersion")
    objects: list[dict[str, Any]] = []


class ConversionReview(msgspec.Struct, rename="camel"):
    """A question of the API server."""

    request: ConversionRequest
    api_version: str = "apiextensions.k8s.io/v1"
    kind: str = "ConversionReview"


def answer(asked: ConversionRequest, kinds: Mapping[tuple[str, str], Conversions]) -> Document:
    """Return the answer to a question: all objects, or why one of them cannot be converted.

    Args:
        asked: The question.
        kinds: The kinds that have several versions, by group and kind.
    """
    group, _, version = asked.desired_api_version.rpartition("/")
    response: Document
    try:
        converted = []
        for item in asked.objects:
            conversions = kinds.get((group, str(item.get("kind"))))
            if conversions is None:
                raise NotFoundError("a kind that is not converted here", found=f"{group} {item.get('kind')}")
            converted.append(conversions.convert(item, version))
        response = {"uid": asked.uid, "result": {"status": "Success"}, "convertedObjects": converted}
    except OutriderError as error:
        response = {"uid": asked.uid, "result": {"status": "Failure", "message": error.message}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": response}


def _read(text: str) -> Document:
    found = decode_plain(text.encode())
    if not isinstance(found, dict):
        raise InvalidConfigError("what was kept of another version is no object", found=text[:80], expected="a mapping")
    return found


def _joined(said: Any, before: Any, now: Any) -> Any:
    """Return what is wanted now with what could not be said: where `before` had something else than was said of it.

    Maps are joined field by field. All else is one value, which counts as it was before as long as nobody has said it anew.
    """
    if isinstance(before, dict) and isinstance(now, dict):
        earlier = said if isinstance(said, dict) else {}
        made = {}
        for name in [*now, *(one for one in before if one not in now)]:
            value = _joined(earlier.get(name, _ABSENT), before.get(name, _ABSENT), now.get(name, _ABSENT))
            if value is not _ABSENT:
                made[name] = value
        return made
    return before if now == said else now
