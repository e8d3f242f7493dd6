"""Commands where no extra of Outrider is installed: each works, or says which one it needs."""

import json
import subprocess
import sys

import pytest

from outrider.surfaces.cli.app import COMMANDS, EXTRAS

# What `pip install outrider` brings none of.
OPTIONAL = [*EXTRAS, "re2", "nats", "psycopg", "redis", "sqlite_vec", "pysqlite3", "opentelemetry", "websockets"]
LOAD = """
import json, sys
for name in json.loads(sys.argv[1]):
    sys.modules[name] = None
import click
from outrider.core.errors import MissingRequirementError
from outrider.surfaces.cli.app import COMMANDS, root
found = {}
for name in COMMANDS:
    try:
        root.get_command(click.Context(root), name)
        found[name] = "works"
    except MissingRequirementError as error:
        found[name] = error.suggestions[0]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps(OPTIONAL)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_works_or_names_its_extra(found: dict[str, str], name: str) -> None:
    extras = {"agent": "pip install 'outrider[sidecar]'"}
    assert found[name] == extras.get(name, "works")


def test_a_demonstration_names_all_that_it_needs() -> None:
    program = "import sys; sys.modules['httptools'] = None; from outrider.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "demo", "incident-triage"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "MISSING_REQUIREMENT" in done.stderr
    assert "extra sidecar" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_operation_names_the_extra_of_its_family() -> None:
    program = "import sys; sys.modules['websockets'] = None; from outrider.__main__ import main; main()"
    for verb, told in (("exec", "pip install 'outrider[kubernetes]'"), ("list", "Usage: ")):
        command = [sys.executable, "-c", program, "kubernetes", verb, "--help"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert told in done.stdout + done.stderr
