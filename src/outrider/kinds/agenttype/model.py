from typing import Annotated, Literal

import msgspec

from outrider.core.destinations import PATTERN, read_destination
from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.core.policy import ApprovalTerms
from outrider.core.quantities import Size, size
from outrider.core.secrets import SecretRef
from outrider.kinds.agenttype.identity import Identity
from outrider.kinds.agenttype.invocation import Invocation
from outrider.kinds.agenttype.memory import Memory
from outrider.kinds.agenttype.mesh import Mesh
from outrider.kinds.agenttype.models import Llm
from outrider.kinds.agenttype.scaling import Scaling
from outrider.kinds.agenttype.target import TargetRef
from outrider.kinds.agenttype.telemetry import Telemetry
from outrider.kinds.agenttype.tools import ToolSearch, ToolUse

Runtime = Literal["auto", "python", "nodejs", "java", "none"]


class Program(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """The agent's program, which is not changed.

    Attributes:
        command: Program and arguments; no shell is involved. With an image it takes the place of the image's own.
        image: A container image; on a laptop it runs in podman.
        env: Variables, as text or from a secret.
        folder: Where the program runs, relative to the file of this object; of an image a path inside of it.
    """

    command: list[str] = []
    image: str = ""
    env: dict[Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str | SecretRef] = {}
    folder: str = ""

    def __post_init__(self) -> None:
        if not self.command and not self.image:
            raise InvalidConfigError(
                "an agent needs a command or an image", found="neither", expected="command, image, or both",
                suggestions=["write for example command: [python, agent.py]"],
            )  # fmt: skip
        if self.image and self.folder and not self.folder.startswith("/"):
            raise InvalidConfigError(
                "the folder of an image is one inside of it", found=self.folder, expected="an absolute path, or none for the image's own",
                suggestions=["write for example folder: /app"],
            )  # fmt: skip


class PackageTarget(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """The Python that packages are for, where not all of them are pure Python.

    Attributes:
        python: Its version.
        platform: As wheels name it.
    """

    python: Annotated[str, msgspec.Meta(pattern=r"^3\.[0-9]{1,2}$", examples=["3.12"])]
    platform: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]+$", examples=["manylinux_2_28_x86_64"])]


class Wrapper(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What is put around the program from outside.

    Attributes:
        runtime: Of the program; `auto` serves Python and Node.js, and others by their environment. `none` adds no code.
        hooks: Files (`.py`, `.cjs`) that run in the program's process before it.
        packages: Of Python, with versions, for hooks and instrumentation. They are installed from wheels of pure Python, so that
            they fit every program; nothing of them runs while that is done.
        target: The Python of the program, for packages with wheels for that alone.
        required: Whether the program must not run without its wrapper and hooks.
    """

    runtime: Runtime = "auto"
    hooks: list[Annotated[str, msgspec.Meta(pattern=r"\.(py|cjs|js)$")]] = []
    packages: list[Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][^;@\s]*$", examples=["structlog==25.4.0"])]] = []
    target: PackageTarget | None = None
    required: bool = False


class Egress(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What the program reaches besides its sidecar.

    Attributes:
        allow: Hosts to which the sidecar opens tunnels for it, such as `api.example.org`, `api.example.org:8443` or
            `*.example.org`; without a port it is that of HTTPS. It finds the way in HTTPS_PROXY.
        min_level: How firmly it must hold that it reaches nothing else, else it does not run: `sealed` has a network of its own
            in which there is only the sidecar; `advisory` shares one, and only its ports or its manners keep it.
    """

    allow: list[Annotated[str, msgspec.Meta(pattern=PATTERN, examples=["api.example.org"])]] = []
    min_level: Literal["advisory", "sealed"] = "advisory"

    def __post_init__(self) -> None:
        for one in self.allow:
            read_destination(one)


class Files(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Paths besides the program's own folder, relative to the file of this object."""

    read: list[str] = []
    write: list[str] = []


class Isolation(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """How the program is confined.

    Attributes:
        min_level: Below it nothing runs; the strongest level that works is used.
        files: What else it may reach.
    """

    min_level: Literal["landlock", "namespaced"] = "landlock"
    files: Files = msgspec.field(default_factory=Files)


class Resources(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Bounds of the program and all that it starts.

    Attributes:
        cpu: Processors.
        memory: Of all together.
        processes: With their threads.
    """

    cpu: Annotated[float, msgspec.Meta(gt=0, le=1024)] = 1.0
    memory: Size = size("512Mi")
    processes: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 128


SIZES = {
    "small": Resources(cpu=1.0, memory=Size(2 << 30)),
    "medium": Resources(cpu=2.0, memory=Size(4 << 30)),
    "large": Resources(cpu=4.0, memory=Size(8 << 30)),
}
_USUAL = Resources()


class AgentTypeSpec(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """An AI agent: its program, and what it may use through its sidecar. What no list names it may not.

    Attributes:
        target_ref: A workload on Kubernetes whose program it is, in place of one that is started for it.
        tool_search: Without it all tools are listed.
        approval: Who is asked before each call that may change something, where its grant asks nobody: of an operation that does
            more than read, and of a tool that does not say that it only reads.
        size: Bounds by a name, in place of `resources`: `small` is 1 processor and 2Gi, `medium` 2 and 4Gi, `large` 4 and 8Gi.
        identity: What the sidecar shows to servers with `mutualTls`, in place of the certificate that the platform gives it.
    """

    agent: Program | None = None
    target_ref: TargetRef | None = None
    wrapper: Wrapper = msgspec.field(default_factory=Wrapper)
    invocation: Invocation = msgspec.field(default_factory=Invocation)
    llm: Llm = msgspec.field(default_factory=Llm)
    tools: list[ToolUse] = []
    tool_search: ToolSearch | None = None
    approval: ApprovalTerms | None = None
    memory: list[Memory] = []
    identity: Identity | None = None
    egress: Egress = msgspec.field(default_factory=Egress)
    telemetry: Telemetry = msgspec.field(default_factory=Telemetry)
    isolation: Isolation = msgspec.field(default_factory=Isolation)
    size: Literal["small", "medium", "large"] | None = None
    resources: Resources | None = None
    mesh: Mesh | None = None
    scaling: Scaling = msgspec.field(default_factory=Scaling)

    def __post_init__(self) -> None:
        if (self.agent is None) is (self.target_ref is None):
            raise InvalidConfigError(
                "an agent is a program of its own, or that of a Deployment which is there",
                found="neither agent nor targetRef" if self.agent is None else "agent and targetRef", expected="one of the two",
                suggestions=["write for example agent: {command: [python, agent.py]}"],
            )  # fmt: skip
        if self.size is not None and self.resources is not None:
            raise InvalidConfigError(
                "bounds are given by size or by resources", path="size", found="both", expected="one of the two",
                suggestions=["remove size, or remove resources"],
            )  # fmt: skip

    @property
    def program(self) -> Program:
        """The program that is started.

        Raises:
            UnsupportedError: It is that of a Deployment, which only a cluster has.
        """
        if self.agent is None:
            raise UnsupportedError(
                "this AgentType is for a Deployment that is there already, which only a Kubernetes cluster has", path="spec.targetRef",
                suggestions=["apply it to the cluster, or give it a program: agent: {command: [...]}"],
            )  # fmt: skip
        return self.agent

    @property
    def bounds(self) -> Resources:
        """The bounds of the program."""
        return SIZES[self.size] if self.size is not None else self.resources or _USUAL
