"""The record that Helm keeps of each revision of a release: JSON, compressed, in a Secret (Helm "Storage backends").

Only what is needed of it has a field here. Where a record is written again, it is the JSON as it was, with a few fields changed.
"""

import base64
import binascii
import gzip
import zlib
from typing import Any

import msgspec
import yaml

from outrider.core.codec import decode, encode
from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.kubeconfig import TextLoader

RECORD_TYPE = "helm.sh/release.v1"
_GZIP = b"\x1f\x8b\x08"
_MOST_BYTES = 64 * 1024 * 1024


class ChartMetadata(msgspec.Struct, rename="camel"):
    """Which chart, and what it installs."""

    name: str = ""
    version: str = ""
    app_version: str = ""
    deprecated: bool = False


class Chart(msgspec.Struct):
    """The chart of a revision."""

    metadata: ChartMetadata | None = None


class Info(msgspec.Struct):
    """How a revision fared."""

    first_deployed: str = ""
    last_deployed: str = ""
    description: str = ""
    status: str = "unknown"
    notes: str = ""


class Hook(msgspec.Struct):
    """An object that is made at a moment of a change, such as a Job before an upgrade."""

    name: str = ""
    kind: str = ""
    events: list[str] | None = None


class Record(msgspec.Struct):
    """A revision of a release; what `helm --dry-run -o json` prints is the same.

    Attributes:
        version: Its revision.
        config: The values that were given.
        manifest: Its objects, as YAML.
        apply_method: `ssa` where objects are applied by the server; else they are patched.
    """

    name: str = ""
    namespace: str = ""
    version: int = 0
    info: Info = msgspec.field(default_factory=Info)
    chart: Chart | None = None
    config: dict[str, Any] | None = None
    manifest: str = ""
    hooks: list[Hook] | None = None
    apply_method: str = ""

    @property
    def metadata(self) -> ChartMetadata:
        """Of its chart."""
        return (self.chart and self.chart.metadata) or ChartMetadata()

    @property
    def chart_title(self) -> str:
        """`NAME-VERSION` of its chart, as `helm list` shows it."""
        return "-".join(filter(None, (self.metadata.name, self.metadata.version)))

    def hooks_of(self, *events: str) -> list[str]:
        """Return the hooks that run at one of these moments, as `EVENT KIND/NAME`."""
        return [
            f"{event} {hook.kind.lower()}/{hook.name}"
            for event in events
            for hook in self.hooks or ()
            if event in (hook.events or ())
        ]


def record_json(secret: Object) -> bytes:
    """Return the JSON of the record in a Secret.

    Raises:
        UnsupportedError: There is none.
    """
    name = secret["metadata"]["name"]
    try:
        # Once by the API, once by Helm.
        data = base64.b64decode(base64.b64decode((secret.get("data") or {})["release"], validate=True), validate=True)
        if data.startswith(_GZIP):
            reader = zlib.decompressobj(wbits=31)
            data = reader.decompress(data, _MOST_BYTES)
            if not reader.eof:
                raise ValueError("cut off, or too large")
    except (KeyError, ValueError, binascii.Error, zlib.error) as error:
        raise _unreadable(name, "no data" if isinstance(error, KeyError) else str(error)) from error
    return data


def read_record(secret: Object) -> Record:
    """Return the record in a Secret.

    Raises:
        UnsupportedError: It cannot be read.
    """
    return decode_record(record_json(secret), secret["metadata"]["name"])


def decode_record(text: bytes | str, name: str) -> Record:
    """Return a record from its JSON.

    Raises:
        UnsupportedError: It is none.
    """
    try:
        return decode(text, Record)
    except InvalidConfigError as error:
        raise _unreadable(name, error.message) from error


def record_data(content: Object) -> dict[str, str]:
    """Return the data of a Secret for the content of a record."""
    packed = base64.b64encode(gzip.compress(encode(content), mtime=0))
    return {"release": base64.b64encode(packed).decode()}


def objects_of(manifest: str) -> list[Object]:
    """Return the objects of a manifest as Helm stores it, in its order.

    Raises:
        UnsupportedError: It is no manifest.
    """
    try:
        documents = list(yaml.load_all(manifest, Loader=TextLoader))
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "no YAML"
        raise UnsupportedError(f"the manifest of the release cannot be read: {problem}", found=problem) from None
    found: list[Object] = []
    for document in documents:
        if isinstance(document, dict) and str(document.get("kind")).endswith("List") and "items" in document:
            found += document["items"] or ()
        elif document:
            found.append(document)
    for one in found:
        _check(one)
    return found


def _check(one: Any) -> None:
    """Refuse what is no object; one whose name the server makes is called by the beginning of it."""
    metadata = one.get("metadata") if isinstance(one, dict) else None
    if isinstance(metadata, dict):
        metadata.setdefault("name", metadata.get("generateName"))
        if all(isinstance(part, str) for part in (one.get("apiVersion"), one.get("kind"), metadata["name"])):
            return
    raise UnsupportedError(
        "the manifest of the release has something that is no object of Kubernetes", found=str(one)[:80],
        expected="apiVersion, kind and metadata.name",
    )  # fmt: skip


def _unreadable(name: str, why: str) -> UnsupportedError:
    return UnsupportedError(
        f"the record of the release in Secret {name} cannot be read: {why}", found=why, expected="gzip of JSON (helm.sh/release.v1)",
        suggestions=["a revision that can be read: outrider kubernetes helm_history"],
    )  # fmt: skip
