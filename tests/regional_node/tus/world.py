"""Resumable files with real parts: the node of intake's tests, with grants from memory.

Owns the wiring that the composition root makes in production. Leaves out every assertion.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from lpse.runtime.sqlite import Transaction
from regional_node.grants.rules import Grant
from regional_node.tus.files import Files
from regional_node.tus.parts import Parts
from regional_node.tus.rows import FileState
from regional_node.tus.store import FileStore
from regional_node.tus.worker import ExpiryWorker
from tests.regional_node.intake.node import CODE, STAGE, START, Node, start_node

MIB = 1 << 20


def grant_of(number: int = 1, **fields: Any) -> Grant:
    """A grant of the one package of intake's tests."""
    grant = Grant(
        grant_id=number,
        name=f"g-{'abcdefgh' * 2}"[:-2] + f"{number:02}".translate({48: 97, 49: 98}),
        package=CODE,
        stage=STAGE,
        vendor=f"PT Penyedia {number}",
        channel="direct",
        seat=0,
        bytes_max=100 * MIB,
        create_time=START,
        expire_time=START + timedelta(days=30),
    )
    return replace(grant, **fields)


@dataclass
class Centre:
    """A centre that has what a test says."""

    now: datetime = START
    stored: bool = False
    verified: bool = False

    def link(self) -> tuple[bool, datetime]:
        return self.stored, self.now

    def has_entry(self, epoch: bytes, index: int) -> bool:
        return self.stored

    async def has_bytes(self, digests: Sequence[bytes]) -> bool:
        return self.verified


@dataclass
class Book:
    """Grants from memory."""

    grants: dict[int, Grant] = field(default_factory=dict)

    def grant_in(self, tx: Transaction, grant_id: int) -> Grant | None:
        return self.grants.get(grant_id)

    def add(self, grant: Grant) -> Grant:
        self.grants[grant.grant_id] = grant
        return grant


@dataclass
class World:
    """The running parts, and one grant."""

    node: Node
    files: Files
    store: FileStore
    centre: Centre
    book: Book
    grant: Grant
    worker: ExpiryWorker

    async def upload(self, data: bytes, name: str = "a.rhs", grant: Grant | None = None) -> str:
        """A whole file in one go; its id."""
        grant = grant or self.grant
        made = await self.files.create(grant, len(data), name)
        if data:
            await self.files.write(grant, made.file_id, 0, pieces(data))
        return made.file_id

    async def look(self, file_id: str) -> FileState:
        """The file as its grant sees it."""
        return await self.files.state(self.grant, file_id)


class Broken(Exception):
    """The line broke."""


async def pieces(data: bytes, size: int = 65536, breaks: bool = False) -> AsyncIterator[bytes]:
    """A body; with `breaks` the line breaks behind its last byte."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
    if breaks:
        raise Broken


@asynccontextmanager
async def start_world(
    folder: Path, grant: Grant | None = None, **node: Any
) -> AsyncIterator[World]:
    """Everything in `folder`, as a start of the daemon opens it."""
    async with start_node(folder, **node) as started:
        book, centre = Book(), Centre()
        own = book.add(grant or grant_of())
        store = FileStore(started.database, started.plan, book.grant_in)
        log = structlog.get_logger()
        intake = started.intake
        parts = Parts(store, intake, intake.sealing, started.blobs, intake.office, centre, log)
        files = Files(parts)
        await files.recover()
        yield World(started, files, store, centre, book, own, ExpiryWorker(files, log))
        await files.close()
