"""Projects of .NET for tests, drawn at random: with several frameworks, projects that need each other, and versions in one place."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from outrider.operators.packages.tests.nuget_universes import Drawn, drawn

FRAMEWORKS = (
    "netcoreapp3.1",
    "net5.0",
    "netstandard2.1",
    "net48",
    "net5.0;netcoreapp3.1",
    "netcoreapp3.1;net48;net5.0",
)
_LIBRARY = "netstandard2.0;net48"
CENTRAL = "Directory.Packages.props"


def draw_projects(random: Random, prefix: str, folder: Path) -> tuple[Drawn, Path]:
    """Write projects into a folder, and return the packages that there are and the project that needs all others."""
    packages, asked = drawn(random, prefix)
    is_central = random.random() < 0.3
    libraries = [f"Lib{number}" for number in range(random.choice((0, 0, 1, 2, 3)))]
    # What floats may not stand in one place for all.
    references = [(name, "1.0.0" if is_central and "*" in text else text or "0.5.0") for name, text in asked.items()]
    chosen = {one: random.sample(references, min(len(references), random.randint(0, 2))) for one in libraries}
    if is_central:
        versions = dict(references)
        more = {name: next(iter(them)) for name, them in packages.items() if random.random() < 0.3}
        _write(folder / CENTRAL, _central({**more, **versions}))
    for number, name in enumerate(libraries):
        others = [one for one in libraries[number + 1 :] if random.random() < 0.5]
        text = _project(_LIBRARY, dict(chosen[name]), others, random, is_central=is_central)
        _write(folder / name / f"{name}.csproj", text)
    path = folder / "App" / "App.csproj"
    own = dict(random.sample(references, random.randint(1, len(references))))
    frameworks = random.choice([one for one in FRAMEWORKS if not libraries or "2.1" not in one])
    _write(path, _project(frameworks, own, libraries, random, is_central=is_central))
    return packages, path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _central(versions: Mapping[str, str]) -> str:
    items = "".join(f'<PackageVersion Include="{name}" Version="{text}" />' for name, text in versions.items())
    return (
        "<Project><PropertyGroup><ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally>"
        "<CentralPackageTransitivePinningEnabled>true</CentralPackageTransitivePinningEnabled></PropertyGroup>"
        f"<ItemGroup>{items}</ItemGroup></Project>"
    )


def _project(
    frameworks: str, references: Mapping[str, str], projects: list[str], random: Random, *, is_central: bool
) -> str:
    items = []
    for name, text in references.items():
        version = "" if is_central else f' Version="{text}"'
        private = ' PrivateAssets="all"' if random.random() < 0.2 else ""
        condition = " Condition=\"'$(TargetFramework)' != 'net48'\"" if random.random() < 0.2 else ""
        items.append(f'<PackageReference Include="{name}"{version}{private}{condition} />')
    items += [f'<ProjectReference Include="..\\{one}\\{one}.csproj" />' for one in projects]
    runtimes = "<RuntimeIdentifiers>win-x64;linux-x64</RuntimeIdentifiers>" if random.random() < 0.2 else ""
    version = f"<Version>{random.choice(('2.0.0', '1.5.0-rc.1'))}</Version>" if random.random() < 0.3 else ""
    return _written(frameworks, f"{runtimes}{version}", items)


def project_text(
    frameworks: str, references: Mapping[str, str], *projects: str, properties: str = "", items: str = ""
) -> str:
    """Return the text of a project.

    Args:
        frameworks: With semicolons between.
        references: Ranges by the names of packages.
        projects: Paths of others that it needs.
        properties: Further elements of its properties.
        items: Further elements.
    """
    packages = [f'<PackageReference Include="{name}" Version="{text}" />' for name, text in references.items()]
    return _written(
        frameworks, properties, [*packages, *(f'<ProjectReference Include="{one}" />' for one in projects), items]
    )


def _written(frameworks: str, properties: str, items: Sequence[str]) -> str:
    tag = "TargetFrameworks" if ";" in frameworks else "TargetFramework"
    lines = "".join(f"    {one}\n" for one in items if one)
    return (
        f'<Project Sdk="Microsoft.NET.Sdk">\n  <PropertyGroup>\n    <{tag}>{frameworks}</{tag}>\n    {properties}\n'
        "    <AutomaticallyUseReferenceAssemblyPackages>false</AutomaticallyUseReferenceAssemblyPackages>\n"
        f"  </PropertyGroup>\n  <ItemGroup>\n{lines}  </ItemGroup>\n</Project>\n"
    )
