"""`outrider PART serve`: starts a service that a manifest declares. Imports nothing but that service."""

import sys

from outrider.core.errors import NotFoundError, OutriderError, did_you_mean
from outrider.runtime.discovery import load, registry


def serve_part(name: str, arguments: list[str]) -> int:
    """Run a service until it ends; return its exit status."""
    try:
        declaration = registry().services.get(name)
        if declaration is None:
            known = registry().services
            raise NotFoundError(
                f"nothing called '{name}' can be served", found=name, suggestions=did_you_mean(name, known)
            )
        load(declaration.entry)(arguments)
    except OutriderError as error:
        from outrider.surfaces.cli.errors import show_error

        # People start the service of a family; the parts of a platform are started by programs, which read their errors.
        show_error(error, as_json=name not in registry().families and not sys.stderr.isatty())
        return error.exit_code
    except ExceptionGroup as group:
        # A background task failed; the first of our own errors says best what happened.
        ours = [error for error in group.exceptions if isinstance(error, OutriderError)]
        if not ours:
            raise
        print(f"error[{ours[0].code}] {ours[0].message}", file=sys.stderr)
        return ours[0].exit_code
    return 0
