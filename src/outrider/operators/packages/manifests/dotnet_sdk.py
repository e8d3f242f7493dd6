"""Packages that the .NET SDK adds to a project by itself, which a lock has like those that the project names.

Microsoft.NET.Sdk.DefaultItems.targets and Microsoft.NET.Publish.targets in https://github.com/dotnet/sdk/tree/main/src/Tasks. Which version
of some it adds follows from the SDK; that is known from a lock that it has written.
"""

from collections.abc import Mapping
from typing import Any

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.manifests.dotnet_project import DotnetProject, Reference, TargetProject
from outrider.operators.packages.nuget.frameworks import CORE, NET, STANDARD

_STANDARD, _ASSEMBLIES, _FSHARP = "NETStandard.Library", "Microsoft.NETFramework.ReferenceAssemblies", "FSharp.Core"
_LINKER, _COMPILER = "Microsoft.NET.ILLink.Tasks", "Microsoft.DotNet.ILCompiler"
_ASSEMBLIES_VERSION = "1.0.3"
# What asks for a package of which the SDK says the version.
_ASKING = {
    _COMPILER: ("PublishAot",),
    _LINKER: (
        "PublishAot", "PublishTrimmed", "IsTrimmable", "IsAotCompatible", "PublishSingleFile", "EnableTrimAnalyzer", "EnableAotAnalyzer",
        "EnableSingleFileAnalyzer",
    ),
}  # fmt: skip


def added(project: DotnetProject, target: TargetProject, locked: Mapping[str, Any]) -> dict[str, Reference]:
    """Return the packages that the SDK adds for a framework, by name in small letters.

    Args:
        project: Of which.
        target: For which of its frameworks.
        locked: What a lock has of packages, by name, as far as there is one.

    Raises:
        UnsupportedError: The version of one is known to the SDK alone.
    """
    versions = {
        name.lower(): str(entry.get("requested")) for name, entry in locked.items() if entry.get("type") == "Direct"
    }
    found = {}
    for name, usual in _added(project, target).items():
        if name.lower() in target.references:
            continue
        version = versions.get(name.lower(), usual)
        if not version:
            raise UnsupportedError(
                f"{project.path}: the SDK adds {name} in a version of its own, which is not known here", path=name, found="no lock that says it",
                expected=f"a PackageReference, or a lock with {name}", suggestions=["write the first lock with dotnet restore --use-lock-file"],
            )  # fmt: skip
        is_private = name != _FSHARP and target.framework.version >= (2, 0, 0, 0)
        found[name.lower()] = Reference(name, version, None, is_private)
    return found


def _added(project: DotnetProject, target: TargetProject) -> dict[str, str]:
    """Return names, and versions as far as these do not follow from the SDK."""
    framework, said = target.framework, target.properties
    found: dict[str, str] = {}
    if not said("UsingMicrosoftNETSdk"):
        return found
    is_implicit = said("DisableImplicitFrameworkReferences").lower() != "true"
    if is_implicit and framework.name == STANDARD and framework.version < (2, 1, 0, 0):
        usual = "2.0.3" if framework.version >= (2, 0, 0, 0) else "1.6.1"
        found[_STANDARD] = said("NETStandardImplicitPackageVersion") or usual
    if framework.name == NET and said("AutomaticallyUseReferenceAssemblyPackages").lower() != "false":
        found[_ASSEMBLIES] = _ASSEMBLIES_VERSION
    if project.path.suffix == ".fsproj" and said("DisableImplicitFSharpCoreReference").lower() != "true":
        found[_FSHARP] = ""
    if framework.name == CORE:
        found |= {name: "" for name, asking in _ASKING.items() if any(said(one).lower() == "true" for one in asking)}
    return found
