"""The Composer and PHP of this machine: the repository that Composer comes with, and what packages find here.

No address of a repository stands here: Composer itself names it, and that is kept for a while.
"""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from outrider.core.errors import DeadlineExceededError, DeniedError, NotFoundError
from outrider.operators.packages.composer.settings import DefaultRepository
from outrider.operators.packages.registries.record_files import read_record, write_record
from outrider.ports.clock import Clock
from outrider.ports.process.command import run

T = TypeVar("T")
# Extensions come and go without a change of the program.
FRESH_SECONDS = 600.0
_SECONDS = 20.0
_KEPT_VARIABLES = ("PATH", "HOME", "PHPRC", "PHP_INI_SCAN_DIR")
_QUIET = ("--no-interaction", "--no-plugins", "--no-scripts", "--no-ansi")
_EXTENSIONS = (
    'echo json_encode(["php" => PHP_VERSION, "php-64bit" => PHP_INT_SIZE === 8 ? PHP_VERSION : ""]'
    ' + array_combine(array_map(fn($e) => "ext-" . str_replace(" ", "-", strtolower($e)), get_loaded_extensions()),'
    " array_map(fn($e) => (string) phpversion($e), get_loaded_extensions())));"
)


class ComposerProgram(msgspec.Struct, kw_only=True):
    """What is installed here.

    Attributes:
        name: Of the repository that Composer comes with; empty where it does not say.
        url: Of that.
        platform: What there is of PHP, its extensions and libraries, and of Composer: versions by name.
        knows_php: Whether that is known of PHP and its extensions.
        knows_composer: Whether it is known of Composer, and of the libraries of PHP.
        seen: When the programs were last changed: what was learned of others is not used.
        asked: When they were asked, seconds since the epoch.
    """

    name: str = ""
    url: str = ""
    platform: dict[str, str] = {}
    knows_php: bool = False
    knows_composer: bool = False
    seen: list[tuple[str, float]] = []
    asked: float = 0.0

    @property
    def default(self) -> DefaultRepository | None:
        """The repository that Composer comes with."""
        return DefaultRepository(self.name, self.url) if self.url else None


class _Repository(msgspec.Struct):
    url: str = ""


class _Thing(msgspec.Struct):
    name: str
    version: str


class _Things(msgspec.Struct):
    platform: list[_Thing] = []


async def composer_program(environment: Mapping[str, str], cache: Path, clock: Clock) -> ComposerProgram:
    """Return what is installed; the programs are asked with no settings of their user, and what they say is kept.

    Args:
        environment: Variables of this process; programs are looked for in its PATH.
        cache: The folder of what is kept of all ecosystems.
        clock: For the age of what is kept.

    Raises:
        ExecutionFailedError: What they say cannot be kept.
    """
    composer, php = (shutil.which(name, path=environment.get("PATH")) for name in ("composer", "php"))
    seen = [_seen(one) for one in (composer, php) if one]
    kept = cache / "composer" / "program"
    known = read_record(kept, msgspec.msgpack.Decoder(ComposerProgram))
    if known is not None and known.seen == seen and 0 <= clock.now() - known.asked <= FRESH_SECONDS:
        return known
    found = await _look(composer, php, environment)
    found.seen, found.asked = seen, clock.now()
    write_record(kept, found)
    return found


async def _look(composer: str | None, php: str | None, environment: Mapping[str, str]) -> ComposerProgram:
    found = ComposerProgram()
    if composer and php:
        said = await _said([composer, "config", "--global", "repositories", *_QUIET], environment)
        repositories = _decoded(said, dict[str, _Repository]) or {}
        found.name, found.url = next(((name, one.url) for name, one in repositories.items()), ("", ""))
        things = _decoded(await _said([composer, "show", "--platform", "--format=json", *_QUIET], environment), _Things)
        found.platform = {one.name.lower(): one.version for one in things.platform} if things is not None else {}
        found.knows_php = found.knows_composer = bool(found.platform)
    if php and not found.knows_php:
        versions = _decoded(await _said([php, "-r", _EXTENSIONS], environment), dict[str, str]) or {}
        found.platform = {name: version for name, version in versions.items() if version}
        found.knows_php = bool(found.platform)
    return found


def _seen(program: str) -> tuple[str, float]:
    path = Path(program).resolve()
    return str(path), path.stat().st_mtime


def _decoded(said: bytes, kind: "type[T]") -> T | None:
    try:
        return msgspec.json.decode(said, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


async def _said(command: list[str], environment: Mapping[str, str]) -> bytes:
    """Return what a program writes; nothing where it fails."""
    with tempfile.TemporaryDirectory(prefix="outrider-composer-") as name:
        kept = {one: environment[one] for one in _KEPT_VARIABLES if environment.get(one)}
        settings = {"COMPOSER_HOME": name, "COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_DISABLE_NETWORK": "1"}
        try:
            ended = await run(command, timeout=_SECONDS, env=kept | settings, cwd=Path(name))
        except (NotFoundError, DeniedError, DeadlineExceededError):
            return b""
    return ended.stdout if ended.exit_code == 0 else b""
