"""Evaluates a project together with the files that the .NET SDK imports by themselves: Directory.Build.props and the like.

https://learn.microsoft.com/visualstudio/msbuild/customize-by-directory and, for central versions,
https://learn.microsoft.com/nuget/consume-packages/central-package-management.
"""

from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import Element

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.nuget_lock import REMEDY
from outrider.operators.packages.manifests.msbuild.evaluation import Evaluation
from outrider.operators.packages.manifests.msbuild.functions import slashes
from outrider.operators.packages.nuget.frameworks import full_name, read_framework

REFERENCE, VERSION, GLOBAL, PROJECT = "PackageReference", "PackageVersion", "GlobalPackageReference", "ProjectReference"
_WEB = "microsoft.net.sdk.web"
# Of others it is not known which packages they add.
_SDKS = ("microsoft.net.sdk", _WEB, "microsoft.net.sdk.worker", "microsoft.net.sdk.razor")
_PRESET = {"Configuration": "Debug", "Platform": "AnyCPU", "OS": "Unix", "MSBuildRuntimeType": "Core"}


def evaluated(project: Path, framework: str, read: Callable[[Path], str]) -> Evaluation:
    """Return a project as it is for a framework.

    Args:
        project: Its file, as an absolute path.
        framework: As it writes it; empty for what it says itself.
        read: Returns the text of a file.

    Raises:
        InvalidConfigError: It is no project.
        UnsupportedError: It is of an SDK that is not known here, or imports what cannot be told.
        NotFoundError: What it imports is not there.
    """
    sdks = _sdks(read_xml(str(project), read(project)))
    unknown = [one for one in sdks if one.partition("/")[0].lower() not in _SDKS]
    if unknown:
        raise UnsupportedError(
            f"{project}: which packages the SDK {unknown[0]} adds is not known here", path=str(project), found=unknown[0],
            expected="Microsoft.NET.Sdk, or its variants Web, Worker and Razor", suggestions=[REMEDY],
        )  # fmt: skip
    given = {"TargetFramework": framework} if framework else {}
    names = {one.partition("/")[0].lower() for one in sdks}
    preset = _PRESET | ({"UsingMicrosoftNETSdk": "true"} if sdks else {})
    preset |= {"UsingMicrosoftNETSdkWeb": "true"} if _WEB in names else {}
    found = Evaluation(
        project, given=given, preset=preset, read=read, kinds=(REFERENCE, VERSION, GLOBAL, PROJECT)
    )  # fmt: skip
    _include_above(found, project, "Build", "props")
    if _include_above(found, project, "Packages", "props"):
        found.set("CentralPackageVersionsFileImported", "true")
    found.include(project)
    _say_framework(found)
    _include_above(found, project, "Build", "targets")
    return found


def framework_of(found: Evaluation) -> str:
    """Return the framework of a project as it writes it; of one of the older form that of its version."""
    written = found.property("TargetFramework")
    version = found.property("TargetFrameworkVersion").removeprefix("v").replace(".", "")
    return written or (f"net{version}" if version else "")


def _say_framework(found: Evaluation) -> None:
    """Set what the SDK sets behind the project, so that conditions of items and of targets can ask for it."""
    written = framework_of(found)
    framework = read_framework(written)
    if written:
        identifier, _, version = full_name(framework._replace(platform="", profile="")).partition(",Version=v")
        found.set("TargetFrameworkIdentifier", identifier if version else ".NETCoreApp")
        found.set("TargetFrameworkVersion", f"v{version or identifier.removeprefix('net')}")
        found.set("TargetPlatformIdentifier", framework.platform)


def _include_above(found: Evaluation, project: Path, what: str, kind: str) -> bool:
    """Read the nearest file of a name in the folder of a project or above it, unless the project says another one or none, and return whether."""
    name = f"Directory.{what}.{kind}"
    if found.property(f"ImportDirectory{what}{kind.capitalize()}").lower() == "false":
        return False
    said = found.property(f"Directory{what}{kind.capitalize()}Path")
    folders = (project.parent, *project.parent.parents)
    file = (
        project.parent / slashes(said)
        if said
        else next((one / name for one in folders if (one / name).is_file()), None)
    )
    if file is None or not file.is_file():
        return False
    found.include(file)
    return True


def _sdks(root: Element) -> list[str]:
    """Return the SDKs of a project: https://learn.microsoft.com/visualstudio/msbuild/how-to-use-project-sdk."""
    named = [one.strip() for one in root.get("Sdk", "").split(";")]
    named += [one.get("Name", "") for one in root.iterfind("Sdk")]
    named += [one.get("Sdk", "") for one in root.iter("Import")]
    return [one for one in named if one]
