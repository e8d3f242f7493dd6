"""Where things are in a pod: folders and ports."""

from pathlib import Path

import msgspec

ROOT = Path("/outrider")
SHARED, WORK, STATE = ROOT / "shared", ROOT / "work", ROOT / "state"
SETTINGS, FILES, SECRETS = ROOT / "settings", ROOT / "files", ROOT / "secrets"
# What programs that the sidecar starts must not see: keys, what it is told, and what it keeps.
PROTECTED = (SECRETS, SETTINGS, STATE)
# In the sidecar's container, whose own files cannot be changed.
TEMPORARY = Path("/tmp")  # noqa: S108 - a volume of the pod's own
SIDECAR_FILE, PREPARATION_FILE = "sidecar.json", "preparation.json"


class Ports(msgspec.Struct, kw_only=True, frozen=True):
    """Of the sidecar.

    Attributes:
        data: For the program, on 127.0.0.1 alone.
        admin: Health and metrics.
        tasks: For tasks, where the program is a server.
    """

    data: int = 4180
    admin: int = 4181
    tasks: int = 4182
