"""What composer.lock has of each package.

What Composer takes of what a repository says, and in which order it writes that, is in its classes `ArrayLoader`, `ArrayDumper` and
`Locker`: https://github.com/composer/composer/tree/2.5.5/src/Composer/Package. A time that is none of ISO 8601 is left out.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from outrider.core.errors import ExecutionFailedError, UnsupportedError
from outrider.operators.packages.composer.candidates import Candidate
from outrider.operators.packages.composer.php_json import sorted_texts, with_sorted_keys
from outrider.operators.packages.composer.releases import SELF
from outrider.operators.packages.composer.repositories import FRESH_SECONDS, ComposerRepository

LINKS = ("require", "conflict", "provide", "replace", "require-dev")
_USUAL_TYPE = "library"
# Hosts whose archives are named by the commit.
_BY_COMMIT = re.compile(
    r"https?://(?:(?:www\.)?bitbucket\.org|(?:api\.)?github\.com|(?:www\.)?gitlab\.com)/", re.IGNORECASE
)
_COMMIT = re.compile(r"(?:(?<=/)|(?<=sha=))[a-f0-9]{40}(?=/|\Z)", re.IGNORECASE)
_SECONDS = re.compile(r"\d+", re.ASCII)


async def lock_entries(
    chosen: Mapping[Candidate, ComposerRepository], references: Mapping[str, str]
) -> dict[Candidate, dict[str, Any]]:
    """Return the entries of packages.

    Args:
        chosen: Versions with their repositories.
        references: The commits that are asked for in place of those that a repository names, by package.

    Raises:
        UnsupportedError: What a repository says of one cannot be written.
        ExecutionFailedError: It says something else than before.
        OutriderError: What a repository says.
    """
    said = await asyncio.gather(*(place.written(one.name, one.version) for one, place in chosen.items()))
    found = {one: entry_of(text, references.get(one.name, "")) for one, text in zip(chosen, said, strict=True)}
    for one, entry in found.items():
        _refuse_changed(one, entry)
    return found


def _refuse_changed(one: Candidate, entry: Mapping[str, Any]) -> None:
    """Raise where a version, such as that of a branch, needs something else now than when it was chosen."""
    release = one.release
    known = (release.requires, release.conflicts, release.provides, release.replaces)
    if any(entry.get(kind, {}) != said for kind, said in zip(LINKS, known, strict=False)):
        raise ExecutionFailedError(
            f"composer {one.name} {one.version}: the repository has changed what it says of it", found="another version of its metadata",
            expected="what it was chosen by", suggestions=[f"ask again in {FRESH_SECONDS / 60:.0f} minutes, when nothing older is kept"],
        )  # fmt: skip


def entry_of(said: Mapping[str, Any], reference: str = "") -> dict[str, Any]:
    """Return an entry.

    Args:
        said: What a repository says of a version.
        reference: The commit that counts in place of its own.

    Raises:
        UnsupportedError: Where the files are is said in a way that Composer refuses.
    """
    shown = f"{said.get('name')} {said.get('version')}"
    entry: dict[str, Any] = {"name": said["name"], "version": str(said["version"])}
    entry |= _given(said, "target-dir", _filled)
    for key, needed in (("source", ("type", "url", "reference")), ("dist", ("type", "url"))):
        if (found := said.get(key)) is not None:
            entry |= _place(shown, key, found, needed)
    if reference:
        entry |= _at(entry, reference)
    entry |= _links(said)
    entry |= {"default-branch": True} if said.get("default-branch") is True else {}
    entry |= dict(_described(said))
    entry |= {"time": time} if (time := _time(said.get("time"))) else {}
    return entry


def _place(shown: str, key: str, found: Any, needed: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(found, Mapping) or any(found.get(one) is None for one in needed):
        raise UnsupportedError(
            f"composer {shown}: its {key} cannot be written to a lock file", path=key, found=str(found)[:200], expected=" and ".join(needed),
            suggestions=["ask whoever runs the repository to correct it"],
        )  # fmt: skip
    if not found["type"]:
        return {}
    reference = found.get("reference")
    whole = {
        **found,
        "reference": None if reference is None else str(reference),
        "mirrors": found.get("mirrors") or None,
    }
    keys = ("reference", "mirrors") if key == "source" else ("reference", "shasum", "mirrors")
    rest = {one: whole[one] for one in keys if whole.get(one) is not None}
    return {key: {"type": found["type"], "url": found["url"], **rest}}


def _at(entry: Mapping[str, Any], reference: str) -> dict[str, Any]:
    """Return where the files of another commit are."""
    places: dict[str, Any] = {}
    if "source" in entry:
        places["source"] = _with_reference(entry["source"], reference)
    if "dist" in entry:
        dist = entry["dist"]
        if _BY_COMMIT.match(str(dist["url"])):
            dist = _with_reference({**dist, "url": _COMMIT.sub(reference, dist["url"])}, reference)
        places["dist"] = _with_reference(dist, reference) if dist.get("reference") else dist
    return places


def _with_reference(place: Mapping[str, Any], reference: str) -> dict[str, Any]:
    first = {"type": place["type"], "url": place["url"], "reference": reference}
    return {**first, **{key: value for key, value in place.items() if key not in first}}


def _links(said: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    name = str(said["name"]).lower()
    found: dict[str, dict[str, str]] = {}
    for kind in LINKS:
        links = {target.lower(): text for target, text in _table(said.get(kind)).items() if target.lower() != name}
        if links:
            found[kind] = with_sorted_keys(links)
    if suggested := _table(said.get("suggest")):
        own = str(said["version"])
        found["suggest"] = with_sorted_keys(
            {target: own if str(reason).strip() == SELF else reason for target, reason in suggested.items()}
        )
    return found


def _described(said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what is said of neither versions nor places, in the order in which it is written."""
    for key, form in _FORMS.items():
        yield from _given(said, key, form).items()
    if (abandoned := said.get("abandoned")) is not None and not _is_empty(abandoned):
        yield "abandoned", abandoned if isinstance(abandoned, str) else True
    yield from _given(said, "transport-options", lambda one: one).items()


