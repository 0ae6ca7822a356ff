"""Every limit of the federation, in one place, with its unit and what happens at the limit.

Invariant 12: no queue, message, list, wait or retry is unbounded. A constant's name ends in its
unit and `_MAX`/`_MIN` where it bounds; the line above says what happens when it is reached. Both
sides import these values, so changing one that travels on the wire is a change of the contract.
Leaves out what an operator may configure: configuration chooses inside these bounds.
"""

from __future__ import annotations

from lpse.federation.limits.audits import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.clocks import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.disks import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.doors import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.evidence import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.findings import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.healing import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.journals import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.persons import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.recon_log import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.recovery import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.releases import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.resumable import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.road import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.storage import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.tenders import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.units import *  # noqa: F403 - every limit is imported from here
from lpse.federation.limits.witnesses import *  # noqa: F403 - every limit is imported from here
