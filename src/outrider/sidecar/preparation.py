"""What the init container does: the wrapper, the hooks and the folders of an agent.

python -m outrider.sidecar.preparation SETTINGS
"""

import shutil
import sys
from pathlib import Path

import outrider
from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError
from outrider.core.sidecar_settings import PreparationSettings

WRAPPERS = Path(outrider.__file__).parent / "wrapper"
# With the group that the pod's folders belong to; or as /tmp is, where everybody may write and nobody removes what is another's.
_MODES = {"group": 0o2770, "all": 0o1777}


def prepare(settings: PreparationSettings) -> None:
    """Put everything into place; what an earlier start left is replaced.

    Args:
        settings: What is to be done.

    Raises:
        NotFoundError: A hook is not there.
        InvalidConfigError: It is somewhere else.
    """
    shared, home = settings.shared, settings.home
    for source, _ in settings.hooks:
        if source.is_file() and not source.resolve().is_relative_to(home.resolve()):
            raise InvalidConfigError(
                f"the hook {source} is somewhere else", path="spec.wrapper.hooks", found=str(source.resolve()),
                expected=f"a file below {home}", suggestions=["copy it to there"],
            )  # fmt: skip
        if not source.is_file():
            raise NotFoundError(
                f"there is no hook {source}", path="spec.wrapper.hooks", found=str(source), expected="a file",
                suggestions=["write its path relative to the file of the AgentType"],
            )  # fmt: skip
    for name in ("wrapper", "hooks"):
        shutil.rmtree(shared / name, ignore_errors=True)
    for folder in settings.folders:
        folder.mkdir(parents=True, exist_ok=True)
        if settings.shared_with != "nobody":
            folder.chmod(_MODES[settings.shared_with])
    for runtime in settings.runtimes:
        shutil.copytree(WRAPPERS / runtime, shared / "wrapper" / runtime, ignore=shutil.ignore_patterns("__pycache__"))
    for source, target in settings.hooks:
        shutil.copyfile(source, target)
        target.chmod(0o644)


def main(arguments: list[str]) -> int:
    """Read the settings from a file and put everything into place."""
    try:
        prepare(decode(Path(arguments[0]).read_bytes(), PreparationSettings))
    except (OutriderError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
