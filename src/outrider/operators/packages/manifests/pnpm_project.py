"""What pnpm 10 is told of a project beside its needs, and what of it can be heeded here: https://pnpm.io/10.x/settings."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.manifests.package_json import FORM, NpmManifest
from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.npm.program import NpmProgram
from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.resolving.questions import Question

_WORKSPACE = "pnpm-workspace.yaml"
_HOOKS = (".pnpmfile.cjs", ".pnpmfile.mjs", "pnpmfile.js")
# What is heeded only once all is chosen. Whatever else is set may change what is chosen, or how it is written.
_HARMLESS = frozenset((
    "allowBuilds", "allowedDeprecatedVersions", "auditConfig", "dangerouslyAllowAllBuilds", "ignoredBuiltDependencies", "neverBuiltDependencies",
    "onlyBuiltDependencies", "peerDependencyRules", "requiredScripts", "strictDepBuilds", "updateConfig", "verifyDepsBeforeRun",
))  # fmt: skip
_OF_MANIFESTS = ("resolutions", "dependenciesMeta", "publishConfig")
_OF_NPMRC = (
    "auto-install-peers", "dedupe-direct-deps", "dedupe-injected-deps", "dedupe-peer-dependents", "dedupe-peers", "exclude-links-from-lockfile",
    "git-branch-lockfile", "ignore-compatibility-db", "lockfile-include-tarball-url", "minimum-release-age", "peers-suffix-max-length",
    "resolution-mode", "resolve-peers-from-workspace-root", "tag", "trust-policy",
)  # fmt: skip


def asked_of_pnpm(
    manifest: NpmManifest, question: Question, folder: Path, locked: Mapping[str, Mapping[str, str]] | None = None
) -> Question:
    """Return the question for what a project needs, in the order in which pnpm looks at it.

    Args:
        manifest: Who asks.
        question: What may be used for an answer.
        folder: Of the project, whose settings count.
        locked: Versions that are tried first, as `NpmDetails` has them.

    Raises:
        UnsupportedError: Settings are made that are not heeded here.
        InvalidConfigError: Some cannot be read.
    """
    for where, found in _settings(manifest.document, question, folder):
        raise UnsupportedError(
            f"{where}: pnpm is told {found}, which is not heeded here", path=where, found=found, expected="a project with pnpm's own settings",
            suggestions=["have pnpm write the lock file: pnpm install --lockfile-only"],
        )  # fmt: skip
    fields = [manifest.document.get(kind) or {} for kind in ("devDependencies", "dependencies", "optionalDependencies")]
    asked = {name: text for field in fields for name, text in field.items()}
    return msgspec.structs.replace(
        question, packages=[f"{name}@{text or '*'}" for name, text in asked.items()], folder=folder, files=True,
        client="pnpm", details=NpmDetails(optional=set(fields[-1]), locked_needs=locked or {}),
    )  # fmt: skip


def _settings(document: Mapping[str, Any], question: Question, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what is set, and where."""
    own = document.get("pnpm")
    yield from ((FORM, f"pnpm.{key}") for key in (own if isinstance(own, dict) else ()) if key not in _HARMLESS)
    yield from ((FORM, key) for key in _OF_MANIFESTS if document.get(key))
    for key in ("engines", "devEngines"):
        engines = document.get(key)
        if isinstance(engines, dict) and "runtime" in engines:
            yield FORM, f"{key}.runtime"
    yield from ((str(folder / name), "a hook") for name in _HOOKS if (folder / name).exists())
    for above in (folder, *folder.parents):
        text = text_or_none(above / _WORKSPACE)
        if text is not None:
            keys = {key for table in read_yaml(_WORKSPACE, text) for key in table}
            yield from ((str(above / _WORKSPACE), key) for key in sorted(keys - _HARMLESS))
            break
    settings = NpmSettings(question.environment, folder, NpmProgram())
    yield from ((".npmrc", f"{key}={value}") for key in _OF_NPMRC if (value := settings.value(key)))
