"""`compensation preview`: documents in, the answer of the contract out, or a clear refusal."""

import json
from datetime import datetime
from typing import Any

import pytest

from lpse.federation.documents import as_time
from lpse.federation.errors import FederationError
from regional_node.schedule.preview import Preview, PreviewInputs, preview

UPLOAD = "Upload Dokumen Penawaran"
PACKAGE: dict[str, Any] = {
    "code": "1234001",
    "name": "Pembangunan jembatan",
    "zone": "Asia/Jakarta",
    "rule_set": "perka-1-2015",
    "stages": [
        {
            "name": UPLOAD,
            "start": "2015-03-16T08:00:00+07:00",
            "end": "2015-03-31T12:00:00+07:00",
        },
        {
            "name": "Pembukaan Dokumen Penawaran",
            "start": "2015-03-31T12:01:00+07:00",
            "end": "2015-03-31T16:00:00+07:00",
        },
    ],
}
OUTAGES: list[Any] = [{"start": "2015-03-27T00:00:00+07:00", "end": "2015-03-31T00:00:00+07:00"}]
CALENDAR = {"holidays": ["2015-04-03"], "collective_leave": []}
RULES: dict[str, Any] = {
    "id": "exact-example",
    "citation": "Example",
    "counting": "exact",
    "day_kind": "calendar",
    "end_on_working_day": True,
    "min_usable_hours": 0,
    "compensable_stages": "all",
}


def run(
    package: object = PACKAGE,
    outages: object = OUTAGES,
    rule_set: Any = None,
    calendar: object = CALENDAR,
    as_of: datetime | None = None,
) -> Preview:
    def encoded(document: object) -> bytes:
        return document if isinstance(document, bytes) else json.dumps(document).encode()

    by_id = rule_set is None or isinstance(rule_set, str)

    return preview(
        PreviewInputs(
            package=encoded(package),
            outages=encoded(outages),
            rule_set=rule_set if by_id else encoded(rule_set),
            calendar=None if calendar is None else encoded(calendar),
            as_of=as_of,
        )
    )


def stages_of(result: Preview) -> list[dict[str, Any]]:
    stages = result.document["stages"]
    assert isinstance(stages, list)
    return stages


def with_stage(**change: object) -> dict[str, Any]:
    return PACKAGE | {"stages": [PACKAGE["stages"][0] | change]}


def test_answer_has_exactly_the_keys_of_the_contract() -> None:
    """Package, rule set and every stage in input order, with the documented keys and no other."""
    result = run()
    document = result.document
    assert list(document) == ["package", "rule_set", "stages"]
    assert (document["package"], document["rule_set"]) == ("1234001", "perka-1-2015")
    stages = stages_of(result)
    assert [stage["name"] for stage in stages] == [s["name"] for s in PACKAGE["stages"]]
    for stage in stages:
        assert list(stage) == [
            "name",
            "old_start",
            "old_end",
            "proposed_start",
            "proposed_end",
            "days",
            "lost_seconds",
            "touched_dates",
            "provisional",
            "steps",
        ]
    assert json.loads(json.dumps(document)) == document


def test_times_carry_the_offset_of_the_packages_zone() -> None:
    """Whatever offset the input used, the answer is written in the package's zone."""
    in_utc = with_stage(start="2015-03-16T01:00:00Z", end="2015-03-31T05:00:00.000Z")
    [stage] = stages_of(run(in_utc | {"zone": "Asia/Jayapura"}))
    assert stage["old_start"] == "2015-03-16T10:00:00+09:00"
    assert stage["old_end"] == "2015-03-31T14:00:00+09:00"


def test_printed_arithmetic_of_the_worked_example() -> None:
    """The steps lead from the old end over dates, days and holidays to the new one."""
    stages = stages_of(run())
    steps = stages[0]["steps"]
    assert [step["kind"] for step in steps] == ["OUTAGE", "COUNTED", "ADDED", "ROLLED", "RESULT"]
    assert steps[1]["id"] == "4 tanggal tersentuh: 27, 28, 29, 30 Mar 2015"
    assert steps[1]["en"] == "4 dates touched: 27, 28, 29, 30 Mar 2015"
    assert steps[2]["id"] == (
        "Sel, 31 Mar 2015 12.00 WIB + 4 hari kalender → Sab, 4 Apr 2015 12.00 WIB"
    )
    assert steps[3]["en"] == (
        "Sat, 4 Apr 2015 (weekend), Sun, 5 Apr 2015 (weekend) "
        "→ next working day Mon, 6 Apr 2015 12:00 WIB"
    )
    assert [step["kind"] for step in stages[1]["steps"]] == ["MOVED", "NO_LOSS", "RESULT"]


def test_rule_set_of_the_command_is_used_and_the_difference_told() -> None:
    """A rule set given on the command counts, and a notice says that it is not the package's."""
    result = run(rule_set=RULES, outages=[OUTAGES[0] | {"end": "2015-03-27T01:00:00+07:00"}])
    stages = stages_of(result)
    assert result.document["rule_set"] == "exact-example"
    assert stages[0]["days"] is None
    assert stages[0]["proposed_end"] == "2015-03-31T13:00:00+07:00"
    assert any("announced under perka-1-2015" in notice.english for notice in result.notices)


def test_package_without_rule_set_needs_one_from_the_command() -> None:
    """Rules are never guessed."""
    package = {key: value for key, value in PACKAGE.items() if key != "rule_set"}
    with pytest.raises(FederationError) as caught:
        run(package)
    assert caught.value.code == "FED-4060"
    assert run(package, rule_set="perka-1-2015").document == run().document


