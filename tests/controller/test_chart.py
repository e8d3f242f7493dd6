import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from outrider.controller.chart import chart
from outrider.controller.install import installation
from tests.peers.helm_programs import helm_folder

IMAGE = "registry.example.org/outrider:1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the chart."""
    for name, text in chart(IMAGE).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def helm(folder: Path, *values: str) -> "subprocess.CompletedProcess[str]":
    """Let helm render it."""
    sets = [word for value in values for word in ("--set", value)]
    program = str(helm_folder("4") / "helm")
    command = [program, "template", "one", str(folder), "--namespace", "agents", *sets]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def by_name(objects: Any) -> dict[tuple[str, str], Any]:
    return {(one["kind"], one["metadata"]["name"]): one for one in objects if one and one["kind"] != "Namespace"}


@pytest.mark.real
def test_helm_makes_the_objects_that_every_other_way_installs(folder: Path) -> None:
    done = helm(folder, "replicas=3", "pullPolicy=Always")
    assert done.returncode == 0, done.stderr
    made = by_name(yaml.safe_load_all(done.stdout))
    for (kind, _), one in made.items():
        if kind == "CustomResourceDefinition":
            assert one["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert made == by_name(installation(IMAGE, namespace="agents", replicas=3, pull_policy="Always"))


@pytest.mark.real
def test_kinds_may_be_defined_elsewhere(folder: Path) -> None:
    made = by_name(yaml.safe_load_all(helm(folder, "kinds=false").stdout))
    assert made
    assert not any(kind == "CustomResourceDefinition" for kind, _ in made)


@pytest.mark.real
@pytest.mark.parametrize("value", ["replicas=0", "pullPolicy=Sometimes", "imgae=x"])
def test_values_that_are_none_are_refused(folder: Path, value: str) -> None:
    done = helm(folder, value)
    assert done.returncode != 0
    assert value.partition("=")[0] in done.stderr


def test_every_value_has_a_schema(folder: Path) -> None:
    values = yaml.safe_load((folder / "values.yaml").read_text())
    assert set(values) <= set(json.loads((folder / "values.schema.json").read_text())["properties"])
