"""What resumable uploads are made of: the neighbours that the composition root hands in.

Owns the one value that carries them. Leaves out everything else.
"""

from __future__ import annotations

from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from lpse.federation.limits import RESUMABLE_EXPIRY_SECONDS_DEFAULT
from lpse.storage.blobs import BlobStore
from regional_node.intake.office import Office
from regional_node.intake.sealing import Sealing
from regional_node.intake.submissions import Intake
from regional_node.tus.ports import Centre
from regional_node.tus.store import FileStore


@dataclass(frozen=True, slots=True)
class Parts:
    """`sealing` must be the one of `intake`: both ways in share its claims on blobs."""

    store: FileStore
    intake: Intake
    sealing: Sealing
    blobs: BlobStore
    office: Office
    centre: Centre
    log: FilteringBoundLogger
    expiry_seconds: float = RESUMABLE_EXPIRY_SECONDS_DEFAULT
