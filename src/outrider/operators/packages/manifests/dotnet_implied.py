"""Which packages the .NET SDK adds to a project by itself.

Microsoft.NET.Sdk.DefaultItems.props, Microsoft.NET.Publish.targets and ProcessFrameworkReferences.cs in
https://github.com/dotnet/sdk/tree/main/src/Tasks/Microsoft.NET.Build.Tasks, and Microsoft.FSharp.NetSdk.props in
https://github.com/dotnet/fsharp/tree/main/src/FSharp.Build.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from outrider.operators.packages.nuget.frameworks import CORE, NET, STANDARD, Framework

LINKER, LINKER_ANALYZERS = "Microsoft.NET.ILLink.Tasks", "Microsoft.NET.ILLink.Analyzers"
_STANDARD, _CORE = "NETStandard.Library", "Microsoft.NETCore.App"
_ASSEMBLIES, _ASSEMBLIES_VERSION = "Microsoft.NETFramework.ReferenceAssemblies", "1.0.3"
_FSHARP, _TUPLES = "FSharp.Core", "System.ValueTuple"
_COMPILER, _WEB_ASSETS = "Microsoft.DotNet.ILCompiler", "Microsoft.AspNetCore.App.Internal.Assets"
# Those that came before the rule that the first version of a series is asked for.
_CORE_VERSIONS = {(1, 0): "1.0.5", (1, 1): "1.1.2"}
_BUILT = frozenset({"bin", "obj"})


class Implied(NamedTuple):
    """A package.

    Attributes:
        name: Of it.
        version: Which; empty where that follows from the SDK.
        is_private: Whether whoever needs the project does not need it.
        is_early: Whether it stands before what the project says, which may change it by `Update`.
        is_replaced: Whether it gives way to one of its name that the project includes.
        is_sure: Whether each SDK adds it, and on each machine; if not, the lock that is there tells.
        is_usual: Whether it is there where no lock tells.
    """

    name: str
    version: str = ""
    is_private: bool = True
    is_early: bool = False
    is_replaced: bool = True
    is_sure: bool = True
    is_usual: bool = True


def implied(path: Path, framework: Framework, said: Callable[[str], str]) -> Iterator[Implied]:
    """Yield packages, those first that stand before what the project says.

    Args:
        path: The file of the project.
        framework: For which it is read.
        said: Gives a property of it, once all are there.

    Raises:
        UnsupportedError: A property is not known.
    """
    if not said("UsingMicrosoftNETSdk"):
        return
    if said("DisableImplicitFrameworkReferences").lower() != "true":
        yield from _framework(framework, said)
    if path.suffix == ".fsproj":
        yield from _fsharp(framework, said)
    if framework.name == NET and said("AutomaticallyUseReferenceAssemblyPackages").lower() != "false":
        # Where the machine has such assemblies itself, the package is not needed.
        yield Implied(_ASSEMBLIES, _ASSEMBLIES_VERSION, is_sure=False)
    if framework.name == CORE:
        yield from _tools(path, framework, said)


def _framework(framework: Framework, said: Callable[[str], str]) -> Iterator[Implied]:
    version, is_private = framework.version, framework.version >= (2, 0, 0, 0)
    if framework.name == STANDARD and version < (2, 1, 0, 0):
        usual = "2.0.3" if is_private else "1.6.1"
        yield Implied(_STANDARD, said("NETStandardImplicitPackageVersion") or usual, is_private, is_early=True)
    if framework.name == CORE and version < (3, 0, 0, 0):
        is_newest = any(said(name).lower() == "true" for name in ("TargetLatestRuntimePatch", "SelfContained"))
        usual = "" if is_newest or said("RuntimeIdentifier") else f"{version[0]}.{version[1]}.0"
        asked = said("RuntimeFrameworkVersion") or (usual and _CORE_VERSIONS.get(version[:2], usual))
        yield Implied(_CORE, asked, is_private, is_early=True)


def _fsharp(framework: Framework, said: Callable[[str], str]) -> Iterator[Implied]:
    # From 7.0.200 on the SDK adds neither where versions stand in one place, and before that it had to be told not to.
    is_central = said("ManagePackageVersionsCentrally").lower() == "true"
    disabled, tuples = (said(f"DisableImplicit{one}Reference").lower() for one in ("FSharpCore", "SystemValueTuple"))
    usual = not is_central or disabled == "false"
    if disabled != "true":
        yield Implied(
            _FSHARP, said("FSharpCoreImplicitPackageVersion"), is_private=False, is_early=True, is_replaced=False, is_sure=usual, is_usual=usual
        )  # fmt: skip
    has_tuples = framework.version >= ((4, 7, 1, 0) if framework.name == NET else (2, 0, 0, 0))
    if tuples != "true" and not is_central and not has_tuples:
        yield Implied(_TUPLES, is_private=False, is_early=True, is_replaced=False)


def _tools(path: Path, framework: Framework, said: Callable[[str], str]) -> Iterator[Implied]:
    def is_set(*names: str) -> bool:
        return any(said(name).lower() == "true" for name in names)

    version = framework.version
    if is_set("PublishAot"):
        yield Implied(_COMPILER)
    for_any = is_set("PublishAot", "PublishTrimmed")
    for_aot = is_set("IsAotCompatible", "EnableAotAnalyzer")
    for_new = is_set("IsTrimmable", "EnableTrimAnalyzer", "PublishSingleFile", "EnableSingleFileAnalyzer")
    # What is older has none of the attributes that are looked at, and gets nothing.
    is_too_old = (for_aot and version < (7, 0, 0, 0)) or (for_new and version < (6, 0, 0, 0))
    said_itself = said("_RequiresILLinkPack").lower()
    is_asked = said_itself == "true" or (said_itself != "false" and (for_any or for_aot or for_new))
    if is_asked and not is_too_old and version >= (3, 0, 0, 0):
        yield Implied(LINKER)
    if (
        said("UsingMicrosoftNETSdkWeb")
        and version >= (10, 0, 0, 0)
        and (is_set("RequiresAspNetWebAssets") or _is_razor(path, said))
    ):
        yield Implied(_WEB_ASSETS, is_sure=False)


def _is_razor(path: Path, said: Callable[[str], str]) -> bool:
    """Return whether there are pages in the folder of a project, but for what a build has left there."""
    found = (one.relative_to(path.parent).parts for one in path.parent.rglob("*.razor"))
    return not said("RequiresAspNetWebAssets") and any(
        parts[0] not in _BUILT and not any(part.startswith(".") for part in parts) for parts in found
    )
