"""The section `licences` of a policy file, in TOML."""

from pathlib import Path

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.licence_policies import LicencePolicy
from outrider.core.schema import convert
from outrider.operators.packages.licences.policy import check_policy
from outrider.operators.packages.locks.documents import read_toml

FORM = "policy"
SECTION = "licences"
_LARGEST = 1 << 20


def read_licence_policy(path: Path) -> LicencePolicy:
    """Return what a file says of licences; its other sections are for others.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It cannot be read, it has no such section, or fields of it are wrong; each fault names its field.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise _no_policy(path, f"{path.stat().st_size} bytes", f"at most {_LARGEST}")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFoundError(
            f"{path}: it cannot be read: {error.strerror}", found=str(error.strerror), suggestions=["check the path"]
        ) from error
    except UnicodeDecodeError as error:
        raise _no_policy(path, str(error), "UTF-8") from error
    try:
        document = read_toml(FORM, text)
    except InvalidConfigError as error:
        raise _no_policy(path, error.found, error.expected) from error
    if SECTION not in document:
        raise _no_policy(path, f"no [{SECTION}]", f'[{SECTION}] with lists such as allow = ["MIT"]')
    policy = convert(document[SECTION], LicencePolicy, base=(SECTION,))
    check_policy(policy, SECTION, str(path))
    return policy


def _no_policy(path: Path, found: str, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{path}: it is no policy: {found}",
        source=str(path),
        found=found,
        expected=expected,
        suggestions=[f"correct {path}"],
    )
