"""Installs the peers that the tests use; part of `make test`."""

import sys

from tests.peers.environments import install
from tests.peers.mcp_client import ENVIRONMENTS

for name, requirements in ENVIRONMENTS.items():
    install(name, requirements)
    sys.stdout.flush()
