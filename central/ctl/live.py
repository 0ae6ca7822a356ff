"""A rollout as a tree: waves, their nodes, where each stands, why, and until when.

Owns the picture, still or live. Rules: a state is a word, a shape and a colour, never colour alone;
where no terminal is, each change is a line. Leaves out where the facts come from (`rollout`).
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any, Final

from rich.live import Live
from rich.markup import escape
from rich.tree import Tree

from lpse.terminal.output import Output, console, show, visible
from lpse.terminal.plain import plain
from lpse.terminal.words import say, when

_WHEN: Final = when("Asia/Jakarta")
_MARKS: Final = {
    "WAITING": ("·", "dim"),
    "ASKED": ("○", "cyan"),
    "HELD": ("‖", "yellow"),
    "ACTIVE": ("▶", "blue"),
    "APPLIED": ("✓", "green"),
    "FAILED": ("✗", "red"),
    "SILENT": ("?", "magenta"),
    "REVOKED": ("–", "dim"),
    "RUNNING": ("▶", "blue"),
    "PAUSED": ("‖", "yellow"),
    "HALTED": ("✗", "red"),
    "COMPLETED": ("✓", "green"),
    "STOPPED": ("■", "red"),
}


def tree(rollout: Any) -> Tree:
    """The whole rollout; `rollout` is the message or its plain form."""
    row = plain(rollout)
    title = f"{row['name']} → {row['version']}  {_state(row['state'])}"
    if row["reason"]:
        title += f"  [dim]{_told(row['reason'])}[/dim]"
    root = Tree(title)
    root.add(
        f"[dim]{say('failures')} {row['failures']}/{row['failures_max']} · "
        f"{say('success from')} {row['success_percent']} % · {say('as of')} "
        f"{_WHEN(row['as_of_time']) if row['as_of_time'] else '–'}[/dim]"
    )
    for wave in row["waves"]:
        branch = root.add(_wave_line(wave))
        for node in wave["nodes"]:
            branch.add(_node_line(node))
    return root


async def watch(rollouts: AsyncIterable[Any], output: Output) -> dict[str, Any]:
    """Show every state of a rollout as it comes; the last one."""
    last: dict[str, Any] = {}
    out = console(markup=True)
    if output is Output.TABLE and out.is_terminal:
        with Live(console=out, refresh_per_second=4) as live:
            async for rollout in rollouts:
                last = plain(rollout)
                live.update(tree(last))
        return last
    told: dict[str, str] = {}
    async for rollout in rollouts:
        last = plain(rollout)
        if output is Output.TABLE:
            _tell_changes(last, told)
        else:
            show(last, output=Output.JSONL)
    return last


def _tell_changes(row: dict[str, Any], told: dict[str, str]) -> None:
    """One line per thing that is not as it was said before."""
    lines = {"": f"{row['name']}  {_state(row['state'])}  {_told(row['reason'])}"}
    for wave in row["waves"]:
        lines[wave["wave"]] = _wave_line(wave)
        for node in wave["nodes"]:
            lines[f"{wave['wave']}/{node['node_id']}"] = f"  {_node_line(node)}"
    for key, line in lines.items():
        if told.get(key) != line:
            told[key] = line
            console(markup=True).print(line)


def _wave_line(wave: dict[str, Any]) -> str:
    opened = _WHEN(wave["open_time"]) if wave["open_time"] else say("not open yet")
    held = sum(node["progress"] == "HELD" for node in wave["nodes"])
    words = say("condition met, {count} held", count=held) if held else say("condition met")
    met = f" [green]✓ {words}[/green]" if wave["met"] else ""
    counts = f"{wave['applied_count']}/{wave['node_count']}"
    return f"[bold]{_told(wave['wave'])}[/bold]  {counts}  [dim]{opened}[/dim]{met}"


def _node_line(node: dict[str, Any]) -> str:
    parts = [f"{_told(node['node_id'])}  {_state(node['progress'])}"]
    if node["state"] not in ("UNSPECIFIED", node["progress"]):
        parts.append(say(node["state"]))
    if node["hold_reason"] != "UNSPECIFIED" and node["progress"] == "HELD":
        parts.append(say(node["hold_reason"]))
    if node["hold_until_time"] and node["progress"] == "HELD":
        parts.append(f"{say('until')} {_WHEN(node['hold_until_time'])}")
    version = node["reported_version"] or node["from_version"]
    if version:
        parts.append(_told(version))
    if node["detail"]:
        parts.append(f"[dim]{_told(node['detail'])}[/dim]")
    if node["silence_deadline_time"]:
        parts.append(f"[dim]{say('silent from')} {_WHEN(node['silence_deadline_time'])}[/dim]")
    return "  ".join(parts)


def _told(text: str) -> str:
    """Words of a person or a node: neither markup nor control characters of theirs count."""
    return escape(visible(text))


def _state(state: str) -> str:
    mark, colour = _MARKS.get(state, ("·", "default"))
    return f"[{colour}]{mark} {say(state)}[/{colour}]"
