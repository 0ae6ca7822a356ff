"""What every test shares: deterministic property tests, so that a failure is always a real one.

Only truly shared settings live here; fixtures belong to the folder that uses them.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Two cores are shared with other work: a slow example is not a failure, and seeds do not wander.
settings.register_profile(
    "house",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", parent=settings.get_profile("house"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))
