"""What a .npmrc would take: https://docs.npmjs.com/cli/v11/configuring-npm/npmrc."""

from collections.abc import Iterator

from outrider.operators.packages.npm import settings as npm
from outrider.operators.packages.updating.strangers.machine import Machine, reserved, variables_taken

FILES = (".npmrc",)
LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock")
# Files of this machine, and ways to registries that somebody else watches.
_OF_NPM = ("cafile", "globalconfig", "https-proxy", "noproxy", "prefix", "proxy", "userconfig")


def taken(text: str, machine: Machine) -> Iterator[str]:
    """Yield what a file would take; the errors are those of reading it."""
    for key, value in npm.npmrc_lines(text):
        yield from variables_taken(npm.variables_in(key) + npm.variables_in(value), machine)
        if key in _OF_NPM:
            yield reserved(key, "the .npmrc of whoever runs this")
