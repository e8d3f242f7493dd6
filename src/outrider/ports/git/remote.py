"""Where a repository is, and as whom it is asked."""

import base64
import re
from pathlib import Path
from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.secrets import SecretValue

BranchName = Annotated[
    str, msgspec.Meta(max_length=200, pattern=r"^([A-Za-z0-9_][A-Za-z0-9_./-]*)?(?!\n)$", examples=["main"])
]


class Remote(msgspec.Struct, frozen=True):
    """A repository at its server.

    Attributes:
        address: As git takes it: https, http, ssh, `USER@HOST:PATH`, or the path of a folder.
        user: For http and https.
        password: Of the user, or a token.
    """

    address: str
    user: str = ""
    password: SecretValue | None = None

    @property
    def url(self) -> str:
        """The address as git is given it.

        Raises:
            InvalidConfigError: It is none of the forms, or holds a password.
        """
        if re.match(r"https?://", self.address):
            if "@" in self.address.split("/")[2]:
                raise InvalidConfigError(
                    "repository: the address holds a user or a password", path="repository", expected="an address without them",
                    suggestions=["give them apart: --user NAME --password '{\"secret\": \"NAME\"}'"],
                )  # fmt: skip
            return self.address
        if self.user or self.password:
            raise InvalidConfigError(
                "user and password are for http and https", path="user", found=self.address, expected="an address with https://",
                suggestions=["leave them out: ssh uses the keys of its agent"],
            )  # fmt: skip
        if re.match(r"ssh://[^-]|file:///|[A-Za-z0-9_.]+@[A-Za-z0-9.][A-Za-z0-9.-]*:", self.address):
            return self.address
        # As an address and not as a path: what is cloned by its path is cloned whole.
        return Path(self.address).as_uri() if self.address.startswith("/") else self._refused()

    def _refused(self) -> str:
        raise InvalidConfigError(
            "repository: not an address of a git repository", path="repository", found=self.address,
            expected="https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, or the full path of a folder",
        )  # fmt: skip

    def settings(self) -> dict[str, str]:
        """Return the setting that sends user and password to this address, and to no other."""
        if not self.user and self.password is None:
            return {}
        secret = self.password.reveal() if self.password else ""
        token = base64.b64encode(f"{self.user}:{secret}".encode()).decode()
        return {f"http.{self.url}.extraHeader": f"Authorization: Basic {token}"}
