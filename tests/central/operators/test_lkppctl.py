"""Promises of `lkppctl` to persons: the real program against a real centre, nobody to be asked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from central.ctl import planning, session
from central.plans.rules import Draft
from lpse.federation.errors import Conflict
from lpse.runtime import tls
from lpse.runtime.clock import SystemClock
from lpse.terminal.output import ConfirmationNeeded
from tests.central.operators.centre import Centre, lkppctl, running


async def enter(centre: Centre, home: Path, name: str, code: str = "") -> None:
    ran = await lkppctl(
        home,
        *("context", "create", name, "--enrolment", centre.enrolment, "--code", "-"),
        stdin=code or centre.invitations[name],
    )
    assert ran.status == 0, ran.err


async def test_person_comes_in_by_invitation(tmp_path: Path) -> None:
    """Keys are made on the person's machine (0600), and the code travels by standard input."""
    async with running(tmp_path) as centre:
        home = tmp_path / "home"
        for _ in range(2):  # repeating it is harmless
            await enter(centre, home, "siti")
        for name in (tls.SIGNING_KEY, tls.TLS_KEY):
            assert stat.S_IMODE((home / "contexts/siti" / name).stat().st_mode) == 0o600
        invited = await lkppctl(home, "operator", "add", "eko", "--role", "operator", "-o", "json")
        assert invited.status == 0, invited.err
        assert invited.json["subject"] == "eko" and invited.json["role"] == "operator"
        await enter(centre, home, "eko", invited.json["code"])
        listed = await lkppctl(home, "operator", "list", "-o", "json")
        roles = {row["operator_id"]: (row["role"], row["added_by"]) for row in listed.json}
        assert roles == {"siti": ("OPERATOR", ""), "eko": ("OPERATOR", "siti")}
        names = await lkppctl(home, "context", "list", "-o", "name")
        assert names.out == "eko\nsiti\n"


async def test_another_persons_code_does_not_take_a_context_over(tmp_path: Path) -> None:
    """Redeemed into the context of somebody else a code is refused, and the context stays."""
    async with running(tmp_path) as centre:
        home = tmp_path / "home"
        await enter(centre, home, "siti")
        more = ("operator", "add", "eko", "--role", "operator", "-o", "json")
        code = (await lkppctl(home, *more)).json["code"]
        words = ("context", "create", "siti", "--enrolment", centre.enrolment, "--code", "-")
        refused = await lkppctl(home, *words, stdin=f"{code}\n")
        assert refused.status == 4 and "FED-3114" in refused.err
        kept = await lkppctl(home, "context", "show", "siti", "-o", "json")
        assert kept.json["operator"] == "siti"
        await enter(centre, home, "eko", code)  # the code itself was not spent


async def test_refusals_have_code_words_and_exit_status(tmp_path: Path) -> None:
    """What is denied, not there, or out of reach says so on stderr and by its exit status."""
    async with running(tmp_path) as centre:
        home = tmp_path / "home"
        await enter(centre, home, "siti")
        denied = await lkppctl(home, "operator", "add", "x", "--role", "approver", lang="id_ID")
        assert (denied.status, denied.out) == (5, "")
        assert denied.err.startswith("Galat FED-3104: ")
        absent = await lkppctl(home, "operator", "revoke", "nobody", "--reason", "none")
        assert absent.status == 3 and "FED-3103" in absent.err
        last = await lkppctl(home, "operator", "revoke", "siti", "--reason", "none")
        assert last.status == 4 and "FED-3108" in last.err
    gone = await lkppctl(home, "operator", "list")
    assert gone.status == 6 and "FED-2299" in gone.err
    assert (await lkppctl(home, "operator", "list", "--what")).status == 2
    assert (await lkppctl(tmp_path / "other", "operator", "list")).status == 3


async def test_wide_act_never_happens_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody can be asked, a wide plan needs --yes and the number of its nodes (exit 8)."""
    monkeypatch.setenv("LKPPCTL_HOME", str(tmp_path / "home"))
    async with running(tmp_path) as centre:
        for name in ("siti", "budi"):
            await enter(centre, tmp_path / "home", name)
        draft = Draft("test.deed", {"version": "3.6"}, ("lpse-a", "lpse-b"), "a reason")
        await centre.plans.create(draft, created_by="siti", now=SystemClock().wall())
        monkeypatch.setenv("LKPPCTL_CONTEXT", "budi")
        async with session.connect() as approver:
            with pytest.raises(ConfirmationNeeded):
                await planning.approve(approver, "1", yes=False)
            signed = await planning.approve(approver, "1", yes=True)
            assert signed.approvals[0].actor == "budi"
        monkeypatch.setenv("LKPPCTL_CONTEXT", "siti")
        with pytest.raises(Conflict):
            async with session.connect() as operator:
                await planning.apply(operator, "1", act="test.deed", yes=True, expect_nodes=3)
        async with session.connect() as operator:
            for yes, nodes in ((True, None), (False, 2), (False, None)):
                with pytest.raises(ConfirmationNeeded):
                    await planning.apply(
                        operator, "1", act="test.deed", yes=yes, expect_nodes=nodes
                    )
            done = await planning.apply(operator, "1", act="test.deed", yes=True, expect_nodes=2)
            assert done.result == "deeds/3.6"
