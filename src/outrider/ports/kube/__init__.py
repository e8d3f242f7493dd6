"""Kubernetes: requests, caches that follow the API server, and what controllers are made of."""
