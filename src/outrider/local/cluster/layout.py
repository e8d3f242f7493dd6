"""Where the files of one cluster are, and the addresses that are its own."""

import re
from ipaddress import IPv4Network
from pathlib import Path
from typing import TypeVar

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.ports.secrets.private_files import write_private
from outrider.runtime.contexts import user_state_folder

S = TypeVar("S", bound=msgspec.Struct)
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
PLACES = 16
_UNMOUNTABLE = re.compile(r"[,:=\n]")
API_PORT = 6443


class Addresses(msgspec.Struct, frozen=True):
    """The addresses of one of the clusters of a machine.

    Attributes:
        place: Its number among them, 0 to 15.
    """

    place: int

    @property
    def host(self) -> str:
        """Of the machine, as the cluster sees it."""
        return f"10.251.{self.place}.1"

    @property
    def node(self) -> str:
        """Of the node, as the machine sees it."""
        return f"10.251.{self.place}.2"

    @property
    def link(self) -> str:
        """Of the link between both."""
        return f"10.251.{self.place}.0/30"

    @property
    def pods(self) -> str:
        """Of pods."""
        return f"10.244.{self.place}.0/24"

    @property
    def services(self) -> str:
        """Of services."""
        return f"10.{96 + self.place}.0.0/16"

    @property
    def api_service(self) -> str:
        """Of the API server, for pods."""
        return str(IPv4Network(self.services)[1])

    @property
    def dns(self) -> str:
        """Of the name server, for pods."""
        return str(IPv4Network(self.services)[10])

    @property
    def server(self) -> str:
        """The API server's address for the machine."""
        return f"https://{self.node}:{API_PORT}"

    @property
    def device(self) -> str:
        """The machine's end of the link; also the names of its rules and of its control group."""
        return f"outrider{self.place}"


class NodeState(msgspec.Struct, kw_only=True):
    """What the keeper of a cluster says of its node; nobody else writes it.

    Attributes:
        phase: `starting`, `ready`, `failed` or `stopped`.
        seconds: How long it took to be ready.
        problem: Why it has failed.
        components: Process ids within its namespace, by name.
    """

    phase: str = "starting"
    version: str = ""
    seconds: float = 0.0
    problem: str = ""
    components: dict[str, int] = {}


class ClusterState(msgspec.Struct, kw_only=True):
    """What whoever started a cluster has noted of it.

    Attributes:
        keeper: Process id of its keeper on this machine; 0 where there is none.
        kubeconfig: The user's file that has its context; None where none has.
        context: The user's current context before.
        node: As its keeper says.
    """

    name: str
    place: int
    programs: Path
    keeper: int = 0
    egress: bool = True
    ephemeral: bool = False
    audit: bool = False
    kubeconfig: Path | None = None
    context: str = ""
    node: NodeState = msgspec.field(default_factory=NodeState)


class ClusterLayout:
    """Paths of a cluster.

    Args:
        name: Its name.

    Raises:
        InvalidConfigError: The name is none.
    """

    def __init__(self, name: str) -> None:
        if _UNMOUNTABLE.search(str(clusters_folder())):
            raise InvalidConfigError(
                f"the state folder {clusters_folder()} cannot be mounted", found=str(clusters_folder()), expected="a path without `,`, `:`, `=` and line ends",
                suggestions=["name another one in XDG_STATE_HOME"],
            )  # fmt: skip
        if not NAME.fullmatch(name):
            raise InvalidConfigError(
                f"a cluster cannot be called {name!r}", found=name, expected="up to 32 of a-z, 0-9 and -, as `staging`"
            )
        self.name = name
        self.folder = clusters_folder() / name
        self.state_file = self.folder / "cluster.json"
        self.node_file = self.folder / "node.json"
        self.lock = self.folder / "keeper.lock"
        self.pid_file = self.folder / "keeper.pid"
        self.pki = self.folder / "pki"
        self.configuration = self.folder / "configuration"
        self.logs = self.folder / "logs"
        self.data = self.folder / "data"
        self.kubeconfig = self.folder / "kubeconfig"

    def read(self) -> ClusterState | None:
        """Return what is known of it; None where there is no such cluster.

        Raises:
            InvalidConfigError: A file is damaged.
        """
        state = _read(self.state_file, ClusterState)
        if state is not None:
            state.node = _read(self.node_file, NodeState) or NodeState()
        return state

    def write(self, state: ClusterState) -> None:
        """Write what is noted of it, but not what its keeper says."""
        write_private(self.state_file, encode(msgspec.structs.replace(state, node=NodeState())))

    def write_node(self, node: NodeState) -> None:
        """Write what its keeper says."""
        write_private(self.node_file, encode(node))

    @property
    def context(self) -> str:
        """Its context in kubeconfig files."""
        return f"outrider-{self.name}"


def _read(file: Path, target: type[S]) -> S | None:
    try:
        return decode(file.read_bytes(), target)
    except FileNotFoundError:
        return None
    except OutriderError as error:
        raise error.about(str(file)) from error


def clusters_folder() -> Path:
    """Return where the clusters of this user are."""
    return user_state_folder() / "clusters"


def known_clusters() -> list[ClusterState]:
    """Return what is known of all clusters of this user; of one whose files are damaged, that they are."""
    folder = clusters_folder()
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
    found: list[ClusterState] = []
    for name in filter(NAME.fullmatch, names):
        try:
            state = ClusterLayout(name).read()
        except OutriderError as error:
            state = ClusterState(
                name=name, place=0, programs=Path(), node=NodeState(phase="failed", problem=error.message)
            )
        if state is not None:
            found.append(state)
    return found
