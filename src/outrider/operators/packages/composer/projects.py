"""The project itself as a package: what it replaces, provides and conflicts with counts as it does of others.

https://getcomposer.org/doc/04-schema.md and the class `RootPackageLoader`:
https://github.com/composer/composer/blob/2.5.5/src/Composer/Package/Loader/RootPackageLoader.php.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from outrider.operators.packages.composer.branches import branch_alias
from outrider.operators.packages.composer.candidates import Candidate, alias_of, candidate_of
from outrider.operators.packages.composer.constraints import Constraints
from outrider.operators.packages.composer.releases import ComposerRelease
from outrider.operators.packages.versions.composer import normal_form

_NAMELESS, _USUAL_VERSION = "__root__", "1.0.0"
_VERSION = "COMPOSER_ROOT_VERSION"


def version_of(document: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Return the version of a project; empty where it says none.

    Args:
        document: Its composer.json.
        environment: Variables of this process.
    """
    return str(document.get("version") or environment.get(_VERSION) or "")


def project_candidates(document: Mapping[str, Any], environment: Mapping[str, str]) -> list[Candidate]:
    """Return a project and what it is called, without what it requires.

    Args:
        document: Its composer.json, which has been read.
        environment: Variables of this process.

    Raises:
        InvalidConfigError: Its version is none.
    """
    version = version_of(document, environment) or _USUAL_VERSION
    said = ComposerRelease(
        conflicts=_links(document, "conflict"),
        provides=_links(document, "provide"),
        replaces=_links(document, "replace"),
    )
    name = str(document.get("name") or _NAMELESS).lower()
    own = candidate_of(name, version, normal_form(version), said, Constraints())
    extra = document.get("extra")
    aliases = extra.get("branch-alias") if isinstance(extra, dict) else None
    alias = branch_alias(version, _texts(aliases), is_default=False)
    return [alias_of(own, alias), own] if alias else [own]


def _links(document: Mapping[str, Any], kind: str) -> dict[str, str]:
    return {name.lower(): text for name, text in (document.get(kind) or {}).items()}


def _texts(found: Any) -> Iterable[tuple[str, str]]:
    pairs: Iterator[tuple[str, Any]] = iter(found.items() if isinstance(found, dict) else ())
    return [(name, text) for name, text in pairs if isinstance(text, str)]
