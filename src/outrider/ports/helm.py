"""The `helm` of this machine, by its command line, pointed at one cluster. Repositories, registries and plugins are those of its user."""

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from typing import Self

from outrider.core.errors import ExecutionFailedError, MissingRequirementError
from outrider.core.masking import mask_text
from outrider.ports.kube.kubeconfig import Target, pod_target
from outrider.ports.process import exit_text, run

_OLDEST = (3, 14)
_SECONDS = 20.0
# A rendered release holds its whole chart.
_MOST_OUTPUT = 64 * 1024 * 1024
_SHOWN = 1500
_VERSION = re.compile(r"v(\d+)\.(\d+)")
# They would lead it to another cluster, namespace or store than the one that the caller has looked at.
_ELSEWHERE = re.compile(r"HELM_(KUBE.*|NAMESPACE|DRIVER|DEBUG)")
_ERROR = re.compile(r"^Error: ", re.MULTILINE)


class Helm:
    """Runs it.

    Args:
        program: Where it is.
        target: The cluster.
        namespace: Of the releases.

    Attributes:
        major: Its major version.
        namespace: Of the releases.
    """

    def __init__(self, program: str, target: Target, namespace: str) -> None:
        self.major = 0
        self.namespace = namespace
        self._program = program
        self._environment = {name: value for name, value in os.environ.items() if not _ELSEWHERE.fullmatch(name)}
        self._place = [f"--namespace={namespace}"]
        if target == pod_target():
            # Without any file it takes what the pod has, as we do.
            self._environment["KUBECONFIG"] = os.devnull
        else:
            self._place.append(f"--kube-context={target.name}")

    @classmethod
    async def find(cls, target: Target, namespace: str) -> Self | None:
        """Return the program, or None where there is none.

        Raises:
            MissingRequirementError: It is too old.
        """
        program = shutil.which("helm")
        if program is None:
            return None
        helm = cls(program, target, namespace)
        said = await helm.run("version", flags=["--template={{.Version}}"], timeout=_SECONDS)
        found = _VERSION.search(said)
        version = (int(found[1]), int(found[2])) if found else (0, 0)
        if version < _OLDEST:
            raise _missing(f"{program} is too old", said.strip()[:80])
        helm.major = version[0]
        return helm

    @classmethod
    async def need(cls, target: Target, namespace: str, what: str) -> Self:
        """Return the program.

        Args:
            target: The cluster.
            namespace: Of the releases.
            what: What it is needed for, for the error.

        Raises:
            MissingRequirementError: There is none, or it is too old.
        """
        found = await cls.find(target, namespace)
        if found is None:
            raise _missing(f"{what} needs helm, which is not there", "no helm in PATH")
        return found

    async def run(
        self, command: str, *words: str, flags: Sequence[str] = (), timeout: float, grace: float = 0.0
    ) -> str:
        """Run a command and return what it prints.

        Args:
            command: Such as `upgrade`.
            words: Its arguments; none is taken for a flag.
            flags: Its flags.
            timeout: Seconds.
            grace: Seconds that it has to bring its work to an end when those are over, or this is cancelled.

        Raises:
            ExecutionFailedError: It failed; with what it said.
            DeadlineExceededError: It was ended.
        """
        argv = [self._program, *command.split(), *flags, *self._place, "--", *words]
        done = await run(argv, timeout=timeout, env=self._environment, output_limit=_MOST_OUTPUT, grace=grace)
        if done.exit_code != 0:
            said = _told(done.stderr.decode(errors="replace"))
            raise ExecutionFailedError(
                f"helm {command} failed: {said or exit_text(done.exit_code)}", found=exit_text(done.exit_code),
                suggestions=[f"try it by hand: helm {command} {shlex.join(words)}"],
            )  # fmt: skip
        return done.stdout.decode(errors="replace")


def _told(text: str) -> str:
    """Return what it says of a failure, without the lines of its log before that."""
    return mask_text(_ERROR.split(text, maxsplit=1)[-1].strip()[:_SHOWN])


def _missing(message: str, found: str) -> MissingRequirementError:
    return MissingRequirementError(
        message, found=found, expected=f"helm {'.'.join(map(str, _OLDEST))} or later in PATH",
        suggestions=["install it: https://helm.sh/docs/intro/install"],
    )  # fmt: skip
