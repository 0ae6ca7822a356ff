"""The RPCs about packages and about compensations.

Rules: an import is taken whole or not at all; a decision is signed by a Pokja officer over exactly
what is decided; nothing here tells of submissions. Leaves out the stores' rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import grpc

from lpse.federation.acts import subject_digest
from lpse.federation.errors import Denied, NotFound, Refused
from lpse.federation.intervals import to_utc
from lpse.federation.limits import IMPORT_PACKAGES_MAX, PAGE_ITEMS_DEFAULT
from lpse.federation.rule_sets import RuleSet
from lpse.federation.stages import Stage
from lpse.intake.v1 import compensations_pb2 as compensations_api
from lpse.intake.v1 import compensations_pb2_grpc, packages_pb2_grpc
from lpse.intake.v1 import packages_pb2 as packages_api
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock
from regional_node.schedule import messages
from regional_node.schedule.decisions import DECIDE, DECIDING_ROLES, Wish, check_wish
from regional_node.schedule.effective import EffectiveSchedule
from regional_node.schedule.imports import imported
from regional_node.schedule.ports import NationalView, OfficerActs
from regional_node.schedule.proposal_store import ProposalStore
from regional_node.schedule.rules import Imported
from regional_node.schedule.store import ScheduleStore
from regional_node.schedule.worker import rule_set_of

Context = grpc.aio.ServicerContext[Any, Any]
_PACKAGES: Final = "packages/"
_COMPENSATIONS: Final = "compensations/"


class PackagesService(packages_pb2_grpc.PackagesServicer):
    """Handlers of `lpse.intake.v1.Packages`."""

    def __init__(
        self,
        packages: ScheduleStore,
        proposals: ProposalStore,
        effective: EffectiveSchedule,
        national: NationalView,
        clock: Clock,
        *,
        zone: str,
    ) -> None:
        """`zone` is the node's: packages that name none are in it."""
        self._packages = packages
        self._proposals = proposals
        self._effective = effective
        self._national = national
        self._clock = clock
        self._zone = zone

    async def ImportPackages(
        self, request: packages_api.ImportPackagesRequest, context: Context
    ) -> packages_api.ImportPackagesResponse:
        if not 0 < len(request.packages) <= IMPORT_PACKAGES_MAX:
            raise Refused("FED-4109", f"an import holds 1 to {IMPORT_PACKAGES_MAX} packages")
        given = [self._imported(one) for one in request.packages]
        desired = self._national.state

        def rules_of(identifier: str) -> RuleSet:
            return rule_set_of(desired, identifier)

        results = await self._packages.import_packages(
            given, rules_of, self._clock.now(), validate_only=request.validate_only
        )
        return packages_api.ImportPackagesResponse(
            packages=[
                packages_api.ImportedPackage(
                    name=_PACKAGES + one.code, revision=one.revision, changed=one.changed
                )
                for one in results
            ]
        )

    async def GetPackage(
        self, request: packages_api.GetPackageRequest, context: Context
    ) -> packages_api.GetPackageResponse:
        now = self._clock.now()
        case, waiting = await self._effective.seen(_code(request.name, _PACKAGES), now)
        revisions = await self._packages.revisions(case.package.code)
        response = packages_api.GetPackageResponse(
            package=messages.package(case, waiting, now, revisions)
        )
        response.as_of_time.FromDatetime(now)
        return response

    async def ListPackages(
        self, request: packages_api.ListPackagesRequest, context: Context
    ) -> packages_api.ListPackagesResponse:
        now = self._clock.now()
        size = page_size(request.page_size)
        found = await self._proposals.cases(
            request.page_token, size + 1, held_only=request.held_only
        )
        response = packages_api.ListPackagesResponse(
            packages=[messages.package(case, (), now) for case in found[:size]],
            next_page_token=found[size - 1].package.code if len(found) > size else "",
        )
        response.as_of_time.FromDatetime(now)
        return response

    async def GetEffectiveSchedule(
        self, request: packages_api.GetEffectiveScheduleRequest, context: Context
    ) -> packages_api.GetEffectiveScheduleResponse:
        now = self._clock.now()
        case, waiting = await self._effective.seen(_code(request.name, _PACKAGES), now)
        return messages.effective_schedule(case, waiting, now)

    def _imported(self, given: packages_api.PackageDocument) -> Imported:
        stages = [
            Stage(
                one.stage,
                one.start_time.ToDatetime(tzinfo=UTC),
                one.end_time.ToDatetime(tzinfo=UTC),
            )
            for one in given.stages
        ]
        return imported(given.code, given.title, given.zone or self._zone, given.rule_set, stages)


