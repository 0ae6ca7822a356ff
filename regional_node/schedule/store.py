"""Packages and the revisions of their schedules: their SQL, and their journal entries.

Rules: a revision's row and its entry are one transaction; an import is taken whole or not at all;
a revision number is never used twice. Functions that end in `_in` run inside the caller's
transaction. Leaves out proposals, decisions and holds (`proposal_store`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from lpse.federation.errors import Conflict, NotFound, Refused
from lpse.federation.intervals import Interval
from lpse.federation.limits import PACKAGES_MAX
from lpse.federation.rule_sets import RuleSet
from lpse.federation.stages import Stage, arrange
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from lpse.storage.journal import Journal
from regional_node.schedule import rows
from regional_node.schedule.ports import Opened
from regional_node.schedule.rules import Import, Imported, Package, Standing, judge_import

_COLUMNS = (
    "p.package, p.title, p.zone, p.rule_set, p.rule_document, p.revision, p.base_revision,"
    " p.stages, p.settled, p.accounted, p.import_digest, p.cancelled, p.problem, p.version,"
    " b.stages, o.stages"
)
_SELECT = (
    f"SELECT {_COLUMNS} FROM schedule_packages p"  # noqa: S608 - constants
    " JOIN schedule_revisions b ON b.package = p.package AND b.revision = p.base_revision"
    " JOIN schedule_revisions o ON o.package = p.package AND o.revision = 1"
)

RulesOf = Callable[[str], RuleSet]  # a rule set by id; NotFound (FED-4042)


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a schedule."""

    revision: int
    origin: str
    record_time: datetime
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of one package."""

    code: str
    revision: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Next:
    """What a new revision makes of a package; `base` says that outages are counted on it now."""

    stages: Sequence[Stage]
    origin: str
    digest: bytes
    base: bool
    settled: Sequence[Interval]
    accounted: Sequence[Interval]


class ScheduleStore:
    """See the module's first lines."""

    def __init__(self, database: Database, journal: Journal, opened: Opened) -> None:
        self._database = database
        self._journal = journal
        self._opened = opened
        self.changes = 0  # grows with every change, so that the worker knows when to look again

    async def import_packages(
        self,
        given: Sequence[Imported],
        rules_of: RulesOf,
        now: datetime,
        *,
        validate_only: bool = False,
    ) -> list[ImportResult]:
        """All of them or none; raises what `rules.judge_import` raises."""
        if len({one.code for one in given}) != len(given):
            raise Refused("FED-4109", "the import names a package twice")

        def work(tx: Transaction) -> list[ImportResult]:
            results = [self._import_in(tx, one, rules_of, now) for one in given]
            count = int(tx.execute("SELECT count(*) FROM schedule_packages")[0][0])
            if count > PACKAGES_MAX:
                raise Refused("FED-4109", f"a node knows at most {PACKAGES_MAX} packages")
            if validate_only:
                raise _Validated(results)
            return results

        try:
            results = await self._database.write(work)
        except _Validated as validated:
            return validated.results
        self.changes += 1
        return results

    async def get(self, code: str) -> Package:
        """One package; NotFound (FED-4101)."""
        return await self._database.read(lambda tx: self.get_in(tx, code))

    def get_in(self, tx: Transaction, code: str) -> Package:
        """See `get`."""
        found = self.find_in(tx, code)
        if found is None:
            raise NotFound(
                "FED-4101",
                "this node knows no package of that code",
                remedy="import it from SPSE: package import",
            )
        return found

    def find_in(self, tx: Transaction, code: str) -> Package | None:
        """One package, or None."""
        found = tx.execute(f"{_SELECT} WHERE p.package = ?", (code,))
        return _package(found[0]) if found else None

    def page_in(
        self, tx: Transaction, after: str, limit: int, *, held_only: bool = False
    ) -> list[Package]:
        """Packages whose codes follow `after`, in order."""
        held = (
            " AND EXISTS (SELECT 1 FROM schedule_holds h"
            " WHERE h.package = p.package AND h.end_time IS NULL)"
        )
        found = tx.execute(
            f"{_SELECT} WHERE p.package > ?{held if held_only else ''} ORDER BY p.package LIMIT ?",
            (after, limit),
        )
        return [_package(row) for row in found]

    async def revisions(self, code: str) -> list[Revision]:
        """All revisions of a package, oldest first."""
        found = await self._database.read(
            lambda tx: tx.execute(
                "SELECT revision, origin, record_time, stages FROM schedule_revisions"
                " WHERE package = ? ORDER BY revision",
                (code,),
            )
        )
        return [
            Revision(number, origin, from_micros(time), rows.stages_of(stages))
            for number, origin, time, stages in found
        ]

    def revise_in(self, tx: Transaction, package: Package, after: Next, now: datetime) -> int:
        """The next revision and its entry; its number."""
        number = package.revision + 1
        index = self._announce_in(tx, package, number, after)
        text = rows.stages_text(after.stages)
        tx.run(
            "INSERT INTO schedule_revisions (package, revision, origin, record_time, stages,"
            " journal_index) VALUES (?, ?, ?, ?, ?, ?)",
            (package.code, number, after.origin, to_micros(now), text, index),
        )
        tx.run(
            "UPDATE schedule_packages SET title = ?, revision = ?, base_revision = ?, stages = ?,"
            " settled = ?, accounted = ?, import_digest = ?, problem = '', version = version + 1"
            " WHERE package = ?",
            (
                package.title,
                number,
                number if after.base else package.base_revision,
                text,
                rows.spans_text(after.settled),
                rows.spans_text(after.accounted),
                package.import_digest,
                package.code,
            ),
        )
        return number

    def is_opened_in(self, tx: Transaction, code: str) -> bool:
        """Whether its bids were opened."""
        return self._opened(tx, code)

    def touch_in(self, tx: Transaction, code: str) -> None:
        """Something that hangs on the package changed."""
        tx.run("UPDATE schedule_packages SET version = version + 1 WHERE package = ?", (code,))

    def cancel_in(self, tx: Transaction, code: str) -> None:
        """The Pokja cancelled the selection."""
        tx.run(
            "UPDATE schedule_packages SET cancelled = 1, version = version + 1 WHERE package = ?",
            (code,),
        )

    async def set_problem(self, code: str, problem: str) -> None:
        """Why nothing can be computed for a package; empty when all is well."""
        await self._database.write(
            lambda tx: tx.run(
                "UPDATE schedule_packages SET problem = ? WHERE package = ?", (problem, code)
            )
        )

    # --- inside the database thread ---

    def _import_in(
        self, tx: Transaction, given: Imported, rules_of: RulesOf, now: datetime
    ) -> ImportResult:
        known = self.find_in(tx, given.code)
        if known is None:
            self._announce_first_in(tx, given, rules_of, now)
            return ImportResult(given.code, 1, changed=True)
        held = tx.execute(
            "SELECT 1 FROM schedule_holds WHERE package = ? AND end_time IS NULL LIMIT 1",
            (given.code,),
        )
        standing = Standing(
            self._opened(tx, given.code), bool(held), _decided_ends_in(tx, given.code)
        )
        if judge_import(known, given, standing, now) is Import.UNCHANGED:
            return ImportResult(given.code, known.revision, changed=False)
        arrange(given.stages, known.rules.couplings)
        moved = given.stages != known.stages  # a new title alone changes no base
        after = Next(
            given.stages,
            "import",
            given.digest,
            base=moved,
            settled=known.accounted if moved else known.settled,
            accounted=known.accounted,
        )
        number = self.revise_in(tx, _renamed(known, given), after, now)
        return ImportResult(given.code, number, changed=True)

    def _announce_first_in(
        self, tx: Transaction, given: Imported, rules_of: RulesOf, now: datetime
    ) -> None:
        if not given.rule_set:
            raise Refused(
                "FED-4118",
                "a package is announced under a rule set, and the import names none",
                remedy="add rule_set to the package, or give --rule-set",
            )
        rules = rules_of(given.rule_set)
        arrange(given.stages, rules.couplings)  # refuses stages that follow in a circle
        text = rows.stages_text(given.stages)
        package = Package(
            code=given.code,
            title=given.title,
            zone=given.zone,
            rule_set=given.rule_set,
            rules=rules,
            revision=0,
            base_revision=1,
            stages=given.stages,
            base=given.stages,
            original=given.stages,
            settled=(),
            accounted=(),
            import_digest=given.digest,
            cancelled=False,
            problem="",
            version=1,
        )
        index = self._announce_in(
            tx, package, 1, Next(given.stages, "import", given.digest, True, (), ())
        )
        tx.run(
            "INSERT INTO schedule_packages (package, title, zone, rule_set, rule_document,"
            " revision, base_revision, stages, settled, accounted, import_digest, version)"
            " VALUES (?, ?, ?, ?, ?, 1, 1, ?, '[]', '[]', ?, 1)",
            (
                given.code,
                given.title,
                given.zone,
                given.rule_set,
                rows.rules_text(rules),
                text,
                given.digest,
            ),
        )
        tx.run(
            "INSERT INTO schedule_revisions (package, revision, origin, record_time, stages,"
            " journal_index) VALUES (?, 1, 'import', ?, ?, ?)",
            (given.code, to_micros(now), text, index),
        )

    def _announce_in(self, tx: Transaction, package: Package, number: int, after: Next) -> int:
        record = records.PackageScheduled(
            package=package.code,
            revision=number,
            title=package.title,
            zone=package.zone,
            rule_set=package.rule_set,
            origin=after.origin,
            source_digest=after.digest,
        )
        if number == 1:
            record.rule_document = rows.rules_text(package.rules).encode("utf-8")
        for stage in after.stages:
            listed = record.stages.add(stage=stage.name)
            listed.start_time.FromDatetime(stage.start)
            listed.end_time.FromDatetime(stage.end)
        return self._journal.append_in(tx, record)


