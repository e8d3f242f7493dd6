"""Licences of gems that other sources have. No index tells them: what a gem says of itself is had first."""

from pathlib import Path

from outrider.operators.packages.gem.serving.packages import metadata_of
from outrider.operators.packages.gem.serving.ruby_yaml import read_mapping
from outrider.operators.packages.gem.serving.specifications import licence_of, read_specification


def read_licence(path: Path) -> str:
    """Return what the file of a gem says of its licence.

    Raises:
        InvalidConfigError: It cannot be read.
    """
    with path.open("rb") as file:
        return licence_of(read_specification(read_mapping(metadata_of(file))))
