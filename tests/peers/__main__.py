"""Installs the peers that the tests use; part of `make test`."""

import sys

from tests.peers import (
    a2a_peer,
    bedrock_clients,
    environments,
    llm_clients,
    mcp_client,
    mistral_client,
)

PEERS = {
    **a2a_peer.ENVIRONMENTS,
    **mcp_client.ENVIRONMENTS,
    **llm_clients.ENVIRONMENTS,
    **bedrock_clients.ENVIRONMENTS,
    **mistral_client.ENVIRONMENTS,
    **environments.PROGRAMS,
}
for name, requirements in PEERS.items():
    environments.install(name, requirements)
    sys.stdout.flush()
environments.install_node()
environments.install_node(environments.NODE_CLIENTS)
environments.install_node(environments.BUN)
