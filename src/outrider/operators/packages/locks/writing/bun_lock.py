"""Writes bun.lock to the byte as bun does: `bun.lock.rs` of bun 1.4."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from outrider.operators.packages.npm.bun.overriding import Overrides
from outrider.operators.packages.resolving.outcomes import ResolvedPackage

NEWEST_FORM = 2
# That of projects with overrides that do not hold for all.
NESTED_FORM = 3
CONFIG = 1
# What is told of a package, in the order of bun.
FIELDS = (
    "dependencies", "optionalDependencies", "peerDependencies", "optionalPeers", "unresolved", "bundled", "os", "cpu", "libc",
    "hasInstallScript", "bin", "binDir",
)  # fmt: skip


class BunLocking(msgspec.Struct, kw_only=True, frozen=True):
    """What a lock is of, beside the packages.

    Attributes:
        workspaces: What is told of the project, whose folder is empty, and of the members of its workspace.
        members: The folders of these, by name.
        trusted: Names of packages whose scripts may run; None where bun's own list counts.
        patches: The paths of patches, by the name and version of what they are for, in their order.
        overrides: What is asked of packages in place of what others ask, in their order.
        catalog: What the catalog without a name has.
        catalogs: What those with names have.
    """

    workspaces: Mapping[str, Mapping[str, Any]]
    members: Mapping[str, str]
    trusted: Sequence[str] | None
    patches: Mapping[str, str]
    overrides: Overrides
    catalog: Mapping[str, str]
    catalogs: Mapping[str, Mapping[str, str]]


def written(
    locking: BunLocking, packages: Iterable[ResolvedPackage], *, form: int = NEWEST_FORM, config: int = CONFIG
) -> str:
    """Return the file.

    Args:
        locking: What it is of.
        packages: What that needs.
        form: The version of the format, where nothing needs another one.
        config: The version of the settings that it was made with.
    """
    is_nested = any(not isinstance(one, str) for one in locking.overrides.values())
    lines = [
        f'"lockfileVersion": {NESTED_FORM if is_nested else form},',
        f'"configVersion": {config},',
        '"workspaces": {',
    ]
    lines += [line for place, said in locking.workspaces.items() for line in _indented(_workspace(place, said))]
    lines.append("},")
    if locking.trusted:
        lines += ['"trustedDependencies": [', *_indented([f"{_text(name)}," for name in locking.trusted]), "],"]
    elif locking.trusted is not None:
        lines.append('"trustedDependencies": [],')
    catalogs = {name: _sorted(said) for name, said in sorted(locking.catalogs.items())}
    tables = {
        "patchedDependencies": locking.patches,
        "overrides": locking.overrides,
        "catalog": _sorted(locking.catalog),
        "catalogs": catalogs,
    }
    lines += [line for field, said in tables.items() if said for line in _table(field, said)]
    told = [(one.entry["order"], one.place, one.entry["bun"]) for one in packages]
    # Something else may stand in the place of a member.
    at_top = locking.members.keys() - {one[1] for one in told}
    told += [((1, b"", name.encode()), name, [f"{name}@workspace:{locking.members[name]}"]) for name in at_top]
    entries = [f"{_text(place)}: {_line(entry)}," for _, place, entry in sorted(told, key=lambda one: one[0])]
    lines += ['"packages": {', *_indented("\n\n".join(entries).split("\n")), "}"] if entries else ['"packages": {}']
    return "\n".join(["{", *_indented(lines), "}", ""])


def _sorted(said: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(said.items()))


def _table(name: str, said: Mapping[str, str | Mapping[str, str]]) -> list[str]:
    lines = [
        line
        for key, one in said.items()
        for line in ([f"{_text(key)}: {_text(one)},"] if isinstance(one, str) else _table(key, one))
    ]
    return [f"{_text(name)}: {{", *_indented(lines), "},"]


def _workspace(place: str, said: Mapping[str, Any]) -> Iterator[str]:
    if not said:
        yield f"{_text(place)}: {{}},"
        return
    yield f"{_text(place)}: {{"
    for key, value in said.items():
        if isinstance(value, dict):
            yield from _indented(_table(key, value))
        elif isinstance(value, list):
            yield from _indented([f"{_text(key)}: [", *_indented([f"{_text(one)}," for one in value]), "],"])
        else:
            yield f"  {_text(key)}: {_text(value)},"
    yield "},"


def _line(value: Any) -> str:
    """Return an entry, which stands in one line."""
    return f"[{', '.join(_info(one) if isinstance(one, dict) else _text(one) for one in value)}]"


def _info(said: Mapping[str, Any]) -> str:
    parts = [f"{_text(key)}: {_value(key, value)}" for key, value in said.items()]
    return f"{{ {', '.join(parts)} }}" if parts else "{}"


def _value(key: str, value: Any) -> str:
    if isinstance(value, dict):
        return _info(value)
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, list):
        return _text(value)
    texts = [_text(one) for one in value]
    return (
        f"[{', '.join(texts)}]"
        if key in ("optionalPeers", "unresolved")
        else f"[ {' '.join(f'{text},' for text in texts)} ]"
    )


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
