"""Where packages of NuGet are published from here, and what is shown there.

https://learn.microsoft.com/nuget/reference/nuget-config-file: `defaultPushSource`, `packageSourceCredentials` and `apikeys`. NuGet keeps keys
encrypted, in a way that only Windows reads. So the password of a source counts as its key.
"""

from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError, MissingRequirementError, UnsupportedError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.nuget.setting_files import SettingFiles
from outrider.operators.packages.nuget.settings import NugetSettings, Source
from outrider.operators.packages.registries.own_settings import own_path
from outrider.operators.packages.registries.registry import Registry, registry_at

_KEY = "x-nuget-apikey"


def push_registry(environment: Mapping[str, str], folder: Path, registry: str) -> Registry:
    """Return the source in which packages are published, by the address of its service index.

    Args:
        environment: Variables.
        folder: Of the project.
        registry: An address that counts more than all settings; empty for none.

    Raises:
        InvalidConfigError: No source is named, or one that is none.
        UnsupportedError: Its key is encrypted.
    """
    files = SettingFiles(environment, folder)
    named, sources = registry or files.text("config", "defaultPushSource"), _sources(environment, folder)
    found = next((one.registry for one in sources if _means(one, named, environment)), None)
    if found is None:
        if not named.lower().startswith(("http://", "https://")):
            raise InvalidConfigError(
                "nuget: no source is named to publish in", path="config.defaultPushSource", found=named or "none", expected="the name of a source, or its address",
                suggestions=["nuget config -set defaultPushSource=ADDRESS", "name the address of its service index with --registry"],
            )  # fmt: skip
        found = registry_at(named, "registry" if registry else "defaultPushSource", environment=environment)
    if found.authorization is None and _has_key(files, found):
        raise UnsupportedError(
            f"nuget: the key of {found.url} is encrypted, which can be read on Windows only", path="apikeys", found="an encrypted key",
            expected="a password of the source", suggestions=["dotnet nuget update source NAME --username USER --password KEY --store-password-in-clear-text"],
        )  # fmt: skip
    return found


def with_key(registry: Registry) -> Registry:
    """Return a source with its password as the key too."""
    if registry.authorization is None:
        return registry
    shown = registry.authorization.reveal().partition(" ")[2]
    password = b64decode(shown).decode("utf-8", "replace").partition(":")[2]
    return msgspec.structs.replace(registry, headers=((_KEY, SecretValue(password)),))


def _sources(environment: Mapping[str, str], folder: Path) -> list[Source]:
    try:
        return NugetSettings(environment, folder).sources
    except MissingRequirementError:
        return []


def _means(source: Source, named: str, environment: Mapping[str, str]) -> bool:
    """Return whether a source is meant; where nothing is named, that which Outrider itself was told of."""
    if not named:
        return source.registry.source == str(own_path(environment))
    return source.name.lower() == named.lower() or source.registry.url.rstrip("/") == named.rstrip("/")


def _has_key(files: SettingFiles, registry: Registry) -> bool:
    return any(key.rstrip("/").lower() == registry.url.lower() for key in files.items("apikeys"))
