"""Brings this node to the wanted release, step by step, and keeps the present one running.

Owns the loop: look at the world, ask `rules.decide`, do that one thing. All state is in the
database and on the disk, so a worker that starts anew goes on where the last one was killed. The
service outlives the daemon and is adopted again by its lock. Leaves out the decision (`rules.py`),
the phases (`engine.py`) and how bytes cross the link (`BlobFetcher`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import structlog

from lpse.federation import limits
from lpse.federation.bundles import BundleError, Manifest
from lpse.federation.desired_rollouts import DesiredRelease
from lpse.federation.errors import FederationError, Unavailable
from lpse.federation.versions import SpseVersion
from lpse.runtime.clock import Clock
from regional_node.upgrades.engine import UpgradeEngine
from regional_node.upgrades.hooks import HookRunner, Surroundings
from regional_node.upgrades.host import MACHINE, Host
from regional_node.upgrades.probe import Report, complaint
from regional_node.upgrades.rules import (
    UNTOUCHED,
    Act,
    Attempt,
    Hold,
    Reason,
    Situation,
    State,
    WantedRelease,
    decide,
    wanted_release,
)
from regional_node.upgrades.slots import NoSpace, Slot, SlotStore, file_digest
from regional_node.upgrades.store import Step, UpgradeStore
from regional_node.upgrades.supervisor import Problem, ServiceSupervisor

_HEALTH_PATH: Final = "/health"
_LOG: Final = structlog.get_logger("lpse.node.upgrades")


class ScheduleGuard(Protocol):
    """What an upgrade must know of the schedule; the schedule folder is one."""

    async def next_guarded_end(self, now: datetime) -> datetime | None:
        """The earliest effective compensable end after `now`, however far, or None.

        While a stage past its end is held (its new end is unknown) this is that end or `now`:
        anything not after `now` holds an upgrade until the answer changes.
        """


class BlobFetcher(Protocol):
    """Brings a blob across the link; the link's transfer is one."""

    async def fetch(self, digest: bytes, size: int) -> Path:
        """A file with exactly these bytes; resumes what it has; Unavailable when it cannot now."""


@dataclass(frozen=True, slots=True)
class UpgradeSettings:
    """What an administrator chooses; the defaults suit a production node."""

    root: Path  # slots, current, data, locks and logs live below
    service_port: int  # the local SPSE listens here on loopback
    expected_seconds: float = 3_600  # assumed before a bundle's own time limits are known
    soak_seconds: float = 30  # when the rollout does not say
    soak_seconds_max: float = 600
    poll_seconds: float = 0.5
    no_space_retry_seconds: float = 900
    reserve_bytes: int = limits.BLOB_RESERVE_BYTES_MIN
    host: Host = MACHINE  # where hooks and the service run


@dataclass(frozen=True, slots=True)
class Present:
    """What runs here now: for Hello, status and the fleet view."""

    version: SpseVersion | None  # None where nothing was installed yet
    running: bool


