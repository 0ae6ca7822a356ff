"""The clock's trust as the local API tells it.

Leaves out everything but the translation.
"""

from __future__ import annotations

from lpse.federation.entries import timestamp
from lpse.intake.v1 import node_pb2 as api
from regional_node.clock.keeper import ClockStatus


def trust_message(status: ClockStatus) -> api.ClockTrust:
    """See the proto."""
    bound, step = status.bound, status.step
    message = api.ClockTrust(
        basis=bound.basis.value,
        offset_seconds=bound.offset_seconds,
        error_seconds=bound.error_seconds,
        shift_seconds=status.shift_seconds,
    )
    if bound.measure_time is not None:
        message.measure_time.CopyFrom(timestamp(bound.measure_time))
    if step is not None:
        message.step_before_time.CopyFrom(timestamp(step.before))
        message.step_after_time.CopyFrom(timestamp(step.after))
    return message
