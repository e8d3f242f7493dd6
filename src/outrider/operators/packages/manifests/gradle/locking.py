"""What is said of locking: https://docs.gradle.org/current/userguide/dependency_locking.html."""

from pathlib import Path

from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event
from outrider.operators.packages.manifests.gradle.values import Folder, Several, Value


class Locking:
    """Takes what is said of locking.

    Args:
        known: What finds what expressions come to.
    """

    def __init__(self, known: Evaluator) -> None:
        self._known = known

    def take(self, event: Event) -> None:
        """Take one statement, whose first step is `dependencyLocking`.

        Args:
            event: It.

        Raises:
            UnsupportedError: It says what is not read here.
        """
        names, project = event.names[1:], self._known.project
        if not names or names == ["lockMode"]:
            return
        if names == ["lockAllConfigurations"]:
            project.locks_all = True
        elif names == ["lockFile"] and event.value is not None:
            project.lock_file = self._file(event)
        elif names[0] == "ignoredDependencies":
            if event.value is not None:
                project.ignored.clear()
            for value in map(self._known.value, event.given):
                for one in value.items if isinstance(value, Several) else (value,):
                    project.ignored.append(self._ignored(one, event.line))
        else:
            self._known.script.refuse(event.line, f"dependencyLocking.{'.'.join(names)[:60]} is not read")

    def _ignored(self, value: Value, line: int) -> str:
        shown = self._known.shown(value)
        if shown is None or shown.text.count(":") != 1:
            self._known.script.refuse(line, "modules that no lock tells of are named as in com.example:*")
        return shown.text

    def _file(self, event: Event) -> Path:
        assert event.value is not None
        value = self._known.value(event.value)
        if not isinstance(value, Folder) or not value.path.is_relative_to(self._known.build.folder):
            self._known.script.refuse(event.line, 'the lock is a file within the build, as in file("gradle.lockfile")')
        return value.path
