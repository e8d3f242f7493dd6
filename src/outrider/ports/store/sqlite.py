"""SQLite as a store: WAL, synchronous FULL; a relaxed write is one with synchronous NORMAL."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from outrider.ports.secrets.private_files import read_private, write_private
from outrider.ports.store.errors import translate
from outrider.ports.store.store import READERS, Store

BUSY_MILLISECONDS = 5000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def open_sqlite(path: Path, *, read_only: bool = False) -> Store:
    """Open, and unless `read_only` create, a SQLite file with WAL and synchronous FULL.

    Raises:
        OutriderError: It cannot be opened.
    """
    mode = "ro" if read_only else "rwc"
    engine = sa.create_engine(
        f"sqlite:///file:{path}?mode={mode}&uri=true",
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False},
        poolclass=sa.pool.QueuePool,
        pool_size=READERS + 2,
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        if not read_only:
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()

    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1")
    except SQLAlchemyError as error:
        engine.dispose()
        raise translate(error, str(path)) from error
    unbroken = read_only or _since_the_same_boot(path.with_suffix(".boot"))
    return Store(
        engine, name=path.name, begin=["BEGIN IMMEDIATE"], begin_reading=["BEGIN"], path=path, unbroken=unbroken
    )


def _since_the_same_boot(note: Path) -> bool:
    """Note on disk which boot of the machine this is, and return whether it was the same one before."""
    boot = _BOOT_ID.read_bytes() if _BOOT_ID.exists() else b""
    known = read_private(note)
    if boot and known == boot:
        return True
    write_private(note, boot)
    return False
