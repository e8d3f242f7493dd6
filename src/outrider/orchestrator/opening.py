"""The store of a platform, as its orchestrator's settings name it: for the orchestrator, and for those who read beside it."""

from pathlib import Path

from outrider.core.codec import decode
from outrider.core.errors import NotFoundError
from outrider.core.secrets import SecretRef, SecretValue
from outrider.orchestrator.settings import OrchestratorSettings
from outrider.orchestrator.tables import MIGRATIONS
from outrider.ports.secrets import Resolver
from outrider.ports.store import Store, check_current, open_postgresql, open_sqlite

OWNER = "orchestrator"
_FILE = "orchestrator.db"


def open_store(settings: OrchestratorSettings) -> Store:
    """Open the store and bring its tables to the newest version.

    Raises:
        OutriderError: It cannot be opened, or a newer version wrote it.
    """
    store = _open(settings) if settings.database else open_sqlite(settings.state / _FILE)
    store.migrate(OWNER, MIGRATIONS)
    return store


def check_store(settings: OrchestratorSettings) -> None:
    """Open the store, and close it again.

    Raises:
        OutriderError: It cannot be opened.
    """
    open_store(settings).close_now()


def open_to_read(state: Path, settings_file: Path) -> Store:
    """Open the store of a platform, be that running or not, for reading only.

    Args:
        state: The orchestrator's folder.
        settings_file: What its supervisor wrote for it; it may be missing.

    Raises:
        NotFoundError: There is no store yet.
        PreconditionFailedError: Another version wrote it.
    """
    settings = decode(settings_file.read_bytes(), OrchestratorSettings) if settings_file.is_file() else None
    if settings is not None and settings.database:
        store = _open(settings)
    elif (state / _FILE).is_file():
        store = open_sqlite(state / _FILE, read_only=True)
    else:
        raise NotFoundError(
            "the platform has no store yet", found=str(state / _FILE), suggestions=["start it: outrider up"]
        )
    try:
        store.read_now(lambda connection: check_current(connection, OWNER, MIGRATIONS))
    except BaseException:
        store.close_now()
        raise
    return store


def open_secret(settings: OrchestratorSettings, reference: SecretRef) -> SecretValue:
    """Return the value of a secret that the settings name.

    Raises:
        OutriderError: It cannot be read.
    """
    resolver = Resolver(settings.secret_sources, folder=settings.folder, store=settings.secrets)
    return resolver.resolve(reference.secret, reference.key)


def _open(settings: OrchestratorSettings) -> Store:
    password = open_secret(settings, settings.password).reveal() if settings.password is not None else None
    return open_postgresql(settings.database, password=password)
