"""Plans that were applied after the backup from which the centre was restored.

Rule: a plan whose effect stands in the national journal is applied, so that it is not applied a
second time (the journal would recognise it by its entry id as well). Plans made after the backup
are gone: they had not done anything. Leaves out the effects, which the areas take up.
"""

from __future__ import annotations

from lpse.runtime.sqlite import Transaction


def applied_in(tx: Transaction, digest: bytes, result: str) -> None:
    """The plan with this digest became `result`."""
    if digest:
        tx.run("UPDATE plans SET result = ? WHERE digest = ? AND result = ''", (result, digest))
