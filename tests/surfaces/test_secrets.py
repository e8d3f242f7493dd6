"""Where the command line keeps secrets."""

import subprocess
import sys
from pathlib import Path

import pytest

from outrider.runtime.contexts import PlatformContext


def outrider(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "outrider", *arguments], input=stdin, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip


def test_a_secret_says_whose_it_is(shop: PlatformContext) -> None:
    kept = outrider("secret", "set", "database", stdin="s3cret\n").stderr
    assert kept == f"kept for platform 'shop', in {shop.state / 'secrets'}\n"
    assert outrider("secret", "list").stdout == "database\n"
    assert outrider("secret", "list", "--user").stdout == ""


@pytest.mark.usefixtures("shop")
def test_a_secret_of_the_user_is_no_platform_s(home: Path) -> None:
    kept = outrider("secret", "set", "openai", "--user", stdin="s3cret\n").stderr
    assert kept == f"kept for this user, in {home / 'xdg_state_home/outrider/secrets'}\n"
    assert outrider("secret", "list").stdout == ""
    outrider("secret", "rm", "openai", "--user")
    assert outrider("secret", "list", "--user").stdout == ""


def test_without_a_platform_a_secret_is_the_user_s(home: Path) -> None:
    kept = outrider("--quiet", "secret", "set", "openai", stdin="s3cret\n").stderr
    assert kept == ""
    assert (home / "xdg_state_home/outrider/secrets").is_dir()
    assert outrider("secret", "list").stdout == "openai\n"
