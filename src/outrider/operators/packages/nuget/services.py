"""What a source of NuGet has where: https://learn.microsoft.com/nuget/api/service-index."""

from collections.abc import Sequence
from typing import Any

import msgspec

from outrider.core.errors import ExecutionFailedError, UnsupportedError
from outrider.operators.packages.nuget.records import ServicesRecord

# The best first: only these have the versions that follow SemVer 2.
_REGISTRATIONS = (
    "RegistrationsBaseUrl/Versioned", "RegistrationsBaseUrl/3.6.0", "RegistrationsBaseUrl/3.4.0", "RegistrationsBaseUrl/3.0.0-rc",
    "RegistrationsBaseUrl/3.0.0-beta", "RegistrationsBaseUrl",
)  # fmt: skip
_CONTENT = ("PackageBaseAddress/3.0.0", "PackageBaseAddress")


class _Resource(msgspec.Struct, rename={"url": "@id", "type": "@type"}):
    url: Any = None
    type: Any = None


class _Services(msgspec.Struct):
    version: str
    resources: list[_Resource]


def read_services(url: str, content: bytes) -> ServicesRecord:
    """Return where a source has what.

    Args:
        url: Of the source.
        content: Of its service index.

    Raises:
        ExecutionFailedError: It is no service index.
        UnsupportedError: It tells nothing of packages that can be read here.
    """
    resources = _resources(url, content)
    found = ServicesRecord(registrations=_first(resources, _REGISTRATIONS), content=_first(resources, _CONTENT))
    if not found.registrations and not found.content:
        raise UnsupportedError(
            f"{url}: this source tells nothing of packages", found="neither of them",
            expected="RegistrationsBaseUrl or PackageBaseAddress", suggestions=["name another source"],
        )  # fmt: skip
    return found


def service_at(url: str, content: bytes, types: Sequence[str]) -> str:
    """Return where a source has a service; empty where it has none.

    Args:
        url: Of the source.
        content: Of its service index.
        types: Of the service, the best first.

    Raises:
        ExecutionFailedError: It is no service index.
        UnsupportedError: It is one of another version.
    """
    return _first(_resources(url, content), types)


def _resources(url: str, content: bytes) -> list[_Resource]:
    try:
        services = msgspec.json.decode(content, type=_Services)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExecutionFailedError(
            f"{url}: no service index of NuGet", found=str(error)[:200], expected='{"version": "3.0.0", "resources": [...]}',
            suggestions=["check the address of the source: dotnet nuget list source"],
        ) from error  # fmt: skip
    if not services.version.startswith("3."):
        raise UnsupportedError(
            f"{url}: a service index of version {services.version[:20]}", found=services.version[:20], expected="version 3",
            suggestions=["name a source of version 3"],
        )  # fmt: skip
    return services.resources


def _first(resources: Sequence[_Resource], types: Sequence[str]) -> str:
    """Return the address of the resource of the best type; empty where there is none."""
    for wanted in types:
        for one in resources:
            kinds = one.type if isinstance(one.type, list) else [one.type]
            if wanted in kinds and isinstance(one.url, str) and one.url:
                return one.url.rstrip("/")
    return ""
