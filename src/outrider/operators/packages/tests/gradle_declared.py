"""What the real Gradle has of a build that it has configured, in the same words as what is read of it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from outrider.operators.packages.manifests.gradle.builds import Asked, GradleBuild
from outrider.operators.packages.manifests.gradle.source_sets import declarable_in, resolvable_in
from tests.peers.gradle import Gradle, java_version

ANSWERS = "outrider-declared.json"
# Nothing is fetched: what is asked for is known before anything is resolved.
SCRIPT = """\
import groovy.json.JsonOutput
gradle.startParameter.offline = true
def version = { [it.requiredVersion, it.strictVersion, it.preferredVersion, it.rejectedVersions] }
def category = { one -> one.attributes.keySet().findAll { it.name == 'org.gradle.category' }.collect { one.attributes.getAttribute(it).toString() }.find() ?: 'library' }
def excluded = { it.excludeRules.collect { [it.group ?: '*', it.module ?: '*'] }.sort() }
def feature = { one -> one.requestedCapabilities.collect { it.name.endsWith('-test-fixtures') ? 'test-fixtures' : it.name }.join() }
def asked = { one ->
    if (one instanceof org.gradle.api.artifacts.ProjectDependency) return ['project', one.path, one.transitive, feature(one), excluded(one), category(one)]
    if (!(one instanceof org.gradle.api.artifacts.ExternalModuleDependency)) return null
    def files = one.artifacts.collect { [it.classifier ?: '', it.type] }
    ['module', one.group ?: '', one.name, version(one.versionConstraint), one.transitive, files, feature(one), excluded(one), category(one)]
}
def constraint = { one ->
    ['constraint', one.group, one.name, version(one.versionConstraint), category(one)]
}
gradle.projectsEvaluated {
    // What plugins ask for where nothing is asked for is there from then on.
    rootProject.allprojects { it.configurations.each { one -> one.incoming.dependencies.size() } }
    def projects = rootProject.allprojects.collectEntries { project ->
        [project.path, [
            name: project.name, group: project.group.toString(), version: project.version.toString(), folder: project.projectDir.path,
            lock: project.dependencyLocking.lockFile.get().asFile.path, ignored: project.dependencyLocking.ignoredDependencies.get(),
            configurations: project.configurations.collectEntries { one -> [one.name, [
                asked: one.dependencies.collect(asked).findAll { it != null }, constraints: one.dependencyConstraints.collect(constraint).findAll { it != null },
                excluded: excluded(one), forced: one.canBeResolved ? one.resolutionStrategy.forcedModules.collect { it.toString() } : [],
                resolved: one.canBeResolved, locked: one.canBeResolved && one.resolutionStrategy.dependencyLockingEnabled,
                java: one.canBeResolved ? one.attributes.getAttribute(org.gradle.api.attributes.java.TargetJvmVersion.TARGET_JVM_VERSION_ATTRIBUTE) : null,
            ]] },
        ]]
    }
    new File(rootProject.projectDir, 'outrider-declared.json').text = JsonOutput.toJson(projects)
}
"""


def install(home: Path) -> None:
    """Make a Gradle tell what it has of each build that it runs.

    Args:
        home: Of it.
    """
    (home / "init.d").mkdir(parents=True, exist_ok=True)
    (home / "init.d" / "declared.init.gradle").write_text(SCRIPT)


def declared(gradle: Gradle, folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return what Gradle has of a build, by the paths of its projects.

    Args:
        gradle: It.
        folder: Of the build.

    Raises:
        AssertionError: Gradle refuses the build.
    """
    answers = folder / ANSWERS
    answers.unlink(missing_ok=True)
    failures = gradle.verify(folder).failures
    assert answers.is_file(), failures
    found: Mapping[str, Mapping[str, Any]] = json.loads(answers.read_text())
    return {path: _sorted(project) for path, project in found.items()}


def as_gradle_has_it(build: GradleBuild) -> Mapping[str, Mapping[str, Any]]:
    """Return what is read of a build, in the words of `declared`.

    Args:
        build: It.
    """
    found = {path: _project(build, path) for path in build.projects}
    return {path: _sorted(project) for path, project in json.loads(json.dumps(found)).items()}


def _sorted(project: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is known of a project without what does not count.

    That is the order of what is kept away, how often the same is asked for, and configurations for other builds alone.
    """
    configurations = {
        name: {
            **one,
            "excluded": sorted(one["excluded"]),
            "asked": _once(one["asked"]),
            "constraints": _once(one["constraints"]),
        }
        for name, one in project["configurations"].items()
        if one["resolved"] or one["asked"] or one["constraints"]
    }
    return {**project, "configurations": configurations}


def _once(asked: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for one in asked:
        whole = [
            sorted(part) if one[0] != "constraint" and number == len(one) - 2 else part
            for number, part in enumerate(one)
        ]
        found += [] if whole in found else [whole]
    return found


def _project(build: GradleBuild, path: str) -> Mapping[str, Any]:
    project = build.projects[path]
    resolved, takes = resolvable_in(project), declarable_in(project)
    java = project.java if project.java is not None else java_version()
    everywhere = [list(one) for one in project.excluded.get("*", ())]
    configurations = {
        name: {
            "asked": [_asked(one) for one in project.declared.get(name, ()) if not one.is_constraint],
            "constraints": [_asked(one) for one in project.declared.get(name, ()) if one.is_constraint],
            "excluded": sorted({tuple(one) for one in (*project.excluded.get(name, ()), *map(tuple, everywhere))}),
            "forced": [f"{one.group}:{one.name}:{one.version.required}" for one in project.forced] if name in resolved else [],
            "resolved": name in resolved, "locked": name in resolved and (project.locked is None or name in project.locked),
            "java": java if name.endswith("Classpath") else None,
        }
        for name in sorted(resolved | takes)
    }  # fmt: skip
    return {
        "name": project.name, "group": project.group, "version": project.version or "unspecified", "folder": str(project.folder),
        "lock": str(project.lock_file), "ignored": list(project.ignored), "configurations": configurations,
    }  # fmt: skip


def _asked(one: Asked) -> list[Any]:
    if one.project:
        return ["project", one.project, one.is_transitive, one.feature, sorted(map(list, one.excluded)), one.category]
    version = one.version
    said = [version.required, version.strictly, version.preferred, list(version.rejected)]
    if one.is_constraint:
        return ["constraint", one.group, one.name, said, one.category]
    files = [[one.classifier, one.extension or "jar"]] if one.classifier or one.extension else []
    excluded = sorted(map(list, one.excluded))
    return ["module", one.group, one.name, said, one.is_transitive, files, one.feature, excluded, one.category]
