"""SQLite as the store uses it: one connection, named queries, migrations, and errors that say what to do."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from framewatch.errors import StorageError
from framewatch.storage.os_errors import storage_faults

BUSY_SECONDS = 15.0
CORRUPT = "store.corrupt"
TABLES = frozenset({"jobs", "history", "progress", "requests", "facts", "known_files", "moved_files"})
_HERE = Path(__file__).parent

Row = tuple[Any, ...]


def sections(text: str, mark: str) -> dict[str, str]:
    """Return the parts of an SQL file that begin with a line `-- <mark>: <name>`, by name."""
    parts = re.split(rf"^-- {mark}: *(\S+) *$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


QUERIES: Mapping[str, str] = sections((_HERE / "queries.sql").read_text("utf-8"), "name")
STEPS: Mapping[str, str] = sections((_HERE / "schema.sql").read_text("utf-8"), "version")


class Database:
    """One connection for all threads of a process; other processes may have their own.

    A transaction that has ended is on the disk (write-ahead log, synchronous=FULL).
    """

    def __init__(self, path: Path, *, readonly: bool = False, steps: Mapping[str, str] = STEPS) -> None:
        """Open and check the database; create or migrate it if necessary.

        Raises:
            StorageError: `store.corrupt`, `store.too_new`, `store.missing`, or as `explained` says.
        """
        self.path = path
        self._lock = threading.RLock()
        self.damage: StorageError | None = None  # the first that was found
        with explained(path):
            self._connection = _connect(path, readonly=readonly)
        try:
            with explained(path):
                self._prepare(readonly, steps)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection; the last one to close folds the log into the database."""
        with self._lock:
            self._connection.close()

    def rows(self, query: str, /, **values: Any) -> list[Row]:
        """Return all rows of a named query."""
        with self._lock, self._watched():
            return self._connection.execute(QUERIES[query], values).fetchall()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """Everything that is run inside happens, or nothing of it. A nested transaction is part of the outer one.

        One that is not `durable` costs no wait for the disk, and a power cut may undo it.
        """
        with self._lock, self._watched():
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def run(self, query: str, /, **values: Any) -> int:
        """Run a named query inside a transaction; returns how many rows it changed."""
        return self._connection.execute(QUERIES[query], values).rowcount

    def damaged(self, found: str) -> StorageError:
        """Return the error for content that was not written by framewatch; it is kept as `damage`."""
        self.damage = self.damage or _corrupt(self.path, found)
        return self.damage

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            with explained(self.path):
                yield
        except StorageError as error:
            if error.finding.code == CORRUPT:
                self.damage = self.damage or error
            raise

    def _prepare(self, readonly: bool, steps: Mapping[str, str]) -> None:
        self._connection.execute("PRAGMA foreign_keys = ON")
        version = self._version()
        known = max(map(int, steps))
        if version > known:
            message = f"the database has schema version {version}; this framewatch knows up to {known}"
            hint = "use the newer framewatch that wrote it, or another state_dir"
            raise StorageError(message, code="store.too_new", hint=hint, where=str(self.path))
        if readonly:
            if not version:
                raise _missing(self.path, "it is empty")
            if version < known:
                self._read_copy(steps)
            return
        self._check(version, known)
        self._connection.execute("PRAGMA journal_mode = WAL")
        if version < known:
            self._migrate(steps)

    def _read_copy(self, steps: Mapping[str, str]) -> None:
        """Read a database of an older version from a copy in memory: it is for the daemon to migrate the file."""
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.backup(copy)
        self._connection.close()
        self._connection = copy
        self._migrate(steps)

    def _check(self, version: int, known: int) -> None:
        """Let SQLite read every page, which takes a tenth of a second for 30,000 jobs."""
        found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise _corrupt(self.path, str(found))
        tables = {row[0] for row in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if (version == known and not tables >= TABLES) or (version <= 0 and tables):
            raise _corrupt(self.path, "its tables are not those of its version")

    def _migrate(self, steps: Mapping[str, str]) -> None:
        with self.transaction():
            version = self._version()  # another process may have migrated it meanwhile
            for number in sorted(number for number in map(int, steps) if number > version):
                for statement in _statements(steps[str(number)]):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {number}")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into StorageErrors that say what to do."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        raise _explanation(error, path) from error


def _explanation(error: sqlite3.DatabaseError, path: Path) -> StorageError:
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _corrupt(path, str(error))
    code, hint = {
        sqlite3.SQLITE_FULL: ("storage.full", "free some space on the disk of state_dir"),
        sqlite3.SQLITE_READONLY: ("storage.read_only", "let framewatch's user write to state_dir"),
        sqlite3.SQLITE_CANTOPEN: ("storage.denied", "state_dir must exist and belong to framewatch's user"),
        sqlite3.SQLITE_BUSY: ("store.busy", "another process holds the database; state_dir must be local"),
    }.get(primary, ("storage.unavailable", "state_dir must be on a working local disk"))
    return StorageError(f"the job database cannot be used: {error}", code=code, hint=hint, where=str(path))


def _corrupt(path: Path, found: str) -> StorageError:
    hint = "restart the daemon: it moves the damaged file aside and rebuilds the jobs from the work folders"
    message = f"the job database is damaged: {found}"
    return StorageError(message, code=CORRUPT, hint=hint, where=str(path))


def _missing(path: Path, why: str) -> StorageError:
    message = f"there is no job database to read: {why}"
    return StorageError(message, code="store.missing", hint="start the daemon: it creates one", where=str(path))


def _connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    if not readonly:
        return _open(path, "rwc")
    with storage_faults(path):
        is_there = path.exists()
    if not is_there:
        raise _missing(path, "it does not exist")
    try:
        connection = _open(path, "ro")
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        # Reading a write-ahead log needs its side files. If a reader may not create them and no daemon has done so,
        # no process writes either, and the file can be read as it is.
        if path.with_name(path.name + "-wal").exists():
            raise
        connection = _open(path, "ro&immutable=1")
    return connection


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions are explicit
        check_same_thread=False,  # `_lock` takes care of that
    )


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
