"""Parts of addresses."""

from urllib.parse import quote_plus, urlsplit

PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address (RFC 6454 section 4); empty ones where it is none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", "", 0


def query_value(text: str) -> str:
    """Return a value as it stands in a query (`application/x-www-form-urlencoded`, URL standard of the WHATWG, section 5.2)."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def request_target(url: str) -> str:
    """Return path and query of an address, as a request to its server names them (RFC 9112 section 3.2.1)."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
