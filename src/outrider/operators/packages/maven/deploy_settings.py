"""Where artifacts are deployed from here: https://maven.apache.org/plugins/maven-deploy-plugin/deploy-mojo.html.

Of the POM only what it says itself is looked at: what it would inherit is not fetched.
"""

from collections.abc import Iterator, Mapping

from outrider.core.errors import InvalidConfigError, MissingRequirementError, UnsupportedError
from outrider.operators.packages.maven.settings import MavenSettings
from outrider.operators.packages.registries.own_settings import own_address
from outrider.operators.packages.registries.registry import Registry

_ALTERNATIVE = "altDeploymentRepository"


def deploy_registry(
    settings: MavenSettings, environment: Mapping[str, str], repositories: Mapping[str, tuple[str, str]], registry: str, *, snapshot: bool
) -> Registry:  # fmt: skip
    """Return where an artifact is deployed.

    Args:
        settings: Of Maven.
        environment: Variables.
        repositories: What `distributionManagement` of its POM names, `repository` and `snapshotRepository`: their ids and addresses.
        registry: An address that counts more than all of these; empty for none.
        snapshot: Whether it is one.

    Raises:
        InvalidConfigError: No repository is named, or one that cannot be used.
        UnsupportedError: Its credentials cannot be read.
    """
    if registry:
        wanted = registry.rstrip("/")
        ids = (name for name, url in _known(settings, repositories) if url.rstrip("/") == wanted)
        return settings.registry(next(ids, ""), registry, "registry")
    for key in ("altSnapshotDeploymentRepository" if snapshot else "altReleaseDeploymentRepository", _ALTERNATIVE):
        if said := settings.properties.get(key):
            name, url = _alternative(key, said)
            return settings.registry(name, url, f"{key} of settings.xml")
    named = (repositories.get("snapshotRepository") if snapshot else None) or repositories.get("repository")
    if named is not None:
        if "${" in named[1]:
            raise _nowhere(f"{named[1].rpartition('@')[2]} in distributionManagement")
        return settings.registry(*named, "distributionManagement of the POM")
    own = own_address("maven", environment)
    if own is None:
        raise _nowhere("none in the POM itself and in settings.xml")
    return settings.registry("", own.url, own.source)


def _known(settings: MavenSettings, repositories: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the ids and addresses of repositories that something names."""
    yield from repositories.values()
    if said := settings.properties.get(_ALTERNATIVE):
        yield _alternative(_ALTERNATIVE, said)
    try:
        yield from ((one.id, one.registry.url) for one in settings.repositories())
    except (MissingRequirementError, UnsupportedError):
        return


def _alternative(key: str, text: str) -> tuple[str, str]:
    """Return the id and the address in `ID::ADDRESS`, which older plugins write `ID::LAYOUT::ADDRESS`."""
    name, _, rest = text.partition("::")
    url = rest.removeprefix("default::")
    if not name or not url.startswith(("http://", "https://")):
        raise InvalidConfigError(
            f"{key}: {text.rpartition('@')[2][:100]!r} names no repository", path=key, found=text.rpartition("@")[2][:100], expected="ID::https://HOST/PATH",
            suggestions=["correct it in settings.xml"],
        )  # fmt: skip
    return name, url


def _nowhere(found: str) -> InvalidConfigError:
    return InvalidConfigError(
        "maven: no repository is named to deploy in", path="distributionManagement", found=found, expected="a repository with its id and address",
        suggestions=["name its address with --registry", "set altDeploymentRepository to ID::https://HOST/PATH in an active profile of settings.xml"],
    )  # fmt: skip
