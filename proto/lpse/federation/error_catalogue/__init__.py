"""Every error code with its meaning and its remedy, in English and Indonesian.

Owns what `explain FED-nnnn` prints; one file per thousand, in the order of the codes. Rule: a code
keeps its meaning for ever, a retired code stays listed. A test finds every code of the source and
demands its entry here. Leaves out the message of one occurrence: the raiser knows that.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue import (
    audits,
    deadlines,
    disks,
    enrolment,
    grants,
    healing,
    holders,
    identity,
    intake,
    journals,
    links,
    opening,
    outages,
    packages,
    persons,
    plans,
    publishing,
    receipts,
    recon_log,
    reconciliation,
    recovery,
    releases,
    restoring,
    resumable,
    rollouts,
    schedule,
    sessions,
    storage,
    terminal,
    transfers,
    witnesses,
)
from lpse.federation.error_catalogue.entry import Entry, Told

__all__ = ["CATALOGUE", "Entry", "Told"]

CATALOGUE: Final[dict[str, Entry]] = {
    **storage.ENTRIES,
    **disks.ENTRIES,
    **journals.ENTRIES,
    **links.ENTRIES,
    **sessions.ENTRIES,
    **holders.ENTRIES,
    **transfers.ENTRIES,
    **recovery.ENTRIES,
    **healing.ENTRIES,
    **identity.ENTRIES,
    **enrolment.ENTRIES,
    **persons.ENTRIES,
    **plans.ENTRIES,
    **schedule.ENTRIES,
    **packages.ENTRIES,
    **outages.ENTRIES,
    **intake.ENTRIES,
    **deadlines.ENTRIES,
    **receipts.ENTRIES,
    **opening.ENTRIES,
    **grants.ENTRIES,
    **resumable.ENTRIES,
    **restoring.ENTRIES,
    **releases.ENTRIES,
    **publishing.ENTRIES,
    **rollouts.ENTRIES,
    **reconciliation.ENTRIES,
    **audits.ENTRIES,
    **recon_log.ENTRIES,
    **terminal.ENTRIES,
    **witnesses.ENTRIES,
}
