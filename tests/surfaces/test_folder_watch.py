import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from outrider.local.layout import Layout
from outrider.orchestrator.wire import ObjectRow
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli import reload
from outrider.surfaces.cli.reload import FolderWatch
from tests.plugins.harness import until

PLATFORM = "apiVersion: outrider.dev/v1alpha1\nkind: Platform\nmetadata: {name: shop}\nspec: {}\n"


class Applied:
    """A client of a platform that has no object yet."""

    async def get(self, path: str, target: type[Any]) -> Any:
        assert (path, target) == ("/v1/objects", list[ObjectRow])
        return []


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "LOOK_SECONDS", 0.01)


async def test_what_changed_while_the_platform_was_started_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "outrider.yaml").write_text(PLATFORM)
    told: list[str] = []
    watch = FolderWatch(Layout(tmp_path), cast("PlatformClient", Applied()), told.append, take_over=False)
    running = asyncio.create_task(watch.run())
    await until(lambda: bool(told))
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert told == ["+ Platform/shop", f"the files have changed; take it over: outrider reload {tmp_path}"]
    (tmp_path / "outrider.yaml").write_text(PLATFORM.replace("spec: {}", "spec: {other: 1}"))
    await until(lambda: len(told) == 3)
    running.cancel()
    assert told[2].startswith("not taken over: outrider.yaml:4:8 spec: unknown field 'other'")
