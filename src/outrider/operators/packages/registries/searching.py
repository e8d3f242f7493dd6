"""What registries find for some words: each is asked in its order, and what they say is put together."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from outrider.core.errors import ExecutionFailedError, UnsupportedError
from outrider.operators.packages.texts import flattened

T = TypeVar("T")
_LONGEST_NAME, _LONGEST_VERSION, _LONGEST_DESCRIPTION = 214, 100, 500


class FoundPackage(msgspec.Struct, kw_only=True):
    """A package as a registry finds it. All texts are of strangers, on one line.

    Attributes:
        name: Of the package.
        version: The latest; empty where the registry does not tell it.
        description: In the words of its author.
    """

    name: str
    version: str = ""
    description: str = ""


class Found(msgspec.Struct, kw_only=True):
    """What was found.

    Attributes:
        packages: As the registries rank them.
        notes: Which registries could not be asked.
    """

    packages: list[FoundPackage]
    notes: list[str] = []


def found_package(name: Any, version: Any, description: Any) -> FoundPackage | None:
    """Return a package of what a registry says of it; None where that names none."""
    texts = [flattened(one[:4096]) if isinstance(one, str) else "" for one in (name, version, description)]
    if not texts[0] or len(texts[0]) > _LONGEST_NAME:
        return None
    return FoundPackage(
        name=texts[0], version=texts[1][:_LONGEST_VERSION], description=texts[2][:_LONGEST_DESCRIPTION]
    )  # fmt: skip


async def asked_in_order(
    registries: Sequence[T],
    ask: Callable[[T], Awaitable[Iterable[FoundPackage | None]]],
    limit: int,
    same: Callable[[str], str] = str,
) -> Found:
    """Ask registries one after the other, until there are enough packages; each name is told once.

    Args:
        registries: In their order.
        ask: Asks one.
        limit: How many packages are wanted.
        same: Returns the same for names of one package.

    Raises:
        UnsupportedError: None of them can be searched.
        OutriderError: What one of them says.
    """
    found: dict[str, FoundPackage] = {}
    refusals: list[UnsupportedError] = []
    for registry in registries:
        try:
            for one in await ask(registry):
                if one is not None:
                    found.setdefault(same(one.name), one)
        except UnsupportedError as error:
            refusals.append(error)
        if len(found) >= limit:
            break
    if refusals and len(refusals) == len(registries):
        raise refusals[0]
    return Found(packages=list(found.values())[:limit], notes=[error.message for error in refusals])


def query(**fields: str | int) -> str:
    """Return the query of an address."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in fields.items())


def read_found(url: str, content: bytes | None, kind: "type[T]") -> T:
    """Read what a registry has found.

    Args:
        url: For errors.
        content: Of the answer.
        kind: What it is to be.

    Raises:
        ExecutionFailedError: It is something else.
    """
    try:
        return msgspec.json.decode(content or b"", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExecutionFailedError(
            f"{url}: what was found cannot be read", found=str(error)[:200], expected="packages, as JSON",
            suggestions=["check the address of the registry in the settings of its client"],
        ) from error  # fmt: skip


def no_search(registry: str, expected: str) -> UnsupportedError:
    """Return the error for a registry that finds nothing for anybody.

    Args:
        registry: Its address.
        expected: What it would have to have.
    """
    return UnsupportedError(
        f"{registry}: this registry cannot be searched", found="none", expected=expected,
        suggestions=["ask for a package by its name: outrider packages info ECOSYSTEM NAME"],
    )  # fmt: skip
