"""Builds of Gradle for tests, and what is read of them in few words."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from outrider.operators.packages.manifests.gradle.builds import Asked, GradleBuild, GradleProject
from outrider.operators.packages.manifests.gradle.reading import read_build


def build_of(folder: Path, files: Mapping[str, str]) -> GradleBuild:
    """Return what is read of a build with these files.

    Args:
        folder: To write them to.
        files: Their texts by their paths.
    """
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return read_build(folder)


def told(build: GradleBuild, path: str = ":") -> list[str]:
    """Return what a project of a build asks for, a line each.

    Args:
        build: It.
        path: Of the project.
    """
    project = build.projects[path]
    return [
        f"{configuration} {_told(asked, build)}" for configuration, those in project.declared.items() for asked in those
    ]


def told_of(project: GradleProject) -> dict[str, object]:
    """Return what is said of a project besides, as far as it is not what all have.

    Args:
        project: It.
    """
    usual: dict[str, object] = {
        "group": "",
        "version": "",
        "excluded": {},
        "forced": (),
        "ignored": (),
        "locked": (),
        "java": None,
    }
    found = {
        "group": project.group, "version": project.version, "ignored": project.ignored, "locked": project.locked, "java": project.java,
        "excluded": {name: [":".join(one) for one in those] for name, those in project.excluded.items()},
        "forced": tuple(f"{one.group}:{one.name}:{one.version.required}" for one in project.forced),
    }  # fmt: skip
    return {key: value for key, value in found.items() if value != usual[key]}


def whole(build: GradleBuild) -> str:
    """Return all that is read of a build but where it is, a line each.

    Args:
        build: It.
    """
    lines: list[str] = []
    for path, project in build.projects.items():
        lines += [f"{path} {project.name} {' '.join(project.plugins)}".rstrip()]
        lines += [f"  {key} {value}" for key, value in told_of(project).items()]
        lines += [f"  repository {one.name} {one.url}".rstrip() for one in project.repositories]
        lines += [f"  {line}" for line in told(build, path)]
    return "\n".join(lines) + "\n"


def _told(asked: Asked, build: GradleBuild) -> str:
    version = asked.version
    words = [f"project {asked.project}" if asked.project else f"{asked.group}:{asked.name}"]
    if asked.classifier or asked.extension:
        words.append(f"file {asked.classifier}@{asked.extension}")
    words += [
        f"{word} {text}"
        for word, text in (("prefers", version.preferred), ("rejects", ",".join(version.rejected)))
        if text
    ]
    if version.strictly:
        assert version.strictly == version.required
        words.append("strictly")
    if version.required:
        words[0] += f":{version.required}"
    words += [asked.category] if asked.category != "library" else []
    words += [asked.feature] if asked.feature else []
    words += ["constraint"] if asked.is_constraint else []
    words += [] if asked.is_transitive else ["alone"]
    words += [f"without {':'.join(one)}" for one in asked.excluded]
    return " ".join([*words, *_where(asked, build)])


def _where(asked: Asked, build: GradleBuild) -> list[str]:
    """Return in which file its version stands, where that is not the one that asks for it."""
    if asked.place is None:
        return ["nowhere"] if asked.version.required or asked.version.preferred else []
    text = build.texts[asked.place.path]
    assert text[asked.place.start : asked.place.end] in (asked.version.required, asked.version.preferred)
    name = asked.place.path.name
    return [] if asked.line.rpartition("/")[2].startswith(f"{name}:") else [f"in {name}"]
