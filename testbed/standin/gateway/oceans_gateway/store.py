"""The gateway's store: a pool of connections, and what goes wrong told in the store's words."""

import contextlib
import queue
import time

import psycopg2

from . import database, knobs
from .errors import Failure, context


class StoreError(Exception):
    """One sentence, as the store's errors are printed and answered. A conflict is a broken constraint."""

    def __init__(self, sentence: str, unavailable: bool = False):
        super().__init__(sentence)
        self.unavailable = unavailable

    def failure(self) -> Failure:
        return Failure(str(self))


def _store_error(error: Exception) -> StoreError:
    if isinstance(error, database.TimedOut):
        return StoreError(f"store unavailable: {database.POOL_TIMED_OUT}", unavailable=True)
    kind = "store conflict" if (error.pgcode or "").startswith("23") else "store query failed"
    return StoreError(f"{kind}: {database.statement_failure(error).chain[0]}")


class Store:
    def __init__(self, url: str, max_connections: int = 10):
        self.url = url
        self._free: queue.LifoQueue = queue.LifoQueue()
        self._places: queue.Queue = queue.Queue()
        for _ in range(max(max_connections, 1)):
            self._places.put(None)
        with context("failed to initialize gateway store"):
            self._free.put(database.connect(url))

    def query(self, sql: str, parameters: tuple = ()) -> list[tuple]:
        """Rows of one statement. A pooled connection that died since its last use is replaced without a word."""
        deadline = time.monotonic() + knobs.connect_seconds()
        with self._place(deadline), database.until(deadline):
            while True:
                connection, fresh = self._connection(deadline)
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(sql, parameters)
                        rows = cursor.fetchall() if cursor.description else []
                except (psycopg2.Error, database.TimedOut) as error:
                    broken = connection.closed or isinstance(error, database.TimedOut)
                    self._put_back(connection, broken)
                    if broken and not fresh and not isinstance(error, database.TimedOut):
                        continue
                    raise _store_error(error) from None
                self._put_back(connection, broken=False)
                return rows

    def ask(self, sql: str, parameters: tuple = ()) -> list[tuple]:
        """The same for a command, which ends when it fails."""
        try:
            return self.query(sql, parameters)
        except StoreError as error:
            raise error.failure() from None

    @contextlib.contextmanager
    def _place(self, deadline: float):
        try:
            place = self._places.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            raise _store_error(database.TimedOut()) from None
        try:
            yield
        finally:
            self._places.put(place)

    def _connection(self, deadline: float):
        with contextlib.suppress(queue.Empty):
            return self._free.get_nowait(), False
        try:
            return database.connect(self.url, deadline), True
        except Failure as failure:
            if failure.chain[0] == database.POOL_TIMED_OUT:
                raise _store_error(database.TimedOut()) from None
            raise StoreError(f"store query failed: {failure.chain[0]}") from None

    def _put_back(self, connection, broken: bool) -> None:
        if broken:
            with contextlib.suppress(psycopg2.Error):
                connection.close()
        else:
            self._free.put(connection)
