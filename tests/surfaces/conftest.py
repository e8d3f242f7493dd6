from collections.abc import Iterator
from pathlib import Path

import pytest

from outrider.runtime.contexts import Contexts, PlatformContext
from outrider.surfaces.door import Door
from outrider.surfaces.mcp.desk import ToolDesk
from tests.surfaces.http.serving import Served, serving

POLICY = """\
apiVersion: outrider.dev/v1alpha1
kind: Policy
metadata: {{name: {name}}}
spec: {{principals: {principals}, operations: {operations}, targets: {targets}, effect: {effect}{more}}}
"""


def policy(
    name: str, effect: str, operations: str, *, principals: str = "['agent:*']", targets: str = "['*']", more: str = ""
) -> str:
    return POLICY.format(
        name=name, effect=effect, operations=operations, principals=principals, targets=targets, more=more
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without a platform."""
    for variable in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shop(home: Path) -> PlatformContext:
    """A platform's folder, known but not running."""
    folder = home / "shop"
    state = folder / ".outrider"
    state.mkdir(parents=True)
    context = PlatformContext(name="shop", folder=folder, state=state, used=1.0)
    Contexts().save(context)
    return context


@pytest.fixture
def desk(shop: PlatformContext) -> ToolDesk:
    return ToolDesk(Door(shop), "editor")


@pytest.fixture
def served(home: Path, shop: PlatformContext) -> Iterator[Served]:
    """A server with a platform that is not running."""
    with serving() as found:
        yield found
