"""Where packages of NuGet come from here: what NuGet is told by files and variables.

https://learn.microsoft.com/nuget/reference/nuget-config-file and https://learn.microsoft.com/nuget/consume-packages/package-source-mapping.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.nuget.setting_files import Setting, SettingFiles
from outrider.operators.packages.nuget.source_mapping import SourceMapping
from outrider.operators.packages.registries.own_settings import own_address, with_own_login
from outrider.operators.packages.registries.registry import Registry, basic, registry_at, unknown_registry
from outrider.operators.packages.registries.unheeded import unheeded

_OF_BUILDS = ("restoresources", "restoreadditionalprojectsources", "restoreconfigfile")
_LOGIN = "dotnet nuget update source NAME --username USER --password PASSWORD --store-password-in-clear-text"
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_OF_VARIABLE = re.compile(
    r"Username=(?P<user>[^;]*);\s*Password=(?P<password>.*?)(?:;ValidAuthenticationTypes=(?P<types>[^;]*))?",
    re.IGNORECASE,
)


class Source(NamedTuple):
    """A source.

    Attributes:
        name: As NuGet's settings have it.
        registry: Where it is.
    """

    name: str
    registry: Registry


class NugetSettings:
    """What NuGet is told.

    Args:
        environment: Variables.
        folder: Of the project.

    Attributes:
        sources: Those that can be asked, the nearest first.
        notes: Which ones cannot.

    Raises:
        InvalidConfigError: A file cannot be read, or a setting cannot be used.
        MissingRequirementError: There is no source.
        UnsupportedError: There is none that can be asked, or its credentials cannot be read.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = environment
        for name in environment:
            if name.lower() in _OF_BUILDS and environment[name]:
                raise unheeded(
                    name,
                    name,
                    "it is a property of builds that says which sources are asked",
                    "name the sources in a NuGet.Config",
                )
        self._files = SettingFiles(environment, folder)
        self.sources: list[Source] = []
        self.notes: list[str] = []
        self._mapping = SourceMapping(self._patterns())
        # Here NuGet heeds case, and not what is said of a name: `false` disables it too.
        disabled = self._files.items("disabledPackageSources", ignore_case=False)
        all_of_them = {name: one for name, one in self._files.items("packageSources").items() if name not in disabled}
        own = own_address("nuget", environment) if not all_of_them else None
        if own is not None:
            registry = registry_at(own.url, own.source, environment=self._proxies())
            self.sources.append(Source("outrider", with_own_login(registry, environment)))
        elif not all_of_them:
            raise unknown_registry(
                "nuget", f"{len(self._files.paths)} files of NuGet's settings", "dotnet nuget add source ADDRESS --name NAME",
                "run any command of dotnet once: it writes its own default to your NuGet.Config",
            )  # fmt: skip
        for name, setting in all_of_them.items():
            self._add(name, setting)
        if not self.sources:
            raise UnsupportedError(
                "nuget: no source can be asked", path="packageSources", found="; ".join(self.notes), expected="https://HOST/PATH/index.json",
                suggestions=["dotnet nuget add source ADDRESS --name NAME"],
            )  # fmt: skip

    def sources_for(self, name: str) -> list[int]:
        """Return the numbers of the sources that may have a package: the longest pattern that fits its name says which.

        Args:
            name: In small letters.
        """
        if not self._mapping:
            return list(range(len(self.sources)))
        named = self._mapping.sources(name)
        return [number for number, source in enumerate(self.sources) if source.name.lower() in named]

    def _patterns(self) -> Iterator[tuple[str, str]]:
        """Yield patterns of names, each with a source that they are for."""
        for name, setting in self._files.items("packageSourceMapping", "packageSource").items():
            yield from ((one.get("pattern", ""), name) for one in setting.element.iterfind("package"))

    def _add(self, name: str, setting: Setting) -> None:
        address = self._files.value(setting.element)
        if not _ADDRESS.match(address):
            self.notes.append(f"source {name}: a folder, which is not looked into")
            return
        if not _path(address).endswith(".json") and setting.element.get("protocolVersion", "") != "3":
            self.notes.append(f"source {name}: of version 2, which is not asked")
            return
        login = _LOGIN.replace("NAME", name)
        registry = registry_at(address, str(setting.path), login=login, environment=self._proxies())
        authorization = self._authorization(name)
        if authorization is not None:
            registry = msgspec.structs.replace(registry, authorization=authorization)
        self.sources.append(Source(name, registry))

    def _proxies(self) -> Mapping[str, str]:
        """Return what NuGet says of proxies under the names of variables; it uses one for all addresses."""
        if self._files.text("config", "http_proxy.password"):
            raise _encrypted("config.http_proxy.password", "the proxy", "set the variable http_proxy")
        proxy = self._files.text("config", "http_proxy")
        own = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": self._files.text("config", "no_proxy")}
        if proxy:
            return own
        variable = self._environment.get("http_proxy", "")
        return {"https_proxy": variable, **self._environment} if variable else self._environment

    def _authorization(self, name: str) -> SecretValue | None:
        """Return the header for a source; what a variable says counts more than files."""
        variable = f"NuGetPackageSourceCredentials_{name}"
        said = _OF_VARIABLE.fullmatch(self._environment.get(variable, "").strip())
        if said is not None:
            _refuse_other_types(name, said["types"] or "", variable)
            return basic(said["user"], said["password"])
        setting = self._files.items("packageSourceCredentials", "", "", ignore_case=False).get(name)
        if setting is None:
            return None
        values = {one.get("key", ""): self._files.value(one) for one in setting.element.iterfind("add")}
        _refuse_other_types(name, values.get("ValidAuthenticationTypes", ""), str(setting.path))
        if "ClearTextPassword" in values:
            return basic(values.get("Username", ""), values["ClearTextPassword"])
        if "Password" in values:
            raise _encrypted(
                f"packageSourceCredentials.{name}.Password", f"the source {name}",
                f"dotnet nuget update source {name} --username USER --password PASSWORD --store-password-in-clear-text",
                f"set the variable {variable} to Username=USER;Password=PASSWORD",
            )  # fmt: skip
        return None


def _path(address: str) -> str:
    try:
        return urlsplit(address).path.lower()
    except ValueError:
        return ".json"  # what is wrong with it is told where it is read


def _refuse_other_types(name: str, types: str, source: str) -> None:
    said = [one.strip().lower() for one in types.split(",") if one.strip()]
    if said and "basic" not in said:
        raise UnsupportedError(
            f"{source}: the source {name} takes no password", found=", ".join(said), expected="basic among ValidAuthenticationTypes",
            suggestions=["use a token in place of a password, with ValidAuthenticationTypes basic"],
        )  # fmt: skip


def _encrypted(path: str, what: str, *remedies: str) -> UnsupportedError:
    return UnsupportedError(
        f"nuget: the password of {what} is encrypted, which can be read on Windows only", path=path, found="an encrypted password",
        expected="ClearTextPassword", suggestions=remedies,
    )  # fmt: skip
