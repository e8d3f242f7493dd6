"""What a confined program may do and use."""

import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self

import msgspec

from outrider.core.errors import InvalidConfigError, did_you_mean

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
MIB = 1024 * 1024


class Level(enum.IntEnum):
    """How strongly a program is confined; a higher one is stronger. The gaps leave room for levels to come.

    NONE: not at all; its limits hold, and all of it can be ended.
    LANDLOCK: Landlock, seccomp, and a uid of its own where the agent is root.
    NAMESPACED: the same inside namespaces of its own, made by bubblewrap.
    """

    NONE = 0
    LANDLOCK = 20
    NAMESPACED = 40

    @property
    def label(self) -> str:
        """The name as objects and people write it."""
        return self.name.lower()

    @classmethod
    def named(cls, label: str) -> Self:
        """Return the level with this name.

        Raises:
            InvalidConfigError: There is none.
        """
        for level in cls:
            if level.label == label:
                return level
        labels = [level.label for level in cls]
        raise InvalidConfigError(
            "sandbox level: unknown name",
            found=label,
            expected=", ".join(labels),
            suggestions=did_you_mean(label, labels),
        )


class Grants(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What a program may reach besides its own folders; an empty list allows nothing.

    Attributes:
        read_paths: Absolute paths of files and folders that it may read.
        write_paths: The same, for reading and writing.
        connect_ports: TCP ports that it may connect to, on any address; None or empty is none.
        listen_ports: TCP ports that it may listen on; with a door, in the network of its own.
        dns: With connect_ports, whether it may resolve names: that allows UDP to anywhere, which no port rule covers.
        door: TCP port of 127.0.0.1 that is all of its network, which is one of its own then: whoever starts the program gets
            what listens there. Needs namespaces.
    """

    read_paths: list[str] = []
    write_paths: list[str] = []
    connect_ports: list[Port] | None = None
    listen_ports: list[Port] = []
    dns: bool = True
    door: Port | None = None

    @property
    def network(self) -> bool:
        """Whether it needs the machine's network at all."""
        return bool(self.connect_ports or (self.listen_ports and self.door is None))

    @property
    def connects(self) -> list[int]:
        """TCP ports to connect to, in whichever network."""
        return [*(self.connect_ports or ()), *([self.door] if self.door is not None else ())]


class Surroundings(msgspec.Struct, kw_only=True, frozen=True):
    """Where a program finds itself.

    Attributes:
        work_dir: Its own folder, the only one that it may write; it also serves for temporary files. As root it is given to
            the program's uid.
        folder: Where it starts, if not in `work_dir`; it must be among what it may read or list.
        read_only: Folders and files that it may read and run programs from.
        listed: Folders whose entries it may list, and read only where that is granted too.
        env: Its environment, besides PATH, HOME, TMPDIR and LANG; it is readable for the program's children.
    """

    work_dir: Path
    folder: Path | None = None
    read_only: Sequence[Path] = ()
    listed: Sequence[Path] = ()
    env: Mapping[str, str] = {}


class Limits(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Bounds of a program and all that it starts.

    Attributes:
        memory: Bytes, together; by a cgroup, else by a look at the processes four times a second.
        pids: Processes and threads, together; by a cgroup or the kernel's count of a uid or user namespace, else as above.
        cpu: Share of one core, averaged over a second; needs a cgroup.
        open_files: Descriptors of each process.
        file_size: Bytes of each file.
    """

    memory: int = 256 * MIB
    pids: int = 32
    cpu: float = 1.0
    open_files: int = 256
    file_size: int = 64 * MIB
