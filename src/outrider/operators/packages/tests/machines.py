"""A machine with settings of package managers."""

from pathlib import Path

from outrider.operators.packages.pypi.settings import pypi_registries
from outrider.operators.packages.registries.registry import Registry


class Machine:
    """A home, a project and variables.

    Attributes:
        environment: To which variables may be added.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.home, self.project = root, root / "home", root / "project"
        self.environment = {
            "HOME": str(self.home), "XDG_CONFIG_DIRS": str(root / "etc"), "VIRTUAL_ENV": str(root / "venv"), "NETRC": str(root / "netrc")
        }  # fmt: skip
        self.project.mkdir()

    def write(self, path: str, text: str) -> Path:
        """Write a file below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def registries(self, **variables: str) -> list[Registry]:
        return pypi_registries({**self.environment, **variables}, self.project)

    def urls(self, **variables: str) -> list[str]:
        """Return the hosts of the registries."""
        return [one.url.removeprefix("http://") for one in self.registries(**variables)]


def pip(*lines: str, section: str = "global") -> str:
    """Return a section of a file of pip."""
    return "\n".join([f"[{section}]", *lines, ""])
