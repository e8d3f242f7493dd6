"""Installs the peers that the tests use; part of `make test`."""

import sys

from tests.peers import environments, llm_clients, mcp_client

for name, requirements in {**mcp_client.ENVIRONMENTS, **llm_clients.ENVIRONMENTS, **environments.PROGRAMS}.items():
    environments.install(name, requirements)
    sys.stdout.flush()
environments.install_node()