def _given(said: Mapping[str, Any], key: str, form: Callable[[Any], Any]) -> dict[str, Any]:
    found = said.get(key)
    if key == "type" and found is None:
        found = _USUAL_TYPE
    shaped = None if found is None else form(found)
    return {} if shaped is None or shaped in ([], {}) else {key: shaped}


def _list(found: Any) -> Any:
    """Return what may be written as one text too."""
    return found if isinstance(found, list | dict) else [found]


def _binaries(found: Any) -> Any:
    each = {key: str(one).lstrip("/") for key, one in _pairs(_list(found))}
    return each if isinstance(found, dict) else list(each.values())


def _archive(found: Any) -> Any:
    return (
        {key: found[key] for key in ("name", "exclude") if not _is_empty(found.get(key))}
        if isinstance(found, dict)
        else None
    )


def _scripts(found: Any) -> Any:
    if not isinstance(found, list | dict):
        return None
    each = {key: [] if one is None else _list(one) for key, one in _pairs(found)}
    return each if isinstance(found, dict) else list(each.values())


def _keywords(found: Any) -> Any:
    return sorted_texts([_text(one) for _, one in _pairs(found)]) if isinstance(found, list | dict) else None


def _table_or_list(found: Any) -> Any:
    return found if isinstance(found, list | dict) else None


def _filled_text(found: Any) -> Any:
    return found if isinstance(found, str) and not _is_empty(found) else None


def _filled(found: Any) -> Any:
    return None if _is_empty(found) else found


# In the order in which they are written.
_FORMS: Mapping[str, Callable[[Any], Any]] = {
    "bin": _binaries,
    "type": lambda one: str(one).lower(),
    "extra": _table_or_list,
    "autoload": lambda one: one,
    "autoload-dev": lambda one: one,
    "notification-url": _filled,
    "include-path": lambda one: one,
    "archive": _archive,
    "scripts": _scripts,
    "license": lambda one: None if _is_empty(one) else _list(one),
    "authors": _table_or_list,
    "description": _filled_text,
    "homepage": _filled_text,
    "keywords": _keywords,
    "support": lambda one: one,
    "funding": _table_or_list,
}


def _pairs(found: Any) -> Iterator[tuple[Any, Any]]:
    yield from found.items() if isinstance(found, dict) else enumerate(found)


def _table(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(found: Any) -> str:
    return "1" if found is True else "" if found is False or found is None else str(found)


def _is_empty(found: Any) -> bool:
    """Return whether something is nothing to PHP: https://www.php.net/empty."""
    return not found or found == "0"


def _time(found: Any) -> str:
    """Return a time as it is written, in the zone in which it was."""
    if _is_empty(found):
        return ""
    text = str(found)
    try:
        if _SECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(text), UTC).isoformat(timespec="seconds")
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return ""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat(timespec="seconds")
