from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, MissingRequirementError
from outrider.runtime.plugins.manifest import PluginManifest, Runtime, read_plugin
from outrider.runtime.plugins.requirements import library_folders

MANIFEST = """
id: needy
type: action
version: 1.0.0
summary: Needs a library
runtime: {type: TYPE, entry_point: run.py, requirements: [NAME]}
"""


def manifest(folder: Path, name: str, kind: str = "python") -> PluginManifest:
    (folder / "run.py").write_text("")
    (folder / "plugin.yaml").write_text(MANIFEST.replace("NAME", name).replace("TYPE", kind))
    return read_plugin(folder).manifest


def test_the_folder_of_an_installed_distribution_is_found(tmp_path: Path) -> None:
    import redis

    assert library_folders(manifest(tmp_path, "redis")) == [Path(redis.__file__).parents[1].resolve()]
    assert (
        library_folders(
            PluginManifest(id="a", type="action", version="1", summary="", runtime=Runtime(type="sh", entry_point="a"))
        )
        == []
    )


def test_a_missing_one_says_what_installs_it(tmp_path: Path) -> None:
    with pytest.raises(MissingRequirementError, match="no-such-distribution") as caught:
        library_folders(manifest(tmp_path, "no-such-distribution"))
    assert "pip install no-such-distribution" in caught.value.suggestions


@pytest.mark.parametrize(("name", "kind"), [("redis", "sh"), ("../x", "python"), ("-r", "python")])
def test_what_cannot_be_required_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    with pytest.raises(InvalidConfigError):
        manifest(tmp_path, f'"{name}"', kind)
