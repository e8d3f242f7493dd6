"""What a PackageRegistry says: where it listens, which packages are its own, and who may read and publish."""

from typing import Annotated, Literal

import msgspec

from outrider.core.package_policies import PackagePolicySpec
from outrider.core.quantities import Duration, duration

ServedEcosystem = Literal["cargo", "composer", "gem", "maven", "npm", "nuget", "pypi"]
Access = Literal["read", "none"]


def _all_ecosystems() -> list[ServedEcosystem]:
    return ["cargo", "composer", "gem", "maven", "npm", "nuget", "pypi"]


class PackageRegistrySpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A registry of packages: what it was asked for before, what is published in it, and all that is behind it.

    Attributes:
        listen: `HOST:PORT`; port 0 is a free one. Where HOST is not this machine, `tlsCertificate` or `url` with https is needed.
        url: How clients reach it, where that is another address, such as that of a proxy before it; needed where HOST is all addresses.
        tls_certificate: A PEM file.
        tls_key: A PEM file with the certificate's key.
        folder: Where packages are kept; several processes may share one.
        ecosystems: Which of them are served.
        private: Packages that are published here, as `ECOSYSTEM:NAME` with `*` for any letters. No other registry is ever asked for
            them, and nothing else may be published.
        anonymous: What those may do who show no token.
        cache_only: Ask no other registry: serve what is here.
        fresh: For how long what another registry has said counts as new.
        policy: What may be installed; all else is left out of what clients see, and refused where they ask for it.
    """

    listen: Annotated[str, msgspec.Meta(pattern=r"^.+:[0-9]{1,5}$")] = "127.0.0.1:7090"
    url: Annotated[str, msgspec.Meta(pattern=r"^(https?://.*)?$")] = ""
    tls_certificate: str = ""
    tls_key: str = ""
    folder: str = ""
    ecosystems: list[ServedEcosystem] = msgspec.field(default_factory=_all_ecosystems)
    private: list[str] = []
    anonymous: Access = "read"
    cache_only: bool = False
    fresh: Duration = duration("5m")
    policy: PackagePolicySpec | None = None

    def address(self, port: int = 0) -> str:
        """Return the address by which clients know it.

        Args:
            port: It listens on, where it chose a free one; 0 for that of `listen`.
        """
        if self.url:
            return self.url.rstrip("/")
        host, _, said = self.listen.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        return f"http{'s' if self.tls_certificate else ''}://{f'[{host}]' if ':' in host else host}:{port or said}"
