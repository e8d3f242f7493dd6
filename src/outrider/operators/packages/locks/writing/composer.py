"""Writes composer.lock to the byte as Composer 2.5 does: https://getcomposer.org/doc/01-basic-usage.md.

Its fields are those of `src/Composer/Package/Locker.php` of Composer 2.5.5.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from outrider.operators.packages.composer.php_json import EMPTY, packed
from outrider.operators.packages.composer.php_json import written as php_written
from outrider.operators.packages.composer.platforms import is_platform
from outrider.operators.packages.composer.stabilities import NAMES, STABLE, flags_of, rank_of
from outrider.operators.packages.manifests.composer import DEVELOPMENT, ComposerManifest, ComposerWish
from outrider.operators.packages.resolving.outcomes import Resolved

# That of Composer 2.5.
USUAL_PLUGIN_API = "2.3.0"
_README = (
    "This file locks the dependencies of your project to a known state",
    "Read more about it at https://getcomposer.org/doc/01-basic-usage.md#installing-dependencies",
    "This file is @generated automatically",
)
# What a lock follows from, besides config.platform.
_RELEVANT = (
    "name", "version", "require", "require-dev", "conflict", "replace", "provide", "minimum-stability", "prefer-stable", "repositories", "extra",
)  # fmt: skip
# Branches that Composer 1 knew by one version.
_USUAL_BRANCHES, _USUAL_BRANCH = ("dev-master", "dev-trunk", "dev-default"), "9999999-dev"


def written(
    manifest: ComposerManifest,
    answer: Resolved,
    overrides: Mapping[str, str | bool],
    plugin_api: str = USUAL_PLUGIN_API,
    before: Mapping[str, Any] | None = None,
) -> str:
    """Return the file.

    Args:
        manifest: Of the project.
        answer: What that needs, with what is told of each package.
        overrides: What counts in place of the platform here.
        plugin_api: The version of Composer's interface for plugins.
        before: The lock that is there, if what stays of it is to be as it is there.
    """
    old = before or {}
    minimum = rank_of(str(manifest.document.get("minimum-stability", NAMES[STABLE])))
    assert minimum is not None  # a resolution would have refused it
    lock = {
        "_readme": list(_README),
        "content-hash": content_hash(manifest.document),
        "packages": _entries(answer, development=False),
        "packages-dev": _entries(answer, development=True),
        "aliases": _aliases(manifest.wishes, answer),
        "minimum-stability": NAMES[minimum],
        "stability-flags": _flags(manifest.wishes, minimum),
        "prefer-stable": bool(manifest.document.get("prefer-stable")),
        "prefer-lowest": bool(old.get("prefer-lowest")),
        "platform": _platform(manifest.of("require")),
        "platform-dev": _platform(manifest.of(DEVELOPMENT)),
        **({"platform-overrides": dict(overrides)} if overrides else {}),
        "plugin-api-version": old.get("plugin-api-version", plugin_api),
    }
    return php_written({key: _kept(old.get(key), value) for key, value in lock.items()}) + "\n"


def _kept(old: Any, new: Any) -> Any:
    """Return what a field is to say, in the form in which the lock has it where it says the same: newer Composers have other ones."""
    if old == {} and not new and isinstance(new, dict):
        return EMPTY
    return old if old == new else new


def content_hash(document: Mapping[str, Any]) -> str:
    """Return what Composer knows by that a lock is of a composer.json."""
    relevant = {key: document[key] for key in _RELEVANT if key in document}
    config = document.get("config")
    platform = config.get("platform") if isinstance(config, dict) else None
    if platform is not None:
        relevant["config"] = {"platform": platform}
    text = packed({key: relevant[key] for key in sorted(relevant)})
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _entries(answer: Resolved, *, development: bool) -> list[dict[str, Any]]:
    found = [one.entry for one in answer.packages if one.development is development]
    return sorted(found, key=lambda entry: str(entry["name"]))


def _aliases(wishes: Iterable[ComposerWish], answer: Resolved) -> list[dict[str, str]]:
    called = {one.name for one in answer.packages if one.aliases}
    found = [
        {
            "package": wish.name,
            "version": _USUAL_BRANCH if one.version in _USUAL_BRANCHES else one.version,
            "alias": one.written,
            "alias_normalized": one.alias,
        }
        for wish in wishes
        for one in wish.aliases
        if wish.name in called
    ]
    return sorted(found, key=lambda alias: alias["package"])


def _flags(wishes: Iterable[ComposerWish], minimum: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in wishes:
        found |= flags_of(one.name, one.range, minimum)
    return found


def _platform(wishes: Iterable[ComposerWish]) -> dict[str, str]:
    return {one.name: one.range for one in wishes if is_platform(one.name)}
