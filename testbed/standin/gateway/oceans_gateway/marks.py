"""Marks that outlive a container (its file system is read-only): rows in a schema of the stand-in's own.

Not in `public`, where a table that no migration made would look like a database of something else.
"""

from . import database
from .errors import Failure


def first_time(url: str, marker: str) -> bool:
    """Whether no earlier run left this mark; leaves it. A database that cannot be asked counts as "not the first time"."""
    try:
        connection = database.connect(url)
        database.execute(connection, "CREATE SCHEMA IF NOT EXISTS standin")
        database.execute(connection, "CREATE TABLE IF NOT EXISTS standin.marks (mark text PRIMARY KEY, left_at timestamptz NOT NULL DEFAULT now())")
        rows = database.execute(connection, "INSERT INTO standin.marks (mark) VALUES (%s) ON CONFLICT DO NOTHING RETURNING mark", (marker,))
        connection.close()
    except Failure:
        return False
    return bool(rows)
