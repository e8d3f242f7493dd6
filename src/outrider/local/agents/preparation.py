"""What the init container does, on this machine: the wrapper, the hooks and the folders of an agent."""

import shutil
from pathlib import Path

import outrider
from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.kinds.agenttype.render import InitPlan

WRAPPERS = Path(outrider.__file__).parent / "wrapper"


def prepare(plan: InitPlan, shared: Path, home: Path) -> None:
    """Put everything into place; what an earlier start left is replaced.

    Args:
        plan: What is to be done.
        shared: The folder that the program reads.
        home: Where relative paths begin; a hook lies below it, and no link leads out of it.

    Raises:
        NotFoundError: A hook is not there.
        InvalidConfigError: It is somewhere else.
    """
    for source in plan.hooks:
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
    for folder in plan.folders:
        folder.mkdir(parents=True, exist_ok=True)
    for runtime in plan.runtimes:
        shutil.copytree(WRAPPERS / runtime, shared / "wrapper" / runtime, ignore=shutil.ignore_patterns("__pycache__"))
    for source, target in plan.hooks.items():
        shutil.copyfile(source, target)
        target.chmod(0o644)
