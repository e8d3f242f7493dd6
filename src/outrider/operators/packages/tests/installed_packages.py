"""Installed packages of each ecosystem, as its own tools leave them on a disk."""

import json
from pathlib import Path
from typing import Any


def written(path: Path, text: str) -> Path:
    """Write a file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def npm(project: Path, place: str, version: str, **fields: Any) -> Path:
    """Have a package below node_modules; its place may be deep or scoped."""
    folder = project / "node_modules" / place
    name = place.rpartition("node_modules/")[2]
    written(folder / "package.json", json.dumps({"name": name, "version": version, **fields}))
    return folder


def pypi(site: Path, name: str, version: str, *fields: str) -> Path:
    """Have a distribution in a site-packages; fields are lines of its metadata."""
    folder = site / f"{name}-{version}.dist-info"
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {name}",
        f"Version: {version}",
        *fields,
        "",
        "License: of the description",
    ]
    written(folder / "METADATA", "\n".join(lines))
    return folder


def composer(project: Path, *entries: dict[str, Any], old: bool = False) -> None:
    """Have a vendor folder of Composer, in the form of its version 1 too."""
    written(
        project / "vendor" / "composer" / "installed.json", json.dumps(list(entries) if old else {"packages": entries})
    )


def cargo(folder: Path, name: str, version: str, *lines: str) -> Path:
    """Have a crate that is unpacked."""
    written(folder / "Cargo.toml", "\n".join(["[package]", f'name = "{name}"', f'version = "{version}"', *lines]))
    return folder


def maven(home: Path, group: str, artifact: str, version: str, inside: str) -> Path:
    """Have a POM in the local repository of a user."""
    folder = home.joinpath(".m2", "repository", *group.split("."), artifact, version)
    return written(
        folder / f"{artifact}-{version}.pom", f'<project xmlns="http://maven.apache.org/POM/4.0.0">{inside}</project>'
    )


def nuget(packages: Path, name: str, version: str, inside: str) -> Path:
    """Have a package in the folder of NuGet."""
    folder = packages / name.lower() / version
    written(folder / f"{name.lower()}.nuspec", f"<package><metadata><id>{name}</id>{inside}</metadata></package>")
    return folder


def gem(folder: Path, name: str, version: str, licences: str) -> Path:
    """Have a gem with its specification."""
    lines = [
        "Gem::Specification.new do |s|",
        f'  s.name = "{name}".freeze',
        *([licences] if licences else []),
        "end",
        "",
    ]
    written(folder / "specifications" / f"{name}-{version}.gemspec", "\n".join(lines))
    return folder / "gems" / f"{name}-{version}"
