"""What every test shares: deterministic property tests, so that a failure is always a real one.

Only truly shared settings live here; fixtures belong to the folder that uses them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# Services and hooks start as `#!/usr/bin/env python3`: the tests' own Python, never a wrapper that
# forks copies of itself and looks like several services.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

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
