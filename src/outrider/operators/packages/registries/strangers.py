"""Registries that the repository of a stranger names, while it is updated: they are asked, and are not shown all that this machine knows."""

from ipaddress import ip_address
from pathlib import Path

from outrider.core.errors import UnauthenticatedError
from outrider.operators.packages.registries.registry import Registry
from outrider.runtime.contexts import cache_folder


def laid_out_folder() -> Path:
    """Return the folder in which files of repositories are laid out while these are updated."""
    return cache_folder() / "packages" / "updates"


def is_in_the_clear(scheme: str, host: str) -> bool:
    """Return whether anybody on the way reads what is sent to a host."""
    return scheme == "http" and not _is_loopback(host)


def refuse_in_the_clear(registry: Registry, scheme: str, host: str) -> None:
    """Refuse to show credentials without encryption where the settings of a stranger lead.

    Clients keep credentials by host, so that whoever names that host with `http` has them sent to be read on the way.

    Args:
        registry: Whose settings lead there.
        scheme: Of the address to which credentials would be sent.
        host: Of it.

    Raises:
        UnauthenticatedError: They would be read on the way.
    """
    if not is_in_the_clear(scheme, host) or not _is_strangers(registry.source):
        return
    raise UnauthenticatedError(
        f"{registry.source}: credentials of this machine for {host} are not sent there without encryption", found=f"http://{host}",
        expected=f"https://{host}", suggestions=["write https:// there", "leave that registry to the settings of whoever runs this"],
    )  # fmt: skip


def _is_strangers(source: str) -> bool:
    return Path(source).resolve().is_relative_to(laid_out_folder().resolve())


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
