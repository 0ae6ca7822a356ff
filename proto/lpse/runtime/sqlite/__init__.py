"""The one door to SQLite: a writer with group commit, read-only readers, migrations.

Owns the transaction-executor port that every store uses. Rule: an answer leaves only after its
commit is on the disk (`synchronous=FULL`), Invariant 1. `database` queues and waits, `executor` is
where statements run, `transaction` what happens there, `migrations` bring a file up to date,
`errors` name what a disk can do to us, `live` looks at a file from outside its daemon. Leaves out
every table of the product.
"""

from lpse.runtime.sqlite.database import Database, plain_connector
from lpse.runtime.sqlite.errors import (
    DatabaseClosed,
    DatabaseInUse,
    DatabaseNewer,
    MigrationFailed,
    StorageBusy,
    StorageFailed,
    StorageFull,
)
from lpse.runtime.sqlite.executor import Connector, Executor, Ground
from lpse.runtime.sqlite.live import LiveDatabase
from lpse.runtime.sqlite.transaction import CommitParticipant, Row, Transaction, Value

__all__ = [
    "CommitParticipant",
    "Connector",
    "Database",
    "DatabaseClosed",
    "DatabaseInUse",
    "DatabaseNewer",
    "Executor",
    "Ground",
    "LiveDatabase",
    "MigrationFailed",
    "Row",
    "StorageBusy",
    "StorageFailed",
    "StorageFull",
    "Transaction",
    "Value",
    "plain_connector",
]
