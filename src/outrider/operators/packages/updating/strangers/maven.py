"""What a pom.xml would take: https://maven.apache.org/settings.html#servers."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from outrider.operators.packages.manifests.pom import FORM as POM
from outrider.operators.packages.maven.poms import PomRepository, read_pom
from outrider.operators.packages.maven.settings import matches
from outrider.operators.packages.maven.settings_files import Settings as MavenFileSettings
from outrider.operators.packages.maven.settings_files import read_settings
from outrider.operators.packages.updating.strangers.machine import Machine, variables_taken, would_be_shown

FILES = (POM,)
LOCKS = (POM,)
# A variable is taken by its own name too, where nothing else is called so.
_MAVEN_VARIABLE = re.compile(r"\$\{\.?(?:env\.)?([^{}$]+)\}")


def taken(text: str, machine: Machine) -> Iterator[str]:
    """Yield what a file would take; the errors are those of reading it."""
    pom, own = read_pom(text.encode()), _maven_settings(machine.environment)
    values = {name: value for profile in own.profiles for name, value in profile.properties.items()}
    known = machine._replace(environment={**machine.environment, **values})
    yield from variables_taken([*dict.fromkeys(_MAVEN_VARIABLE.findall(text))], known)
    repositories = [one for parts in (pom.parts, *(each.parts for each in pom.profiles)) for one in parts.repositories]
    for one in repositories:
        if _is_shown_a_login(one, own):
            yield would_be_shown(
                f"the repository {one.id}", "what settings.xml has for a server by that name", "the settings.xml of whoever runs this"
            )  # fmt: skip


def _is_shown_a_login(one: PomRepository, own: MavenFileSettings) -> bool:
    """Return whether a repository would be shown what is meant for another one of its name, unless a mirror is asked in its place."""
    named = {(each.id, each.url) for profile in own.profiles for each in profile.repositories}
    is_known = one.id in own.servers or "${" in one.id
    return is_known and (one.id, one.url) not in named and not any(matches(one, each.mirror_of) for each in own.mirrors)


def _maven_settings(environment: Mapping[str, str]) -> MavenFileSettings:
    paths = [Path(environment.get("HOME") or "/") / ".m2" / "settings.xml"]
    if (program := shutil.which("mvn", path=environment.get("PATH", ""))) is not None:
        paths.append(Path(program).resolve().parents[1] / "conf" / "settings.xml")
    return read_settings(paths, {})
