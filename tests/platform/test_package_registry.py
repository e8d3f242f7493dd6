"""A registry of packages that a platform declares."""

import json
import os
import signal
import urllib.error
import urllib.request

import pytest

from outrider.local.preconditions import free_port
from tests.platform.harness import Platform, eventually, running

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
OBJECTS = """apiVersion: outrider.dev/v1alpha1
kind: PackageRegistry
metadata: {{name: hub}}
spec: {{listen: "127.0.0.1:{port}", private: ["pypi:acme-*", "npm:@acme/*"], cacheOnly: true, folder: kept}}
---
apiVersion: outrider.dev/v1alpha1
kind: PackagePolicy
metadata: {{name: shop}}
spec: {{deny: ["{denied}"]}}
"""


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_it_is_served_starts_again_and_takes_over_changes(platform: Platform) -> None:
    port = free_port("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port}"
    platform.write(OBJECTS.format(port=port, denied="npm:left-pad"))
    with running(platform) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"PackageRegistry/hub at {url}\n"
        eventually(lambda: status_of(url) == 200, what=url)
        assert (platform.folder / "kept" / "registry.db").is_file()
        token = json.loads(
            platform.command("packages", "registry_token", "a test", "--folder", "kept", "--yes", "-o", "json").stdout
        )
        assert json.dumps(token).count("outrider_") == 1
        first = platform.part("registry-hub")["pid"]
        os.kill(first, signal.SIGKILL)
        eventually(lambda: platform.part("registry-hub")["pid"] not in (0, first), what="another process")
        eventually(lambda: status_of(url) == 200, what=url)
        platform.write(OBJECTS.format(port=port, denied="npm:right-pad"))
        assert platform.command("reload", "--yes").returncode == 0
        eventually(lambda: status_of(url) == 200, what=url)
        (settings,) = [one for one in platform.processes() if "packages serve" in one]
        assert "registry-hub-" in settings
    assert status_of(url) == 0
