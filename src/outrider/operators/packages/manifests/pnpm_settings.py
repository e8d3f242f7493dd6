"""What pnpm 10 is told of a project beside its needs, and what of it can be heeded here: https://pnpm.io/10.x/settings."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.manifests.package_json import FORM, texts_of
from outrider.operators.packages.manifests.pnpm_extensions import read_extensions
from outrider.operators.packages.manifests.pnpm_patches import FIELD as PATCHES
from outrider.operators.packages.manifests.pnpm_patches import Patch, read_patches
from outrider.operators.packages.npm.catalogs import Catalogs, catalog_of, checked_entry
from outrider.operators.packages.npm.pnpm.overrides import target_of
from outrider.operators.packages.npm.program import NpmProgram
from outrider.operators.packages.npm.settings import NpmSettings

WORKSPACE = "pnpm-workspace.yaml"
_HOOKS = (".pnpmfile.cjs", ".pnpmfile.mjs", "pnpmfile.js")
_EXTENSIONS = "packageExtensions"
_READ_IN_PACKAGE = frozenset(("overrides", _EXTENSIONS, PATCHES))
_READ = frozenset(("packages", "catalog", "catalogs")) | _READ_IN_PACKAGE
# What is heeded only once all is chosen. Whatever else is set may change what is chosen, or how it is written.
_HARMLESS = frozenset((
    "allowBuilds", "allowedDeprecatedVersions", "auditConfig", "catalogMode", "childConcurrency", "cleanupUnusedCatalogs",
    "dangerouslyAllowAllBuilds", "dedupeDirectDeps", "dedupeInjectedDeps", "enablePrePostScripts", "extendNodePath", "forceLegacyDeploy",
    "hoist", "hoistPattern", "hoistWorkspacePackages", "ignoreScripts", "ignoreWorkspaceCycles", "ignoredBuiltDependencies",
    "includeWorkspaceRoot", "managePackageManagerVersions", "modulesDir", "neverBuiltDependencies", "nodeLinker", "onlyBuiltDependencies",
    "optimisticRepeatInstall", "packageImportMethod", "peerDependencyRules", "preferFrozenLockfile", "publicHoistPattern", "requiredScripts",
    "saveExact", "savePrefix", "scriptShell", "shamefullyHoist", "shellEmulator", "sideEffectsCache", "storeDir", "strictDepBuilds", "symlink",
    "updateConfig", "updateNotifier", "verifyDepsBeforeRun", "verifyStoreIntegrity", "virtualStoreDir", "workspaceConcurrency",
))  # fmt: skip
# What is heeded where nothing else is said, by what is set; in .npmrc with dashes.
_USUAL = {
    "autoInstallPeers": "true", "dedupePeerDependents": "true", "dedupePeers": "false", "engineStrict": "false",
    "excludeLinksFromLockfile": "false", "gitBranchLockfile": "false", "ignoreCompatibilityDb": "false", "injectWorkspacePackages": "false",
    "linkWorkspacePackages": "false", "lockfile": "true", "lockfileIncludeTarballUrl": "false", "minimumReleaseAge": "0",
    "peersSuffixMaxLength": "1000", "preferWorkspacePackages": "false", "resolutionMode": "highest", "resolvePeersFromWorkspaceRoot": "true",
    "saveWorkspaceProtocol": "rolling", "sharedWorkspaceLockfile": "true", "strictPeerDependencies": "false", "tag": "latest",
    "trustPolicy": "off",
}  # fmt: skip
REMEDY = "have pnpm write the lock file: pnpm install --lockfile-only"


class PnpmSettings(msgspec.Struct, kw_only=True, frozen=True):
    """What a project is told.

    Attributes:
        file: The pnpm-workspace.yaml; it need not be there.
        text: Of that; empty where there is none.
        patterns: Of the folders of members.
        catalogs: By name, what stands in each by name.
        overrides: What is asked for in place of what, by selectors.
        of_catalogs: The catalogs and names that overrides are taken from.
        named: The catalogs that stand in `catalogs`.
        referred: The names of what overrides take from what the project itself asks for.
        extensions: What is added to packages, by selector and field.
        patches: By what they are for.
    """

    file: Path
    text: str
    patterns: list[str]
    catalogs: Catalogs
    overrides: dict[str, str]
    of_catalogs: frozenset[tuple[str, str]]
    named: frozenset[str]
    referred: frozenset[str]
    extensions: dict[str, dict[str, dict[str, Any]]]
    patches: dict[str, Patch]


def read_settings(document: dict[str, Any], folder: Path, text: str) -> PnpmSettings:
    """Return what is set in a folder.

    Args:
        document: The package.json of the project.
        folder: Of the project.
        text: Of the pnpm-workspace.yaml; empty where there is none.

    Raises:
        UnsupportedError: Settings are made that are not heeded here.
        InvalidConfigError: Some cannot be read.
    """
    documents = read_yaml(WORKSPACE, text)
    workspace = documents[0] if documents else {}
    for where, found in _unheeded(document, workspace, folder):
        raise _refused(where, found)
    catalogs = _catalogs(workspace)
    # What package.json says counts for all of them: https://pnpm.io/10.x/settings#overrides.
    of_package = _table(FORM, document, "pnpm")
    own = {**_texts(FORM, document, "resolutions"), **_texts(FORM, of_package, "overrides")}
    written = own or _texts(WORKSPACE, workspace, "overrides")
    said = {selector: _referred(document, selector, text) for selector, text in written.items()}
    overrides = {
        selector: catalog_entry(catalogs, f"overrides.{selector}", target_of(selector), text)
        for selector, text in said.items()
    }
    used = {(catalog_of(text), target_of(selector)) for selector, text in said.items() if catalog_of(text)}
    return PnpmSettings(
        file=folder / WORKSPACE, text=text, patterns=_patterns(workspace), catalogs=catalogs, overrides=overrides,
        of_catalogs=frozenset(used), named=frozenset(workspace.get("catalogs") or ()),
        referred=frozenset(text[1:] for text in written.values() if text.startswith("$")),
        extensions=read_extensions(of_package, workspace, str(document.get("name"))), patches=read_patches(of_package, workspace, folder),
    )  # fmt: skip


def refuse_npmrc(environment: Mapping[str, str], folder: Path) -> None:
    """Refuse what files of npm or the environment set and is not heeded here.

    Args:
        environment: Variables.
        folder: Of the project.

    Raises:
        UnsupportedError: Something is set.
    """
    settings = NpmSettings(environment, folder, NpmProgram())
    for key, usual in _USUAL.items():
        name = re.sub("[A-Z]", lambda match: f"-{match[0].lower()}", key)
        value = settings.value(name)
        if value and value != usual:
            raise _refused(".npmrc", f"{name}={value}")


def _refused(where: str, found: str) -> UnsupportedError:
    return UnsupportedError(
        f"{where}: pnpm is told {found}, which is not heeded here", path=where, found=found, expected="a project with pnpm's own settings",
        suggestions=[REMEDY],
    )  # fmt: skip


def _unheeded(document: Mapping[str, Any], workspace: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what is set and cannot be heeded, and where."""
    own = _table(FORM, document, "pnpm")
    yield from ((FORM, f"pnpm.{key}") for key in own if key not in _HARMLESS and key not in _READ_IN_PACKAGE)
    yield from ((str(folder / name), "a hook") for name in _HOOKS if (folder / name).exists())
    for key, value in sorted(workspace.items()):
        if key not in _HARMLESS and key not in _READ and value != _USUAL.get(key):
            yield str(folder / WORKSPACE), key
    above = next((one for one in folder.resolve().parents if (one / WORKSPACE).exists()), None)
    if above is not None and not (folder / WORKSPACE).exists():
        yield str(above / WORKSPACE), "to have one lock for the workspace there"


