"""Keys for publishing, as `gem signin` keeps them; no source is shown one where it is only asked.

https://docs.ruby-lang.org/en/3.4/Gem/ConfigFile.html, `api_keys`.
"""

from collections.abc import Mapping
from pathlib import Path

from outrider.core.errors import DeniedError, InvalidConfigError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.registries.registry import Registry

_VARIABLE = "GEM_HOST_API_KEY"
_DEFAULT = ":rubygems_api_key"
_OTHERS = 0o077


def api_key(registry: Registry, environment: Mapping[str, str], *, built_in: bool) -> SecretValue | None:
    """Return the key with which gems are published to a source; None where there is none.

    Args:
        registry: Which.
        environment: Variables, one of which counts most.
        built_in: Whether RubyGems comes with it: the key that stands there without an address is for it alone.

    Raises:
        InvalidConfigError: The file of keys cannot be read.
        DeniedError: Others may read it.
    """
    if environment.get(_VARIABLE):
        return SecretValue(environment[_VARIABLE])
    home = Path(environment.get("HOME") or "/")
    path = home / ".gem" / "credentials"
    if not path.is_file():
        path = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share") / "gem" / "credentials"
    keys = _read(path)
    wanted = [registry.url, f"{registry.url}/", *([_DEFAULT] if built_in else [])]
    found = next((keys[name] for name in wanted if isinstance(keys.get(name), str)), None)
    return SecretValue(found) if found else None


def _read(path: Path) -> dict[str, str]:
    try:
        if not path.is_file():
            return {}
        if path.stat().st_mode & _OTHERS:
            raise DeniedError(
                f"{path}: others may read the keys in it", path=str(path), found=oct(path.stat().st_mode & 0o777), expected="0o600",
                suggestions=[f"chmod 0600 {path}"],
            )  # fmt: skip
        documents = read_yaml(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfigError(
            f"{path}: the keys in it cannot be read", found=type(error).__name__, expected="YAML", suggestions=["gem signin"]
        ) from error  # fmt: skip
    return documents[0] if documents else {}
