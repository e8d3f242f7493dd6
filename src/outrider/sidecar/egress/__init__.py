"""The agent's way to other hosts than its sidecar: those that it is allowed, by tunnels."""
