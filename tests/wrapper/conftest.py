import subprocess
from pathlib import Path

import pytest

from tests.wrapper.pythons import Python, pythons


@pytest.fixture(scope="session", params=pythons(), ids=str)
def python(request: pytest.FixtureRequest) -> Python:
    """Return each CPython of this machine."""
    found: Python = request.param
    return found


@pytest.fixture(scope="session")
def environment(python: Python, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment of it with a package `app`, a console script `app` and a `sitecustomize`."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([python.program, "-m", "venv", "--without-pip", folder], check=True, timeout=40)
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "app.py").write_text(
        "import sys\n\ndef main():\n    print('app', sys.prefix, sys.argv[1:])\n    return 5\n"
    )
    (packages / "sitecustomize.py").write_text("print('of the environment')\n")
    script = folder / "bin" / "app"  # what pip writes
    script.write_text(f"#!{folder}/bin/python\nimport sys\nfrom app import main\nsys.exit(main())\n")
    script.chmod(0o755)
    return folder
