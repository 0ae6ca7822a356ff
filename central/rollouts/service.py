"""What operators do with rollouts: preview and plan, look, watch, pause, resume, stop.

Rules: operators write, every role reads; a rollout begins only as an approved plan. Watching is
bounded and ends by itself when nothing more will happen (Invariant 12). Leaves out the wave engine
(`worker`) and the applying of plans (`central.plans`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from central.operators.rules import OPERATOR, ROLES
from central.operators.service import Admission, Context
from central.plans.service import plan_message
from central.plans.store import PlanStore
from central.releases.service import page_number
from central.releases.store import ReleaseStore
from central.rollouts.planning import RolloutApplier, document_of, draft_of, record_of
from central.rollouts.ports import ScheduleOutlook, Versions
from central.rollouts.preview import Known, outlooks, summary
from central.rollouts.rules import OPEN, State
from central.rollouts.store import RolloutStore
from central.rollouts.view import Viewer
from lpse.federation.errors import Unavailable
from lpse.federation.limits import ROLLOUT_WATCHERS_MAX
from lpse.federation.persons import check_reason
from lpse.federation.v1.directives_pb2 import RolloutStateChanged
from lpse.operator.v1 import rollouts_pb2 as api
from lpse.operator.v1 import rollouts_pb2_grpc
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock

_LOOK_SECONDS: Final = 0.5  # how often a watched rollout is looked at
_TELL_LOOKS: Final = 30  # said again after so many looks, changed or not


@dataclass(frozen=True, slots=True)
class Parts:
    """What the handlers work with; without an outlook no schedule is known."""

    store: RolloutStore
    applier: RolloutApplier
    viewer: Viewer
    plans: PlanStore
    releases: ReleaseStore
    versions: Versions
    outlook: ScheduleOutlook | None = None


class RolloutsService(rollouts_pb2_grpc.RolloutsServicer):
    """Handlers of `lpse.operator.v1.Rollouts`; `clock.now` judges schedules, `wall` the rest."""

    def __init__(self, parts: Parts, admission: Admission, clock: Clock) -> None:
        self._parts = parts
        self._admission = admission
        self._clock = clock
        self._watchers = 0

    async def PlanRollout(
        self, request: api.PlanRolloutRequest, context: Context
    ) -> api.PlanRolloutResponse:
        person = await self._admission.require_operator(context, OPERATOR)
        check_reason(request.reason)
        document = document_of(request.spec)
        document["rollout"] = await self._parts.store.free_name(document["version"])
        record_of(document, request.reason)
        release = await self._parts.releases.get(document["version"])
        nodes = [node for wave in document["waves"] for node in wave["node_ids"]]
        now, outlook = self._clock.now(), self._parts.outlook
        known = Known(
            list(release.record.from_versions),
            await self._parts.versions.versions(nodes),
            await outlook.next_ends(nodes, now) if outlook is not None else {},
            now,
        )
        listed = outlooks(document, known)
        document["preview"] = summary(listed)
        draft = draft_of(document, request.reason)
        if request.validate_only:
            await self._parts.applier.check(document)
            return api.PlanRolloutResponse(outlooks=listed)
        plan = await self._parts.plans.create(draft, created_by=person.name, now=self._clock.wall())
        return api.PlanRolloutResponse(plan=plan_message(plan, self._clock), outlooks=listed)

    async def GetRollout(self, request: api.GetRolloutRequest, context: Context) -> api.Rollout:
        await self._admission.require_operator(context, *ROLES)
        view = await self._parts.viewer.view(request.name, self._clock.wall())
        return view.message()

    async def ListRollouts(
        self, request: api.ListRolloutsRequest, context: Context
    ) -> api.ListRolloutsResponse:
        await self._admission.require_operator(context, *ROLES)
        size = page_size(request.page_size)
        before = page_number(request.page_token)
        rows = await self._parts.store.page(before, size + 1, request.state)
        views = await self._parts.viewer.views(rows[:size], self._clock.wall())
        return api.ListRolloutsResponse(
            rollouts=[view.message(whole=False) for view in views],
            next_page_token=str(rows[size - 1].number) if len(rows) > size else "",
        )

    async def WatchRollout(
        self, request: api.WatchRolloutRequest, context: Context
    ) -> AsyncIterator[api.WatchRolloutResponse]:
        await self._admission.require_operator(context, *ROLES)
        if self._watchers >= ROLLOUT_WATCHERS_MAX:
            raise Unavailable("FED-6209", f"{ROLLOUT_WATCHERS_MAX} people are watching already")
        self._watchers += 1
        try:
            told, looks = b"", 0
            while True:
                view = await self._parts.viewer.view(request.name, self._clock.wall())
                message = view.message()
                shown = _comparable(message)
                if shown != told or looks >= _TELL_LOOKS:
                    told, looks = shown, 0
                    yield api.WatchRolloutResponse(rollout=message)
                if view.stored.state not in OPEN:
                    return
                looks += 1
                await self._clock.sleep(_LOOK_SECONDS)
                await self._admission.require_operator(context, *ROLES)
        finally:
            self._watchers -= 1

    async def PauseRollout(self, request: api.PauseRolloutRequest, context: Context) -> api.Rollout:
        return await self._change(request, context, State.PAUSED)

    async def ResumeRollout(
        self, request: api.ResumeRolloutRequest, context: Context
    ) -> api.Rollout:
        return await self._change(request, context, State.RUNNING)

    async def StopRollout(self, request: api.StopRolloutRequest, context: Context) -> api.Rollout:
        return await self._change(request, context, State.STOPPED)

    async def _change(
        self,
        request: api.PauseRolloutRequest | api.ResumeRolloutRequest | api.StopRolloutRequest,
        context: Context,
        state: State,
    ) -> api.Rollout:
        person = await self._admission.require_operator(context, OPERATOR)
        check_reason(request.reason)
        change = RolloutStateChanged(
            rollout=request.name,
            state=state.number,
            reason=request.reason,
            changed_by=person.name,
        )
        now = self._clock.wall()
        stored = await self._parts.store.change_state(
            request.name, change, now, validate_only=request.validate_only
        )
        (view,) = await self._parts.viewer.views([stored], now)
        return view.message()


def _comparable(message: api.Rollout) -> bytes:
    """The message without the moment at which it was put together."""
    copy = api.Rollout()
    copy.CopyFrom(message)
    copy.ClearField("as_of_time")
    return copy.SerializeToString(deterministic=True)
