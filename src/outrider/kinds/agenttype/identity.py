"""Who an agent is for servers that want to know: the certificate that its sidecar shows them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.mutual_tls import IdentityFiles, MutualTls, MutualTlsSettings
from outrider.core.objects import Object

File = Annotated[str, msgspec.Meta(min_length=1)]


class Identity(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Files that somebody else keeps fresh, such as spiffe-helper, in PEM; relative to the file of this object.

    Attributes:
        certificate: With its chain (an X.509-SVID).
        key: Its key; where absent it stands in the same file.
        authorities: Those of the trust domain (the trust bundle), for servers that are known by their SPIFFE IDs.
    """

    certificate: Annotated[File, msgspec.Meta(examples=["/run/spiffe/svid.pem"])]
    key: Annotated[str, msgspec.Meta(examples=["/run/spiffe/svid_key.pem"])] = ""
    authorities: Annotated[str, msgspec.Meta(examples=["/run/spiffe/svid_bundle.pem"])] = ""

    def files(self, folder: Path) -> IdentityFiles:
        """Return the files; `folder` is where relative paths begin."""
        return IdentityFiles(
            certificate=folder / self.certificate,
            key=folder / self.key if self.key else None,
            authorities=folder / self.authorities if self.authorities else None,
        )


def identity_keys(objects: Iterable[Object]) -> list[str]:
    """Return the files with keys of the AgentTypes among objects: no program of an agent may see any of them."""
    found = [getattr(item.spec, "identity", None) for item in objects if item.kind == "AgentType"]
    return sorted({one.key or one.certificate for one in found if one is not None})


def shown(mutual: MutualTls | None, identity: IdentityFiles | None, whom: str) -> MutualTlsSettings | None:
    """Return what a sidecar is told to show to a server.

    Args:
        mutual: What the server's object says.
        identity: That of the agent; None where it has none.
        whom: The server, for the error.

    Raises:
        InvalidConfigError: The agent has none.
    """
    if mutual is None:
        return None
    if identity is None:
        raise InvalidConfigError(
            f"{whom} wants to see a certificate of the agent, which has none here", path="spec.identity", found="none",
            expected="that of a platform, or files",
            suggestions=["run it on a platform: outrider up", "name files: identity: {certificate: svid.pem, key: svid_key.pem}"],
        )  # fmt: skip
    return MutualTlsSettings(identity=identity, server=mutual.server)
