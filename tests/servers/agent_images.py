"""Images for AI agents in tests: Outrider's own, and one with the SDK of OpenAI as it comes from PyPI."""

import subprocess
import sys
from pathlib import Path

from outrider.local.cluster.images import ImageConfig, write_archive
from outrider.runtime.contexts import cache_folder
from outrider.version import __version__
from scripts.build_image import DEFAULT_LIBRARIES, base_layer, libraries_layer

CHECKOUT = Path(__file__).resolve().parents[2]
OPENAI = CHECKOUT / "tests" / "peers" / "requirements-openai.txt"
OPENAI_IMAGE = "docker.io/library/openai-agent:1"
OUTRIDER_IMAGE = f"outrider.dev/outrider:{__version__}"


def outrider_archive() -> Path:
    """Build Outrider's image as it is now, and return the archive."""
    file = cache_folder() / "image" / "outrider-tests.tar"
    subprocess.run(
        [sys.executable, str(CHECKOUT / "scripts" / "build_image.py"), "--output", str(file)],
        check=True,
        capture_output=True,
    )
    return file


def openai_archive(file: Path) -> Path:
    """Write an image with Python and OpenAI's SDK, in which nothing knows of Outrider."""
    config = ImageConfig(
        command=["python3"], environment={"PATH": "/usr/bin:/bin"}, user="10001:10001",
    )  # fmt: skip
    write_archive(file, OPENAI_IMAGE, [base_layer(), libraries_layer(OPENAI, DEFAULT_LIBRARIES)], config)
    return file
