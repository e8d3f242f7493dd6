"""The same settings for RubyGems and Bundler, which we did not write: the same sources, mirrors and logins."""

import shutil
import subprocess
from base64 import b64encode
from pathlib import Path
from random import Random

import pytest

from outrider.operators.packages.gem.settings import GemSettings

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("bundle") is None, reason="bundler is missing: apt-get install bundler"),
]
_QUESTION = """
require "bundler"
Gem.sources.each do |source|
  mirror = Bundler.settings.mirror_for(source)
  login = mirror.userinfo || Bundler.settings.credentials_for(mirror)
  mirror = mirror.dup
  mirror.user = mirror.password = nil
  puts [mirror, login].join(" ").strip
end
"""
_KEYS = (
    "MIRROR__ALL", "MIRROR__HTTPS://A__TEST/", "MIRROR__HTTPS://A__TEST", "MIRROR__HTTPS://B__TEST/DEEP/", "MIRROR__B__TEST", "A__TEST",
    "HTTPS://A__TEST/", "HTTPS://B__TEST/DEEP/", "M___1__TEST", "HTTPS://M___1__TEST/", "B__TEST",
)  # fmt: skip
_VALUES = {
    True: ("https://m-1.test", "https://m-1.test/", "https://me:own@m-1.test/x/"),
    False: ("me:pass", "token", "other:word"),
}


def config(random: Random) -> str:
    keys = random.sample(_KEYS, random.randint(0, 3))
    lines = [f'BUNDLE_{key}: "{random.choice(_VALUES[key.startswith("MIRROR")])}"\n' for key in keys]
    return "".join(["---\n", *lines])


@pytest.mark.parametrize("seed", range(16))
def test_they_are_read_as_the_native_tools_read_them(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    sources = random.sample(
        ["https://a.test", "https://a.test/x/", "https://b.test/deep/", "https://me:too@b.test/"], 2
    )
    files = {
        "home/.gemrc": "".join([":sources:\n", *(f"- {one}\n" for one in sources)]),
        "home/.bundle/config": config(random),
        "project/.bundle/config": config(random),
        "project/Gemfile": "",
    }
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    environment = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    # Of a variable without the slash Bundler makes nothing but an error.
    for key in random.sample([one for one in _KEYS if not one.endswith("//A__TEST")], random.randint(0, 2)):
        environment[f"BUNDLE_{key}"] = random.choice(_VALUES[key.startswith("MIRROR")])
    done = subprocess.run(
        ["ruby", "-e", _QUESTION], cwd=tmp_path / "project", env=environment, capture_output=True, text=True, check=False, timeout=60
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = GemSettings(environment, tmp_path / "project").registries([])
    shown = [one.authorization.reveal().removeprefix("Basic ") if one.authorization else "" for one in found]
    expected = [line.partition(" ")[::2] for line in done.stdout.splitlines()]
    logins = [
        b64encode((login if ":" in login else f"{login}:").encode()).decode() if login else "" for _, login in expected
    ]
    assert [one.url for one in found] == [url.rstrip("/") for url, _ in expected]
    assert shown == logins
