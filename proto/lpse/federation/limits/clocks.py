"""Limits of the clock: how far a reading is trusted, and what counts as a step.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

# --- the clock of a node -------------------------------------------------------------------------

# How far a clock may drift from the centre's while the machine runs, in parts per million: 100 is
# 8.6 s a day. Between the tolerance of a disciplined clock (15, RFC 5905) and what a kernel still
# corrects (500); quartz of servers stays within 20 to 50 and ages.
CLOCK_DRIFT_PPM_MAX: Final = 100.0
# The same for the hardware clock that runs while the machine is off, and what its reading in whole
# seconds loses at a start.
CLOCK_OTHER_BOOT_DRIFT_PPM_MAX: Final = 200.0
CLOCK_OTHER_BOOT_SECONDS: Final = 2.0
# Added to half the round trip of every measurement.
CLOCK_RESOLUTION_SECONDS: Final = 0.001
# Questions to the centre whose answer is still waited for; an older one measures nothing.
LINK_BEATS_UNANSWERED_MAX: Final = 16
# What is assumed before the first contact with the centre; receipts say that it was not measured.
CLOCK_UNMEASURED_SECONDS: Final = 60.0
# A larger error is cut to this, a hundred years: every verdict is undetermined long before.
CLOCK_ERROR_SECONDS_MAX: Final = 3_155_760_000.0
# A wall clock that leaves monotonic time by less is not called set; it widens the interval.
CLOCK_STEP_SECONDS_MIN: Final = 1.0
# Steps that a node shows; older ones make way, the journal keeps all.
CLOCK_STEPS_KEPT_MAX: Final = 100
# The clocks are written down so often; a step back between two runs shows from there.
CLOCK_SEEN_SECONDS: Final = 30.0
# Two readings of one sample lie no further apart; after so many tries the last one counts.
CLOCK_SAMPLE_SECONDS_MAX: Final = 0.05
CLOCK_SAMPLES_MAX: Final = 5
