"""What to install or set where a level could not be started."""

from pathlib import Path

_SYSCTLS = {
    "kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "give bwrap an AppArmor profile that allows userns, or set kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    "kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
    "user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=10000"),
}
_BLOCKED = ("namespace", "uid map", "Operation not permitted", "Permission denied", "mount")


def remedy_for(log: str, settings: Path = Path("/proc/sys")) -> str:
    """Return what may help, from what the failing program said and from the settings of the kernel.

    Args:
        log: What was written to stderr.
        settings: Folder of the kernel's settings.
    """
    if not any(word in log for word in _BLOCKED):
        return "see the log of the probe: python -m outrider.runtime.sandbox.probe"
    for name, (blocking, remedy) in _SYSCTLS.items():
        try:
            value = (settings / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if value == blocking:
            return remedy
    return (
        "namespaces are blocked here; in a container, start it with a seccomp and an AppArmor profile that allow them "
        "(docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined), or use level 'landlock'"
    )