class _Validated(Exception):
    """Takes back a unit that only wanted to know."""

    def __init__(self, results: list[ImportResult]) -> None:
        super().__init__()
        self.results = results


def check_version_in(tx: Transaction, package: Package) -> None:
    """Raise Conflict (FED-4111) when the package moved since it was read."""
    found = tx.execute("SELECT version FROM schedule_packages WHERE package = ?", (package.code,))
    if not found or found[0][0] != package.version:
        raise Conflict("FED-4111", "the package changed meanwhile; read it again")


def _decided_ends_in(tx: Transaction, code: str) -> dict[str, datetime]:
    """The latest end of each stage that any decision gave."""
    found = tx.execute(
        "SELECT stages FROM schedule_revisions WHERE package = ? AND origin LIKE 'decision %'",
        (code,),
    )
    ends: dict[str, datetime] = {}
    for (text,) in found:
        for stage in rows.stages_of(text):
            ends[stage.name] = max(stage.end, ends.get(stage.name, stage.end))
    return ends


def _renamed(known: Package, given: Imported) -> Package:
    """The package as the import describes it, before its next revision."""
    return replace(known, title=given.title, import_digest=given.digest)


@lru_cache(maxsize=256)
def _package(row: Row) -> Package:
    """A row of `_SELECT`; in a rush the same few are asked for by every submission."""
    (
        code, title, zone, rule_set, document, revision, base_revision, stages, settled,
        accounted, digest, cancelled, problem, version, base, original,
    ) = row  # fmt: skip
    return Package(
        code=code,
        title=title,
        zone=zone,
        rule_set=rule_set,
        rules=rows.rules_of(document),
        revision=revision,
        base_revision=base_revision,
        stages=rows.stages_of(stages),
        base=rows.stages_of(base),
        original=rows.stages_of(original),
        settled=rows.spans_of(settled),
        accounted=rows.spans_of(accounted),
        import_digest=digest,
        cancelled=bool(cancelled),
        problem=problem,
        version=version,
    )
