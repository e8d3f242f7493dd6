"""plugin.yaml: what a plugin is, what it may do, and what it takes."""

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.events import OnLost
from outrider.core.objects import Name
from outrider.core.quantities import Duration, Size, duration, size
from outrider.core.schema import convert
from outrider.core.source import SourceMap
from outrider.runtime.documents import read_bytes, read_text

FILE_NAME = "plugin.yaml"
_FIELD = re.compile(r"\{(\w+)\}")
PROTOCOL = 1
PluginType = Literal["trigger", "action", "output", "tool"]


def _nothing() -> dict[str, Any]:
    """Return the schema of a mapping without fields."""
    return {"type": "object", "additionalProperties": False}


class Runtime(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the plugin is started.

    Attributes:
        entry_point: A file of its folder.
        requirements: Names of Python distributions that it imports; they are installed where Outrider is.
    """

    type: Literal["python", "nodejs", "sh", "executable"]
    entry_point: str
    requirements: list[Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]] = []

    def __post_init__(self) -> None:
        if self.requirements and self.type != "python":
            raise InvalidConfigError(
                "requirements are those of a plugin in Python", path="requirements", found=f"type: {self.type}",
                expected="type: python", suggestions=["remove requirements"],
            )  # fmt: skip


class PluginLimits(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the plugin's host process; `cpu` is a share of one core."""

    memory: Size = size("64MB")
    cpu: Annotated[float, msgspec.Meta(gt=0, le=64)] = 1.0
    processes: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 16
    file_size: Size = size("64MB")
    execution_time: Duration = duration("60s")


class Network(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Fields of the configuration that name what the plugin may connect to (a URL or host:port) and listen on."""

    connect: list[str] = []
    listen: list[str] = []


class Filesystem(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Fields of the configuration whose paths the plugin may read or write; the folder of a file is meant with it."""

    read: list[str] = []
    write: list[str] = []


class Permissions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the plugin may do; an empty list allows nothing. `operations` are those it may ask its agent for."""

    network: Network = msgspec.field(default_factory=Network)
    filesystem: Filesystem = msgspec.field(default_factory=Filesystem)
    operations: list[str] = []


class PluginManifest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The content of plugin.yaml.

    Attributes:
        configuration: JSON Schema (2020-12) of `config`.
        input: JSON Schema of an action's `with`, or of a tool's arguments.
        output: JSON Schema of a tool's result.
        read_only: Whether a tool only reads; one that does not say so may change something.
        target: What an execution acts on, for policies, with fields of the input in braces: `service/{service}`.
        idempotent: Whether running it again after an unknown outcome is harmless.
        on_lost: What follows when the agent vanished while it ran; a rule can say otherwise.
        concurrency: Executions that one host may run at the same time.
    """

    id: Name
    type: PluginType
    version: str
    summary: str
    runtime: Runtime
    protocol: Literal[1] = 1
    license: str = "Apache-2.0"
    configuration: dict[str, Any] = msgspec.field(default_factory=_nothing)
    input: dict[str, Any] = msgspec.field(default_factory=_nothing)
    output: dict[str, Any] | None = None
    read_only: bool = False
    target: str = ""
    limits: PluginLimits = msgspec.field(default_factory=PluginLimits)
    permissions: Permissions = msgspec.field(default_factory=Permissions)
    idempotent: bool = False
    on_lost: OnLost = "fail"
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    tags: list[str] = []

    def __post_init__(self) -> None:
        if self.type == "tool":
            self._check_tool()
        elif self.read_only or self.output is not None:
            raise InvalidConfigError(
                "read_only and output are those of a tool", path="output" if self.output is not None else "read_only",
                found=f"type: {self.type}", expected="type: tool", suggestions=["remove them"],
            )  # fmt: skip

    def _check_tool(self) -> None:
        if self.permissions.operations:
            raise InvalidConfigError(
                "a tool asks for no operations: its agent gets them by grants of its own", path="permissions.operations",
                found=", ".join(self.permissions.operations), expected="no operation",
                suggestions=["remove them, and grant them to the AgentType: tools: [{operation: ...}]"],
            )  # fmt: skip
        for name, schema in self.exchanged():
            if schema.get("type") != "object":
                raise InvalidConfigError(
                    f"{name} of a tool is an object, as MCP has it", path=name, found=f"type: {schema.get('type')}",
                    expected="type: object", suggestions=["add type: object"],
                )  # fmt: skip

    def exchanged(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the schemas of what an execution is given and gives, by the names of their fields."""
        return [("input", self.input), *([("output", self.output)] if self.output is not None else [])]

    @property
    def key(self) -> tuple[PluginType, str]:
        """Plugins of different types may carry the same id."""
        return self.type, self.id

    def target_of(self, parameters: Mapping[str, Any]) -> str:
        """Return the target of an execution with these parameters."""
        return _FIELD.sub(lambda match: str(parameters.get(match[1], "")), self.target)


class Plugin(msgspec.Struct, frozen=True):
    """A plugin and its folder."""

    manifest: PluginManifest
    folder: Path

    @property
    def entry_point(self) -> Path:
        """The program."""
        return self.folder / self.manifest.runtime.entry_point


def read_plugin(folder: Path) -> Plugin:
    """Read and check the plugin of a folder.

    Raises:
        NotFoundError: The folder has no plugin.yaml.
        InvalidConfigError: With every fault, each with its place.
    """
    path = folder / FILE_NAME
    manifest, source = _read_manifest(read_bytes(path, str(path)), str(path))
    fault = _entry_point_fault(manifest, folder)
    if fault is not None:
        fault.source = source.value(("runtime", "entry_point"))
        raise fault
    return Plugin(manifest, folder.resolve())


@functools.lru_cache(maxsize=256)  # whoever looks for one plugin reads them all, and most have not changed
def _read_manifest(data: bytes, name: str) -> tuple[PluginManifest, SourceMap]:
    documents = read_text(data, name)
    if len(documents) != 1:
        raise InvalidConfigError(f"{name}: one document is expected", source=name, found=f"{len(documents)} documents")
    document = documents[0]
    return convert(document.data, PluginManifest, source=document.source), document.source


def _entry_point_fault(manifest: PluginManifest, folder: Path) -> OutriderError | None:
    entry = manifest.runtime.entry_point
    inside = (
        not Path(entry).is_absolute()
        and ".." not in Path(entry).parts
        and not entry.startswith("-")
        and "\0" not in entry
    )
    if inside and (folder / entry).resolve().is_relative_to(folder.resolve()) and (folder / entry).is_file():
        return None
    return InvalidConfigError(
        f"plugin '{manifest.id}': entry_point is not a file of its folder",
        path="runtime.entry_point",
        found=entry,
        expected=f"a file below {folder}",
        suggestions=["name a file that lies beside plugin.yaml"],
    )