def _catalogs(workspace: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    catalogs = {
        name: _texts(WORKSPACE, _table(WORKSPACE, workspace, "catalogs"), name)
        for name in workspace.get("catalogs") or ()
    }
    if "default" in catalogs and workspace.get("catalog"):
        raise InvalidConfigError(
            f"{WORKSPACE}: the default catalog is there twice", path="catalogs.default", found="catalog and catalogs.default", expected="one of them",
            suggestions=["put all of it into catalog"],
        )  # fmt: skip
    return {"default": _texts(WORKSPACE, workspace, "catalog"), **catalogs}


def _patterns(workspace: Mapping[str, Any]) -> list[str]:
    found = workspace.get("packages") or []
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        raise InvalidConfigError(
            f"{WORKSPACE}: packages cannot be read", path="packages", found=str(found)[:80], expected="a list of patterns of folders",
            suggestions=["correct it"],
        )  # fmt: skip
    return found


def _table(file: str, document: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key) or {}
    if not isinstance(found, dict):
        raise InvalidConfigError(
            f"{file}: {key} cannot be read", path=key, found=type(found).__name__, expected="names with what they stand for", suggestions=["correct it"]
        )  # fmt: skip
    return found


def _texts(file: str, document: Mapping[str, Any], key: str) -> dict[str, str]:
    return texts_of({key: document.get(key) or {}}, key, file)


def _referred(document: dict[str, Any], selector: str, text: str) -> str:
    """Return what an override asks for: `$NAME` is what the project itself asks for by that name."""
    if not text.startswith("$"):
        return text
    asked: dict[str, str] = {}
    for kind in ("devDependencies", "dependencies", "optionalDependencies"):
        asked |= _texts(FORM, document, kind)
    if found := asked.get(text[1:]):
        return found
    raise InvalidConfigError(
        f"overrides: {selector} is {text}, and the project asks for no {text[1:]}", path=f"overrides.{selector}", found=text,
        expected="a range, or what dependencies name", suggestions=[f"ask for {text[1:]} in {FORM}"],
    )  # fmt: skip


def catalog_entry(catalogs: Catalogs, where: str, name: str, text: str) -> str:
    """Return what is asked of a name; arguments and errors are those of `checked_entry`."""
    remedy, odd = f"add it to {WORKSPACE}", ("catalog", "workspace", "link", "file")
    return checked_entry(catalogs, where, name, text, file=WORKSPACE, remedy=remedy, odd=odd)
