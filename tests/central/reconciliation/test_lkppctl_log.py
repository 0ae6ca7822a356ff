"""The reconciliation log from the command line: filtered, drilled into, exported whole or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from central.reconciliation.store import ReconciliationStore
from lpse.federation.errors import Conflict, Refused
from lpse.operator.v1 import reconciliations_pb2 as api
from lpse.runtime.tls import CENTRE_PUBLIC_KEY
from lpse.terminal.output import Output
from lpse.terminal.recon_exports import receive
from lpse.terminal.recon_filters import filter_of
from lpse.terminal.recon_flags import Flags
from tests.central.fleet.test_lkppctl import NODE, NOW, asked, fleet
from tests.central.operators.centre import Centre, lkppctl
from tests.central.reconciliation.runs import run_of, source_of

RUNS = 3


async def keep_runs(centre: Centre) -> list[Any]:
    """Runs as the projector keeps them; the journal behind them is not needed here."""
    store, chance = ReconciliationStore(centre.database), Random(3)
    made = [run_of(NODE, number, chance, NOW) for number in range(1, RUNS + 1)]
    for number, record in enumerate(made):
        source = source_of(NODE, number, NOW)
        await centre.database.write(partial(store.apply_in, source=source, record=record))
    return made


async def test_an_auditor_narrows_counts_and_reads_entries(tmp_path: Path) -> None:
    """Filters, entries, counts and the story agree with the runs that were kept."""
    async with fleet(tmp_path) as (centre, home):
        made = await keep_runs(centre)
        rule = made[0].entries[0].rule
        same = [
            f"{one.run}#{number}"
            for one in made
            for number, entry in enumerate(one.entries)
            if entry.rule == rule
        ]
        rows = await asked(home, "recon", "list", "--entries", "--rule", rule)
        assert sorted(one["name"] for one in rows) == sorted(same)
        assert rows[0]["node_evidence"] == {}
        day = ("--since", "2026-03-27", "--until", "2026-03-27")
        total = sum(len(one.entries) for one in made)
        counted = await asked(home, "recon", "list", "--facets", *day)
        assert counted["total"] == total
        assert (await asked(home, "recon", "list", "--facets", "--since", "2026-03-28"))[
            "total"
        ] == 0
        told = await lkppctl(home, "recon", "get", made[1].run, lang="id_ID")
        assert told.status == 0, told.err
        assert made[1].run in told.out
        names = await lkppctl(home, "recon", "get", made[1].run, "--entries", "-o", "name")
        assert names.out.split() == [f"{made[1].run}#{at}" for at in range(len(made[1].entries))]
        wrong = await lkppctl(home, "recon", "list", "--text", "a*")
        assert wrong.status == 2
        assert "FED-7040" in wrong.err
        wrong = await lkppctl(home, "recon", "list", "--since", "gestern")
        assert wrong.status == 2 and "FED-7040" in wrong.err
        wrong = await lkppctl(home, "recon", "list", "--facets", "--watch")
        assert wrong.status == 2 and not wrong.out


def test_a_date_means_that_day_in_the_readers_zone() -> None:
    """Both days of a span are inside, from midnight to midnight where the reader is."""
    narrowed = filter_of(Flags(since="2026-03-27", until="2026-03-28"), "Asia/Jayapura")
    assert narrowed.since_time.ToJsonString() == "2026-03-26T15:00:00Z"
    assert narrowed.until_time.ToJsonString() == "2026-03-28T15:00:00Z"
    exact = filter_of(Flags(since="2026-03-27T10:00:00+07:00"), "Asia/Jayapura")
    assert exact.since_time.ToJsonString() == "2026-03-27T03:00:00Z"
    with pytest.raises(Refused, match="neither a date"):
        filter_of(Flags(since="yesterday"), "Asia/Jakarta")


async def pieces(*data: bytes, fail: bool = False) -> AsyncIterator[Any]:
    """What a server sends before it ends or breaks."""
    for one in data:
        answer = api.ExportEntriesResponse()
        answer.piece.data = one
        yield answer
    if fail:
        raise asyncio.CancelledError


@pytest.mark.parametrize("fail", [False, True])
async def test_an_interrupted_export_leaves_no_file(tmp_path: Path, fail: bool) -> None:
    """Ctrl+C, or a server that ends before the header: nothing under the name, nothing beside."""
    target = tmp_path / "log.jsonl"
    with pytest.raises((asyncio.CancelledError, Refused)):
        await receive(pieces(b"x" * 10, fail=fail), target, Output.JSON)
    assert list(tmp_path.iterdir()) == []


async def test_an_export_never_replaces_a_file(tmp_path: Path) -> None:
    """What stands under the name stays, byte by byte."""
    target = tmp_path / "log.jsonl"
    target.write_text("mine")
    with pytest.raises(Conflict, match="exists"):
        await receive(pieces(b"x"), target, Output.JSON)
    assert target.read_text() == "mine"


async def test_verifying_needs_a_key_that_the_reader_brought(tmp_path: Path) -> None:
    """The file's own word for its key is not enough, and another file is no export."""
    file = tmp_path / "x.jsonl"
    file.write_text("{}")
    told = await lkppctl(tmp_path, "recon", "verify", str(file))
    assert (told.status, "FED-7045" in told.err) == (1, True)
    key = "lkpp+d034e02d+AQDMkX7MfsVKITKoo7yFzx/oQY6v3IHaaxERDMB15Vi2"
    told = await lkppctl(tmp_path, "recon", "verify", str(file), "--key", key)
    assert (told.status, "FED-7043" in told.err) == (1, True)
    told = await lkppctl(tmp_path, "recon", "verify", str(tmp_path / "no"), "--key", key)
    assert (told.status, "FED-5017" in told.err) == (1, True)  # a typing error, not a forgery


async def test_the_key_pinned_at_enrolment_verifies_without_being_named(tmp_path: Path) -> None:
    """An operator's own machine knows the centre's key; a key of another centre is not taken."""
    async with fleet(tmp_path) as (_, home):
        file = tmp_path / "log.jsonl"
        told = await lkppctl(home, "recon", "export", str(file))
        assert told.status == 0, told.err
        found = await asked(home, "recon", "verify", str(file))
        assert (found["valid"], found["rows"]) == (True, 0)
        (pinned,) = home.glob(f"contexts/*/{CENTRE_PUBLIC_KEY}")
        pinned.write_text("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n")
        told = await lkppctl(home, "recon", "verify", str(file))
        assert (told.status, "FED-7043" in told.err) == (1, True)