def test_open_outage_needs_a_time_and_is_provisional() -> None:
    """Without a time to compute as of, an open outage is refused; with one it is provisional."""
    outages = [OUTAGES[0] | {"end": None}]
    with pytest.raises(FederationError) as caught:
        run(outages=outages)
    assert caught.value.code == "FED-4061"
    as_of = as_time("2015-03-28T12:00:00+07:00", "as_of")
    stages = stages_of(run(outages=outages, as_of=as_of))
    assert [stage["provisional"] for stage in stages] == [True, True]
    assert stages[0]["steps"][-2]["kind"] == "PROVISIONAL"
    assert stages[0]["steps"][-2]["id"].startswith("sementara")


def test_notices_tell_what_is_odd_but_not_wrong() -> None:
    """A calendar without the year, names the package lacks and empty outages are pointed out."""
    rules = RULES | {"compensable_stages": ["Masa Sanggah", UPLOAD], "effective_from": "2016-01-01"}
    empty = {"start": "2015-03-20T00:00:00+07:00", "end": "2015-03-20T00:00:00+07:00"}
    result = run(outages=[*OUTAGES, empty], rule_set=rules, calendar=None)
    notices = [notice.english for notice in result.notices]
    assert any("lists no holiday in 2015" in notice for notice in notices)
    assert any('"Masa Sanggah"' in notice for notice in notices)
    assert any("same moment" in notice for notice in notices)
    assert any("effective from 2016-01-01" in notice for notice in notices)
    assert run().notices == ()


@pytest.mark.parametrize(
    ("package", "code"),
    [
        (b"", "FED-4001"),
        (b"{", "FED-4001"),
        (b"\xff\xfe", "FED-4001"),
        (b'{"code": "1", "code": "2"}', "FED-4002"),
        (b"[" * 100_000, "FED-4001"),
        (b'{"code": NaN}', "FED-4001"),
        (b" " * (4 * 1024 * 1024 + 1), "FED-4004"),
        ([], "FED-4001"),
        (PACKAGE | {"stage": []}, "FED-4002"),
        ({"code": "1"}, "FED-4003"),
        (PACKAGE | {"code": 1}, "FED-4001"),
        (PACKAGE | {"code": " 1"}, "FED-4001"),
        (PACKAGE | {"code": "x" * 400}, "FED-4004"),
        (PACKAGE | {"zone": "Europe/Paris"}, "FED-4023"),
        (PACKAGE | {"zone": None}, "FED-4003"),
        (PACKAGE | {"rule_set": "perka-9-2015"}, "FED-4042"),
        (PACKAGE | {"stages": []}, "FED-4001"),
        (PACKAGE | {"stages": [PACKAGE["stages"][0]] * 2}, "FED-4051"),
        (PACKAGE | {"stages": [PACKAGE["stages"][0]] * 65}, "FED-4004"),
        (with_stage(name=""), "FED-4001"),
        (with_stage(name="Upload\n"), "FED-4001"),
        (with_stage(start="2015-03-16T08:00:00"), "FED-4001"),
        (with_stage(start="2015-03-16 08:00:00+07:00"), "FED-4001"),
        (with_stage(start="2015-03-16"), "FED-4001"),
        (with_stage(start="2015-02-29T08:00:00+07:00"), "FED-4001"),
        (with_stage(start="2015-03-16T24:00:00+07:00"), "FED-4001"),
        (with_stage(start="2015-03-16T08:00:60+07:00"), "FED-4001"),
        (with_stage(start="2015-03-16T08:00:00+24:00"), "FED-4001"),
        (with_stage(start="2015-03-16T08:00:00+07:60"), "FED-4001"),
        (with_stage(start=1426467600), "FED-4001"),
        (with_stage(start="1015-03-16T08:00:00+07:00"), "FED-4022"),
        (with_stage(end="2015-03-16T07:59:59+07:00"), "FED-4050"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_wrong_packages_are_refused(package: object, code: str) -> None:
    """A package that is not understood is refused with the code of what is wrong."""
    with pytest.raises(FederationError) as caught:
        run(package)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("outages", "code"),
    [
        ({}, "FED-4001"),
        ([[]], "FED-4001"),
        ([{"start": "2015-03-27T00:00:00+07:00"}], "FED-4003"),
        ([{"end": None}], "FED-4003"),
        ([OUTAGES[0] | {"scope": "NATIONAL"}], "FED-4002"),
        ([OUTAGES[0] | {"start": None}], "FED-4001"),
        ([OUTAGES[0] | {"end": "2015-03-26T00:00:00+07:00"}], "FED-4021"),
        ([OUTAGES[0] | {"end": "2051-03-31T00:00:00+07:00"}], "FED-4004"),
        ([OUTAGES[0]] * 20_001, "FED-4004"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_wrong_outages_are_refused(outages: object, code: str) -> None:
    """An outage that is not understood is refused with the code of what is wrong."""
    with pytest.raises(FederationError) as caught:
        run(outages=outages)
    assert caught.value.code == code


def test_refusal_names_the_place() -> None:
    """The third outage is named as such."""
    wrong = OUTAGES[0] | {"end": "2015-03-26T00:00:00+07:00"}
    with pytest.raises(FederationError, match=r"outages\[2\]"):
        run(outages=[OUTAGES[0], OUTAGES[0], wrong])


def test_thousands_of_outages_are_one_computation() -> None:
    """A year with an outage in every hour is computed in one go, round after round."""
    many = [
        {"start": f"2015-{m:02}-{d:02}T{h:02}:00:00Z", "end": f"2015-{m:02}-{d:02}T{h:02}:30:00Z"}
        for m in range(1, 13)
        for d in range(1, 29)
        for h in range(24)
    ]
    [upload, _] = stages_of(run(outages=many))
    assert upload["proposed_end"] > upload["old_end"]