class CompensationsService(compensations_pb2_grpc.CompensationsServicer):
    """Handlers of `lpse.intake.v1.Compensations`."""

    def __init__(self, proposals: ProposalStore, officers: OfficerActs, clock: Clock) -> None:
        self._proposals = proposals
        self._officers = officers
        self._clock = clock

    async def GetCompensation(
        self, request: compensations_api.GetCompensationRequest, context: Context
    ) -> compensations_api.GetCompensationResponse:
        code, number = _compensation(request.name)
        case = await self._proposals.case(code)
        history = await self._proposals.history(code)
        chosen = [one for one in history if one.number == number] if number else history[-1:]
        if not chosen and (number or not case.held):
            raise NotFound("FED-4115", "nothing was proposed for this package")
        found = chosen[-1] if chosen else None
        return compensations_api.GetCompensationResponse(
            compensation=messages.compensation(case, found, whole=True),
            history=[messages.compensation(case, one) for one in history],
        )

    async def ListCompensations(
        self, request: compensations_api.ListCompensationsRequest, context: Context
    ) -> compensations_api.ListCompensationsResponse:
        size = page_size(request.page_size)
        listed: list[compensations_api.Compensation] = []
        after = request.page_token
        while len(listed) <= size:
            found = await self._proposals.cases(after, PAGE_ITEMS_DEFAULT)
            if not found:
                break
            after = found[-1].package.code
            shown = [
                messages.compensation(case, case.last)
                for case in found
                if case.last is not None or case.held
            ]
            listed += [one for one in shown if request.state in (0, one.state)]
        more = listed[size - 1].package if len(listed) > size else ""
        return compensations_api.ListCompensationsResponse(
            compensations=listed[:size], next_page_token=more
        )

    async def DecideCompensation(
        self, request: compensations_api.DecideCompensationRequest, context: Context
    ) -> compensations_api.DecideCompensationResponse:
        wish = _wish(request)
        check_wish(wish)
        if not request.HasField("act"):
            raise Denied("FED-3101", "a decision needs the Pokja officer's own signature")
        await self._officers.verify(
            request.act,
            act=DECIDE,
            digest=subject_digest(wish.subject()),
            roles=DECIDING_ROLES,
        )
        decided = await self._proposals.decide(
            wish, request.act, self._clock.now(), validate_only=request.validate_only
        )
        history = await self._proposals.history(wish.package)
        found = next((one for one in history if one.number == wish.proposal), None)
        return compensations_api.DecideCompensationResponse(
            compensation=messages.compensation(decided.case, found, whole=True),
            schedule_revision=decided.revision,
        )


def _wish(request: compensations_api.DecideCompensationRequest) -> Wish:
    code, number = _compensation(request.name)
    changes: Mapping[str, datetime] = {
        one.stage: to_utc(one.end_time.ToDatetime(tzinfo=UTC)) for one in request.changes
    }
    if len(changes) != len(request.changes):
        raise Refused("FED-4110", "the decision names a stage twice")
    return Wish(
        package=code,
        proposal=number,
        decision=request.decision,
        reason=request.reason,
        changes=changes,
        document_digest=request.document_digest,
    )


def _code(name: str, prefix: str) -> str:
    if not name.startswith(prefix) or len(name) == len(prefix):
        raise NotFound("FED-4101", f"a resource name here begins with {prefix}")
    return name.removeprefix(prefix)


def _compensation(name: str) -> tuple[str, int]:
    """Code and number of `compensations/<code>[/<proposal>]`; 0 where none is named."""
    code, _, number = _code(name, _COMPENSATIONS).partition("/")
    if number and not (number.isascii() and number.isdigit() and len(number) < 10):
        raise NotFound("FED-4115", "a compensation is named compensations/<code>/<proposal>")
    return code, int(number or 0)