class UpgradeWorker:
    """One node's upgrades and its service; call `step` often, it is harmless."""

    def __init__(
        self,
        settings: UpgradeSettings,
        store: UpgradeStore,
        desired: Callable[[], DesiredRelease | None],
        guard: ScheduleGuard,
        fetcher: BlobFetcher,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._store = store
        self._desired = desired
        self._guard = guard
        self._fetcher = fetcher
        self._clock = clock
        self._slots = SlotStore(settings.root, settings.reserve_bytes)
        self._hooks = HookRunner(
            settings.root / "hook.lock", self._surroundings("hooks.log"), clock
        )
        self._supervisor = ServiceSupervisor(
            settings.root / "service.lock",
            self._surroundings("service.log"),
            self._hooks,
            clock,
            settings.poll_seconds,
        )
        self._engine = UpgradeEngine(store, self._slots, self._hooks, self._supervisor, clock)
        self._fetching: asyncio.Task[Slot] | None = None
        self._step_lock = asyncio.Lock()
        self._prepared = False

    async def step(self, now: datetime) -> Attempt | None:
        """Do the next thing; the active attempt afterwards, or None when there is none."""
        async with self._step_lock:
            await self._prepare()
            current = self._slots.current()
            if current is None:
                return None
            situation = await self._situation(now, current.manifest.version)
            decision = decide(situation)
            if decision.act not in (Act.GO_BACK, Act.CHECK):
                await self._keep_running(current)
            moved = await self._do(decision.act, decision.hold, situation, current)
            _log_move(situation.active, moved)
            return moved

    async def run(self, stop: asyncio.Event, every_seconds: float) -> None:
        """Step until told to stop, at once after a move; a step that fails is tried again later."""
        before: Attempt | None = None
        while not stop.is_set():
            try:
                after = await self.step(self._clock.now())
            except (FederationError, OSError) as error:
                _LOG.warning("upgrade_step_failed", error_code=_code(error))
            else:
                moved = after is not None and (before is None or _where(before) != _where(after))
                before = after
                if moved:
                    continue
            waiting = asyncio.ensure_future(stop.wait())
            await asyncio.wait({waiting}, timeout=every_seconds)
            waiting.cancel()
        self._drop_fetch()

    async def install_first(self, bundle: Path) -> SpseVersion:
        """Put the first version on a node that has none; repeating it is harmless.

        The administrator chose the file, so its own digest is the one that counts.
        """
        async with self._step_lock:
            await self._prepare()
            current = self._slots.current()
            if current is None:
                digest = await asyncio.to_thread(file_digest, bundle)
                current = await asyncio.to_thread(self._slots.unpack, bundle, digest)
                for hook in ("preflight", "apply"):
                    complaint = await self._hooks.run(hook, current, "", 0)
                    if complaint:
                        raise Unavailable("FED-6108", f"the first version: {complaint}")
                await asyncio.to_thread(self._slots.switch, current)
            await self._keep_running(current)
            return current.manifest.version

    async def present(self) -> Present:
        """What runs here now, by `current` and by the service's lock."""
        current = self._slots.current()
        running = await asyncio.to_thread(self._supervisor.running)
        if current is None:
            return Present(None, running=False)
        return Present(current.manifest.version, running == current.name)

    async def report(self) -> Report:
        """What the local service says of itself now; an empty report where none is installed."""
        current = self._slots.current()
        if current is None:
            return Report(None, healthy=False)
        return await self._supervisor.report(current)

    async def complaint(self, timeout_seconds: float) -> str:
        """What speaks against the local service now; empty while it is well.

        A service that was installed by other hands is asked for its usual page.
        """
        current = self._slots.current()
        path = _HEALTH_PATH if current is None else current.manifest.service.health_path
        settings = self._settings
        return await complaint(settings.service_port, path, timeout_seconds, settings.host)

    async def is_upgrading(self) -> bool:
        """Whether the service is away, or on trial, because of an upgrade."""
        active = await self._store.active()
        return active is not None and active.state not in UNTOUCHED

    async def stop_service(self) -> None:
        """Stop the local service, for a node that is taken down on purpose (demo, decommission)."""
        async with self._step_lock:
            await self._prepare()
            await self._hooks.stop()
            current = self._slots.current()
            if current is not None:
                await self._supervisor.stop(current.manifest.service)

    async def _prepare(self) -> None:
        if not self._prepared:
            await asyncio.to_thread(self._slots.prepare)
            self._settings.root.joinpath("data").mkdir(exist_ok=True)
            self._prepared = True

    async def _situation(self, now: datetime, present: SpseVersion) -> Situation:
        wanted = self._wanted()
        active = await self._store.active()
        return Situation(
            now=now,
            present=present,
            wanted=wanted,
            active=active,
            earlier=await self._store.earlier(wanted) if wanted else (),
            guarded_end=await self._guard.next_guarded_end(now),
            expected_seconds=self._expected_seconds(active),
        )

    async def _do(
        self, act: Act, hold: Hold | None, situation: Situation, current: Slot
    ) -> Attempt | None:
        active, wanted, now = situation.active, situation.wanted, situation.now
        if act is Act.RECEIVE:
            assert wanted is not None
            return await self._store.begin(wanted, situation.present, current.name, now)
        if active is None or act is Act.REST:
            return active
        if act is Act.WITHDRAW:
            self._drop_fetch()
            return await self._store.move(active, Step(State.WITHDRAWN), now)
        if act is Act.HOLD:
            assert hold is not None
            self._drop_fetch()
            return await self._hold(active, hold, now)
        if act is Act.FETCH:
            return await self._fetch(active, now)
        return await self._engage(act, active)

    async def _engage(self, act: Act, active: Attempt) -> Attempt:
        """The acts that may touch the running service; they finish before the step returns."""
        soak = self._soak_seconds()
        if act is Act.APPLY:
            return await self._engine.apply(active, soak)
        if act is Act.CHECK:
            return await self._engine.check(active, soak)
        lost = Problem(Reason.INTERRUPTED, "the node stopped in the middle of the upgrade")
        return await self._engine.go_back(active, lost)

    async def _hold(self, active: Attempt, hold: Hold, now: datetime) -> Attempt:
        step = Step(State.HELD, hold.reason, hold.detail, hold.until)
        return await self._store.move(active, step, now)

    async def _fetch(self, active: Attempt, now: datetime) -> Attempt:
        """Start or look at the fetch, which goes on between steps; a link may need hours."""
        if active.state is not State.DOWNLOADING:
            return await self._store.move(active, Step(State.DOWNLOADING), now)
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._bring(active))
        await asyncio.wait({self._fetching}, timeout=self._settings.poll_seconds)
        if not self._fetching.done():
            return active
        fetching, self._fetching = self._fetching, None
        try:
            slot = fetching.result()
            _check_promise(slot.manifest, active)
        except NoSpace as error:
            until = now + timedelta(seconds=self._settings.no_space_retry_seconds)
            return await self._hold(active, Hold(Reason.NO_SPACE, until, error.message), now)
        except BundleError as error:
            step = Step(State.FAILED, Reason.BUNDLE_REFUSED, f"{error.code} {_why(error)}")
            return await self._store.move(active, step, now)
        except Unavailable as error:  # the road; what came is kept and the next step goes on
            _LOG.warning("bundle_not_fetched", rollout=active.rollout, error_code=error.code)
            return active
        return await self._store.move(active, Step(State.VERIFIED, to_slot=slot.name), now)

    async def _bring(self, active: Attempt) -> Slot:
        """The slot of the wanted bundle: standing already, or fetched, checked and unpacked."""
        standing = await asyncio.to_thread(self._slots.find, active.bundle_digest)
        if standing is not None:
            try:
                await asyncio.to_thread(self._slots.verify, standing)
            except BundleError:
                _LOG.warning("slot_damaged", error_code="FED-6106")
            else:
                return standing
        bundle = await self._fetcher.fetch(active.bundle_digest, active.bundle_bytes)
        return await asyncio.to_thread(self._slots.unpack, bundle, active.bundle_digest)

    async def _keep_running(self, current: Slot) -> None:
        try:
            await self._supervisor.keep_running(current)
        except Unavailable as error:
            _LOG.warning("service_not_started", error_code=error.code)

    def _expected_seconds(self, active: Attempt | None) -> float:
        """The longest that an upgrade begun now can take, as far as is known."""
        expected = self._settings.expected_seconds
        if active is not None and active.to_slot:
            manifest = self._slots.open(active.to_slot).manifest
            expected = max(expected, manifest.longest_seconds() + self._soak_seconds())
        return expected

    def _wanted(self) -> WantedRelease | None:
        """What the fold wants; a release that cannot be read must not stop the service's care."""
        try:
            return wanted_release(self._desired())
        except FederationError as error:
            _LOG.warning("release_not_understood", error_code=error.code)
            return None

    def _soak_seconds(self) -> float:
        wanted = self._wanted()
        asked = wanted.soak_seconds if wanted and wanted.soak_seconds else None
        return min(asked or self._settings.soak_seconds, self._settings.soak_seconds_max)

    def _surroundings(self, log: str) -> Surroundings:
        settings, root = self._settings, self._settings.root
        return Surroundings(root / "data", settings.service_port, root / log, settings.host)

    def _drop_fetch(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None


def _check_promise(manifest: Manifest, active: Attempt) -> None:
    """The bundle must be the version that was released, and know the way from the old one."""
    if manifest.version != active.version:
        said = f"the bundle is version {manifest.version}, the release {active.version}"
        raise BundleError("FED-6109", said)
    if active.from_version not in manifest.from_versions:
        raise BundleError("FED-6109", f"the bundle has no path from {active.from_version}")


def _why(error: BundleError) -> str:
    """What a journal may say of a bad bundle: the code tells the class, paths stay here."""
    return {
        "FED-6001": "the bundle's manifest or archive is not allowed",
        "FED-6002": "the bundle is damaged",
        "FED-6003": "the bundle's bytes differ from their digest",
    }.get(error.code, error.message)


def _log_move(before: Attempt | None, after: Attempt | None) -> None:
    if after is None or (before and _where(before) == _where(after)):
        return
    _LOG.info("upgrade_step", rollout=after.rollout, state=after.state, reason=after.reason)


def _where(attempt: Attempt) -> tuple[int, State, Reason, datetime | None]:
    return attempt.attempt, attempt.state, attempt.reason, attempt.hold_until


def _code(error: Exception) -> str:
    return error.code if isinstance(error, FederationError) else "FED-1000"
