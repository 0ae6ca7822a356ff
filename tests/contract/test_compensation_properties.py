"""Invariants of the compensation arithmetic, for generated schedules, outages and rule sets.

"Adding an outage never shortens" is stated only for rule sets that do not roll and for stages that
follow none: the rules add a later round *to the extended, rolled end*, so two separate outages may
give more than one that spans both, and a predecessor that moves further may carry a stage past an
outage. `test_two_rounds_may_give_more_than_one_long_outage` shows that case on purpose.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.calendars import Calendar
from lpse.federation.compensation import StageProposal, propose
from lpse.federation.intervals import (
    INDONESIAN_ZONES,
    Interval,
    day_interval,
    touched_dates,
    union,
)
from lpse.federation.rule_sets import Counting, DayKind, RuleSet, built_in
from lpse.federation.stages import Stage, arrange

JAKARTA = ZoneInfo("Asia/Jakarta")
EPOCH = datetime(2015, 3, 1, tzinfo=UTC)
AS_OF = datetime(2015, 6, 1, tzinfo=UTC)
CALENDAR = Calendar(
    holidays=frozenset({date(2015, 3, 21), date(2015, 4, 3), date(2015, 5, 1)}),
    collective_leave=frozenset({date(2015, 4, 2), date(2015, 4, 6)}),
)

zones = st.sampled_from(INDONESIAN_ZONES).map(ZoneInfo)
# Hours as the grid make equal ends, touching outages and midnights frequent.
hours = st.integers(0, 45 * 24)


def moment(hour: float) -> datetime:
    return EPOCH + timedelta(hours=hour)


@st.composite
def schedules(draw: st.DrawFn) -> list[Stage]:
    spans = draw(st.lists(st.tuples(hours, st.integers(0, 20 * 24)), min_size=1, max_size=6))
    ends = draw(st.lists(st.booleans(), min_size=6, max_size=6))
    stages: list[Stage] = []
    for number, (start, length) in enumerate(spans):
        end = moment(start + length)
        if stages and ends[number]:
            end = max(stages[-1].end, moment(start))  # often end with the stage before
        stages.append(Stage(f"stage {number}", moment(start), end))
    return stages


@st.composite
def outages(draw: st.DrawFn, most: int = 6) -> list[Interval]:
    spans = draw(st.lists(st.tuples(hours, st.integers(0, 5 * 24)), max_size=most))
    return [Interval(moment(start), moment(start + length)) for start, length in spans]


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    some_stages = st.lists(st.sampled_from([f"stage {n}" for n in range(6)]), unique=True)
    return RuleSet(
        id="generated",
        citation="for a property",
        counting=draw(st.sampled_from(Counting)),
        day_kind=draw(st.sampled_from(DayKind)),
        end_on_working_day=draw(st.booleans() | some_stages.map(tuple)),
        min_usable_hours=draw(st.sampled_from([0, 0, 6, 72])),
        compensable_stages=draw(st.just("all") | some_stages.map(tuple)),
    )


steady_rules = st.builds(
    RuleSet,
    id=st.just("steady"),
    citation=st.just("for a property"),
    counting=st.sampled_from(Counting),
    day_kind=st.sampled_from(DayKind),
    end_on_working_day=st.just(False),
    min_usable_hours=st.just(0),
)


def compute(
    stages: list[Stage], downtime: list[Interval], rules: RuleSet, zone: ZoneInfo = JAKARTA
) -> tuple[StageProposal, ...]:
    return propose(stages, downtime, rules, CALENDAR, zone, AS_OF)


def one_stage(start: int, length: int) -> list[Stage]:
    return [Stage("stage 0", moment(start), moment(start + length))]


def counted_intervals(stage: Stage, downtime: list[Interval], end: datetime) -> list[Interval]:
    parts = (outage.from_moment(stage.start) for outage in downtime if outage.start < end)
    return [part for part in parts if part is not None]


@given(schedules(), outages(), rule_sets(), zones)
def test_never_earlier_than_published(
    stages: list[Stage], downtime: list[Interval], rules: RuleSet, zone: ZoneInfo
) -> None:
    """No start and no end comes before the published one, and no stage ends before it starts."""
    for stage in compute(stages, downtime, rules, zone):
        assert stage.proposed_start >= stage.old_start
        assert stage.proposed_end >= stage.old_end
        assert stage.proposed_end >= stage.proposed_start


@given(schedules(), outages(), rule_sets(), st.data())
def test_records_do_not_matter_only_downtime(
    stages: list[Stage],
    downtime: list[Interval],
    rules: RuleSet,
    data: st.DataObject,
) -> None:
    """Order, repetition, splitting into touching pieces and empty outages change nothing."""
    rearranged: list[Interval] = []
    for outage in downtime:
        assert outage.end is not None
        cut = outage.start + outage.duration() * data.draw(st.sampled_from([0.25, 0.5, 1.0]))
        rearranged += [Interval(cut, outage.end), Interval(outage.start, cut)]
    rearranged = data.draw(st.permutations(rearranged + downtime[:2]))
    assert compute(stages, rearranged, rules) == compute(stages, downtime, rules)


@given(schedules(), outages(), rule_sets())
def test_gaps_to_the_followed_stage_are_kept(
    stages: list[Stage], downtime: list[Interval], rules: RuleSet
) -> None:
    """A start keeps its elapsed gap to the end that it follows."""
    proposals = compute(stages, downtime, rules)
    for place, leader in enumerate(arrange(stages, rules.couplings).follows):
        if leader is None:
            assert proposals[place].proposed_start == stages[place].start
        else:
            old_gap = stages[place].start - stages[leader].end
            assert proposals[place].proposed_start - proposals[leader].proposed_end == old_gap


@given(schedules(), outages(), rule_sets())
def test_equal_ends_stay_equal(
    stages: list[Stage], downtime: list[Interval], rules: RuleSet
) -> None:
    """Stages that ended together end together."""
    proposals = compute(stages, downtime, rules)
    for one in proposals:
        for other in proposals:
            if one.old_end == other.old_end:
                assert one.proposed_end == other.proposed_end


@given(schedules(), outages(), rule_sets(), zones)
def test_moved_end_is_a_working_day_at_the_local_time(
    stages: list[Stage], downtime: list[Interval], rules: RuleSet, zone: ZoneInfo
) -> None:
    """Where the rule set asks for it, an end that moved falls on a working day."""
    for stage in compute(stages, downtime, rules, zone):
        if rules.must_end_on_working_day(stage.name) and stage.proposed_end != stage.old_end:
            assert CALENDAR.is_working_day(stage.proposed_end.astimezone(zone).date())


@given(hours, st.integers(1, 480), outages(), steady_rules, outages(most=2))
def test_more_downtime_never_gives_less(
    start: int, length: int, downtime: list[Interval], rules: RuleSet, more: list[Interval]
) -> None:
    """Without rolling, adding or lengthening an outage never shortens a stage of its own."""
    [before] = compute(one_stage(start, length), downtime, rules)
    [after] = compute(one_stage(start, length), downtime + more, rules)
    assert after.proposed_end >= before.proposed_end
    assert after.lost >= before.lost


@given(hours, st.integers(1, 480), outages(), zones)
def test_touched_days_agree_with_a_direct_count(
    start: int, length: int, downtime: list[Interval], zone: ZoneInfo
) -> None:
    """Without rolling, the end is the old end plus the dates touched by outages begun before it."""
    rules = RuleSet("direct", "for a property", Counting.TOUCHED_DAYS, DayKind.CALENDAR, False, 0)
    [stage] = one_stage(start, length)
    end = stage.end
    while True:
        dates = touched_dates(counted_intervals(stage, downtime, end), zone)
        if stage.end + timedelta(days=len(dates)) == end:
            break
        end = stage.end + timedelta(days=len(dates))
    [proposal] = compute([stage], downtime, rules, zone)
    assert proposal.proposed_end == end
    assert proposal.touched_dates == tuple(sorted(dates))


@given(hours, st.integers(1, 480), outages(), rule_sets())
def test_usable_time_follows_the_last_counted_outage(
    start: int, length: int, downtime: list[Interval], rules: RuleSet
) -> None:
    """The proposed end leaves the shortest usable time after every outage begun before it."""
    [stage] = one_stage(start, length)
    [proposal] = compute([stage], downtime, rules)
    if rules.is_compensable(stage.name):
        for part in counted_intervals(stage, downtime, proposal.proposed_end):
            assert part.end is not None
            assert proposal.proposed_end - part.end >= timedelta(hours=rules.min_usable_hours)


@given(hours, st.integers(1, 480), outages(), rule_sets(), st.integers(1, 200))
def test_downtime_after_the_proposed_end_does_not_matter(
    start: int, length: int, downtime: list[Interval], rules: RuleSet, later: int
) -> None:
    """Rounds stop exactly at the proposed end: what begins after it changes nothing."""
    stages = one_stage(start, length)
    [before] = compute(stages, downtime, rules)
    end = before.proposed_end
    outage = Interval(end + timedelta(hours=later), end + timedelta(hours=later + 30))
    assert compute(stages, [*downtime, outage], rules) == (before,)


@given(schedules(), outages(), rule_sets())
def test_days_are_the_dates_listed(
    stages: list[Stage], downtime: list[Interval], rules: RuleSet
) -> None:
    """`touched_days` lists exactly the dates it counts; `exact` has no days at all."""
    for stage in compute(stages, downtime, rules):
        if rules.counting is Counting.TOUCHED_DAYS:
            assert stage.days == len(stage.touched_dates)
        if rules.counting is Counting.STARTED_24H:
            assert stage.days == -(-stage.lost // timedelta(hours=24))
        assert (stage.days is None) == (rules.counting is Counting.EXACT)


@given(schedules(), outages(), rule_sets())
def test_closed_outages_give_a_final_proposal(
    stages: list[Stage], downtime: list[Interval], rules: RuleSet
) -> None:
    """Nothing is provisional when every outage is closed, and `as_of` says nothing then."""
    proposals = compute(stages, downtime, rules)
    assert not any(stage.provisional for stage in proposals)
    early = propose(stages, downtime, rules, CALENDAR, JAKARTA, moment(0))
    assert [s.proposed_end for s in early] == [s.proposed_end for s in proposals]


@given(schedules(), outages(), rule_sets(), hours)
def test_an_open_outage_counts_like_one_closed_at_that_time(
    stages: list[Stage], downtime: list[Interval], rules: RuleSet, begun: int
) -> None:
    """A provisional proposal is what would be final if the outage ended now."""
    as_of = moment(begun + 40)
    open_one = propose(
        stages, [*downtime, Interval(moment(begun), None)], rules, CALENDAR, JAKARTA, as_of
    )
    closed = compute(stages, [*downtime, Interval(moment(begun), as_of)], rules)
    assert [(s.proposed_end, s.lost) for s in open_one] == [
        (s.proposed_end, s.lost) for s in closed
    ]


def test_two_rounds_may_give_more_than_one_long_outage() -> None:
    """A second round is added to the rolled end, so a pause between outages is not swallowed."""

    def at(day: int, hour: int) -> datetime:
        return datetime(2015, 3, day, hour, tzinfo=JAKARTA)

    stages = [Stage("stage 0", at(16, 8), at(27, 10))]
    rules, calendar = built_in("perka-1-2015"), Calendar()
    whole = [day_interval(date(2015, 3, 27), date(2015, 3, 31), JAKARTA)]
    paused = [Interval(whole[0].start, at(27, 9)), Interval(at(27, 11), whole[0].end)]
    [one] = propose(stages, whole, rules, calendar, JAKARTA, AS_OF)
    [two] = propose(stages, paused, rules, calendar, JAKARTA, AS_OF)
    assert one.proposed_end.astimezone(JAKARTA) == at(31, 10)
    assert two.proposed_end.astimezone(JAKARTA) == datetime(2015, 4, 2, 10, tzinfo=JAKARTA)


def literal_end(stage: Stage, downtime: list[Interval], rules: RuleSet, zone: ZoneInfo) -> datetime:
    """The rules once more, written as literally and wastefully as they can be read."""

    def shifted(end: datetime, days: int) -> datetime:
        local = end.astimezone(zone)
        while days:
            local += timedelta(days=1)
            counts = rules.day_kind is DayKind.CALENDAR or CALENDAR.is_working_day(local.date())
            days -= counts
        return local

    def amount(parts: list[Interval]) -> tuple[int, timedelta]:
        lost = sum((part.duration() for part in parts), timedelta())
        if rules.counting is Counting.EXACT:
            return 0, lost
        if rules.counting is Counting.STARTED_24H:
            return -(-lost // timedelta(hours=24)), timedelta()
        dates = touched_dates(parts, zone)
        if rules.day_kind is DayKind.WORKING:
            dates = frozenset(day for day in dates if CALENDAR.is_working_day(day))
        return len(dates), timedelta()

    end, parts, given_days, given_time = stage.end, list[Interval](), 0, timedelta()
    while True:
        more = counted_intervals(stage, list(union(downtime)), end)
        if len(more) == len(parts):
            return end
        parts = more
        days, lost = amount(parts)
        latest = max(part.end for part in parts if part.end is not None)
        floor = latest + timedelta(hours=rules.min_usable_hours)
        computed = max(shifted(end, days - given_days) + (lost - given_time), floor)
        given_days, given_time = days, lost
        if computed > end:
            local = computed.astimezone(zone)
            while rules.must_end_on_working_day(stage.name) and not CALENDAR.is_working_day(
                local.date()
            ):
                local += timedelta(days=1)
            end = local.astimezone(UTC)


@given(hours, st.integers(1, 480), outages(), rule_sets(), zones)
def test_agrees_with_a_literal_reading_of_the_rules(
    start: int, length: int, downtime: list[Interval], rules: RuleSet, zone: ZoneInfo
) -> None:
    """For a stage of its own, every way of counting gives what the rules say word by word."""
    [stage] = one_stage(start, length)
    [proposal] = compute([stage], downtime, rules, zone)
    if rules.is_compensable(stage.name):
        assert proposal.proposed_end == literal_end(stage, downtime, rules, zone)
    else:
        assert proposal.proposed_end == stage.end
