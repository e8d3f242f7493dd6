"""What a machine needs for a cluster."""

import os
import shutil
import sys
from pathlib import Path

from outrider.core.errors import DeniedError, MissingRequirementError
from outrider.local.cluster.programs import missing_programs

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
_TOOLS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "nft": "nftables",
    "sysctl": "procps",
}


def check_machine() -> None:
    """Say what this machine lacks for a cluster.

    Raises:
        DeniedError: The caller is not root.
        MissingRequirementError: A tool is not there.
    """
    if not sys.platform.startswith("linux"):
        raise MissingRequirementError("a cluster needs Linux", found=sys.platform, expected="linux")
    if os.geteuid() != 0:
        raise DeniedError(
            "a cluster needs root: it makes namespaces, mounts and network devices", found=f"uid {os.geteuid()}", expected="uid 0",
            suggestions=["sudo -E outrider cluster up", "use a cluster that is there: --cluster CONTEXT"],
        )  # fmt: skip
    path = f"{os.environ.get('PATH', os.defpath)}:{SBIN}"
    packages = sorted({package for tool, package in _TOOLS.items() if shutil.which(tool, path=path) is None})
    if packages:
        raise MissingRequirementError(
            f"a cluster needs {', '.join(packages)}", found="not installed", expected=", ".join(packages),
            suggestions=[f"apt-get install -y {' '.join(packages)}"],
        )  # fmt: skip


def check_programs(programs: Path) -> None:
    """Check that a folder has all programs.

    Raises:
        MissingRequirementError: One is not there.
    """
    if lacking := missing_programs(programs):
        raise MissingRequirementError(
            f"{programs} lacks {', '.join(lacking)}", found=f"{len(lacking)} missing", expected="all programs of a cluster",
            suggestions=["have them built: outrider cluster up without --programs"],
        )  # fmt: skip
