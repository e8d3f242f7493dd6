"""Secrets: where they come from, and how a reference becomes a value."""

from outrider.ports.secrets.resolver import Resolver
from outrider.ports.secrets.sources import SecretSource

__all__ = ["Resolver", "SecretSource"]
