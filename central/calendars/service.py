"""The RPCs about calendars, rule sets and policy.

Rules: publishing is for operators, reading for everybody active; an entry names its publisher.
Leaves out the checks (`rules`).
"""

from __future__ import annotations

from central.calendars import rules
from central.calendars.store import CalendarStore, Published
from central.operators.rules import OPERATOR, ROLES
from central.operators.service import Admission, Context
from lpse.federation.v1 import directives_pb2 as directives
from lpse.operator.v1 import calendars_pb2 as api
from lpse.operator.v1 import calendars_pb2_grpc
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock


class CalendarsService(calendars_pb2_grpc.CalendarsServicer):
    """Handlers of `lpse.operator.v1.Calendars`."""

    def __init__(self, store: CalendarStore, admission: Admission, clock: Clock) -> None:
        self._store = store
        self._admission = admission
        self._clock = clock

    async def ImportCalendar(
        self, request: api.ImportCalendarRequest, context: Context
    ) -> api.ImportCalendarResponse:
        person = await self._admission.require_operator(context, OPERATOR)
        record = rules.read_calendar(
            request.document, request.year, request.citation, request.province
        )
        published, changed = await self._store.publish(
            record, by=person.name, now=self._clock.now(), validate_only=request.validate_only
        )
        return api.ImportCalendarResponse(calendar=_message(published), changed=changed)

    async def ListCalendars(
        self, request: api.ListCalendarsRequest, context: Context
    ) -> api.ListCalendarsResponse:
        await self._admission.require_operator(context, *ROLES)
        size = page_size(request.page_size)
        found = await self._store.page(request.page_token, size + 1, year=request.year)
        return api.ListCalendarsResponse(
            calendars=map(_message, found[:size]),
            next_page_token=found[size - 1].name if len(found) > size else "",
        )

    async def PublishRuleSet(
        self, request: api.PublishRuleSetRequest, context: Context
    ) -> api.PublishRuleSetResponse:
        person = await self._admission.require_operator(context, OPERATOR)
        identifier = rules.read_rule_set(request.document).id
        record = directives.RuleSetPublished(
            rule_set=identifier, document=request.document, published_by=person.name
        )
        changed = await self._store.publish_rule_set(
            record, now=self._clock.now(), validate_only=request.validate_only
        )
        return api.PublishRuleSetResponse(name=f"rule-sets/{identifier}", changed=changed)

    async def PublishPolicy(
        self, request: api.PublishPolicyRequest, context: Context
    ) -> api.PublishPolicyResponse:
        person = await self._admission.require_operator(context, OPERATOR)
        rules.check_policy(request.policy)
        record = directives.PolicyPublished()
        record.CopyFrom(request.policy)
        record.published_by = person.name
        changed = await self._store.publish_policy(
            record, now=self._clock.now(), validate_only=request.validate_only
        )
        return api.PublishPolicyResponse(policy=record, changed=changed)


def _message(published: Published) -> api.Calendar:
    message = api.Calendar(
        name=published.name,
        record=published.record,
        national_index=published.national_index,
    )
    message.publish_time.FromDatetime(published.publish_time)
    return message
