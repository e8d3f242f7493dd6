"""Names of hosts in parameters."""

from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError

HostName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:%-]{1,253}(?!\n)$", examples=["127.0.0.1"])]


def not_a_name(host: str) -> InvalidConfigError:
    """Return the error for a name that cannot be looked up (RFC 1035, section 2.3.4)."""
    return InvalidConfigError(
        "host: not a host name", path="host", found=host,
        expected="a name whose parts have 1 to 63 characters, or an address", suggestions=["check the name"],
    )  # fmt: skip
