"""What other rows belong to the acceptance of a submission.

Owns the value that a neighbour of intake hands in with files that are whole already. Rule: it is
written in the transaction of entry, row and receipt, or not at all. Leaves out those (`store`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lpse.runtime.sqlite import Transaction


@dataclass(frozen=True, slots=True)
class Joined:
    """`write` joins the transaction; `sealed`: OpenedMeanwhile once the package was opened."""

    write: Callable[[Transaction], None]
    sealed: bool


class OpenedMeanwhile(Exception):
    """The package was opened since its submission was judged; nothing was written."""
