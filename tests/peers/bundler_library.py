"""Bundler and RubyGems in newer versions than Debian's, as JRuby ships them: libraries in plain Ruby, which the Ruby of this machine runs."""

import hashlib
import shutil
import subprocess
import zipfile
from functools import cache
from pathlib import Path

import pytest

from tests.peers.environments import CHECKOUT

BUNDLER = "2.6.9"
_JRUBY = "10.0.1.0"
_DIGEST = "d85d8c004b0731b2e3a3190417e225234b64108cd3a1b18798b9e59c7412b3f3"
_INSIDE = "META-INF/jruby.home/lib/ruby/stdlib/"
_FOLDER = CHECKOUT / ".cache" / "bundler" / BUNDLER
_SECONDS = 600


@cache
def library() -> Path:
    """Return the folder of the library, which is fetched where it is not there yet.

    Raises:
        pytest.skip.Exception: This machine has no Maven to fetch it with.
    """
    maven = shutil.which("mvn")
    done = _FOLDER / "done"
    if done.is_file():
        return _FOLDER
    if maven is None:
        pytest.skip("mvn is missing: apt-get install maven")
    shutil.rmtree(_FOLDER, ignore_errors=True)
    goal = ["dependency:copy", f"-Dartifact=org.jruby:jruby-stdlib:{_JRUBY}", f"-DoutputDirectory={_FOLDER}"]
    subprocess.run([maven, "--batch-mode", "--quiet", *goal], check=True, timeout=_SECONDS, capture_output=True)
    archive = _FOLDER / f"jruby-stdlib-{_JRUBY}.jar"
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == _DIGEST
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if name.startswith(
                tuple(f"{_INSIDE}{one}{end}" for one in ("bundler", "rubygems") for end in ("/", ".rb"))
            ) and not name.endswith("/"):
                place = _FOLDER / name.removeprefix(_INSIDE)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(opened.read(name))
    archive.unlink()
    done.touch()
    return _FOLDER
