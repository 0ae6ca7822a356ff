"""Virtual time and a seeded scheduler: an asyncio event loop that is a function of its seed.

Owns the loop. Every task belongs to a `Life` (one start of one machine, told by a contextvar); the
handles of one life run in the order in which they became ready, as asyncio promises, and the seed
chooses which life runs next. When nobody is ready, time jumps to the next timer. Work for threads
is done at once and answered in a later turn. A life that is over never runs again: its coroutines
are closed there and then, in order. Tasks and futures hash by number, so a set of them has one
order. Leaves out disks and networks, which register what they need with `call_exact`.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import random
import weakref
from asyncio import base_events
from collections import deque
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, TypeVar

from tests.simulation.trace import Trace

T = TypeVar("T")
_SLICE = 2_000  # handles between two looks at whether the loop should stop
_TICK_SECONDS = 1e-6  # no timer is shorter
_UNWINDING_MAX = 100  # awaits on the way out of one coroutine


class Life:
    """One start of one machine; `world` itself is one too."""

    def __init__(self, name: str, slack: float = 0.0, phase: float = 0.0) -> None:
        self.name = name
        self.slack = slack  # timers are rounded up to a grid of so many seconds; 0: exact
        self.phase = phase
        self.over = False  # nothing of it runs any more
        self.ended = False  # and everything was let go of
        self.ready: deque[asyncio.Handle] = deque()
        self.steps = 0
        self.crash_at: int | None = None  # the step before which `on_crash` is called
        self.on_crash: Callable[[], None] | None = None
        self.context = contextvars.copy_context()
        self.context.run(LIFE.set, self)


LIFE: contextvars.ContextVar[Life] = contextvars.ContextVar("life")


class SimFuture(asyncio.Future[Any]):
    """A future whose hash is its number, and which knows its life."""

    def __init__(self, *, loop: SimLoop) -> None:
        self.number = next(loop.numbers)
        self.life = LIFE.get(loop.world)
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class SimTask(asyncio.Task[Any]):
    """A task whose hash is its number, and which knows its life."""

    def __init__(self, coro: Any, *, loop: SimLoop, **more: Any) -> None:
        self.number = next(loop.numbers)
        self.life = _life_of(more.get("context"), loop.world)
        super().__init__(coro, loop=loop, **more)

    def __hash__(self) -> int:
        return self.number


class SimLoop(base_events.BaseEventLoop):
    """See the module's first lines."""

    def __init__(self, seed: int, trace: Trace) -> None:
        super().__init__()
        self.trace = trace
        self.world = Life("world")
        self._choose = random.Random(f"scheduler {seed}").random
        self._now = 0.0
        self._active: list[Life] = []  # lives with something ready
        self._timers: list[tuple[float, int, asyncio.Handle, Life]] = []
        self._order = count()
        self.numbers = count(1)  # of tasks and futures: each run of a seed counts alike
        self.handles_run = 0
        self.complaints: list[str] = []
        self._kept: list[object] = []
        self._kept_closing: set[asyncio.Task[Any]] = set()
        self._generators: weakref.WeakKeyDictionary[Any, Life] = weakref.WeakKeyDictionary()
        self.set_task_factory(_make_task)
        self.set_exception_handler(self._complain)

    # --- time ---

    def time(self) -> float:
        return self._now

    def call_at(  # type: ignore[override]  # any callback
        self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        life = _life_of(context, self.world)
        when = max(when, self._now + _TICK_SECONDS)  # or a rounding error would wait for ever
        if life.slack:
            grid = -(-(when - life.phase) // life.slack)
            when = grid * life.slack + life.phase
        return self._schedule(when, callback, args, context, life)

    def call_later(  # type: ignore[override]  # any callback
        self, delay: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_exact(self, when: float, callback: Any, *args: Any, life: Life) -> asyncio.TimerHandle:
        """A moment of the world's own (a delivery, a fault), without slack."""
        return self._schedule(max(when, self._now), callback, args, life.context, life)

    def _schedule(
        self, when: float, callback: Any, args: Any, context: Any, life: Life
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._order), handle, life))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is passed over when its moment comes."""

    # --- what is ready ---

    def call_soon(  # type: ignore[override]  # any callback
        self, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        life = _life_of(context, self.world)
        handle = asyncio.Handle(callback, args, self, context)
        self._make_ready(life, handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def _make_ready(self, life: Life, handle: asyncio.Handle) -> None:
        if life.over:
            return
        if not life.ready:
            self._active.append(life)
        life.ready.append(handle)

    def _run_once(self) -> None:
        if not self._active and not self._advance():
            raise RuntimeError("nothing will ever happen again, and somebody still waits")
        active, choose = self._active, self._choose
        for _ in range(_SLICE):
            if not active:
                return
            place = int(choose() * len(active)) if len(active) > 1 else 0
            life = active[place]
            queue = life.ready
            if life.over or not queue:
                queue.clear()
                active[place] = active[-1]
                active.pop()
                continue
            life.steps += 1
            if life.steps == life.crash_at and life.on_crash is not None:
                life.on_crash()
                continue
            handle = queue.popleft()
            if not queue:
                active[place] = active[-1]
                active.pop()
            if not handle._cancelled:
                self.handles_run += 1
                handle._run()
            if self._stopping:  # type: ignore[attr-defined]  # asyncio's own
                return

    def _advance(self) -> bool:
        """Jump to the next moment at which something is due; False where there is none."""
        timers = self._timers
        while timers:
            when, _, handle, life = heapq.heappop(timers)
            if handle._cancelled or life.over:
                continue
            self._now = max(self._now, when)
            self._make_ready(life, handle)
            while timers and timers[0][0] <= self._now:
                _, _, handle, life = heapq.heappop(timers)
                if not handle._cancelled and not life.over:
                    self._make_ready(life, handle)
            return True
        return False

    # --- what asyncio asks of a loop ---

    def create_future(self) -> SimFuture:
        return SimFuture(loop=self)

    def run_in_executor(  # type: ignore[override]  # any callback
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> Any:
        """Done now; answered in a later turn, as a thread would."""
        future = self.create_future()
        try:
            value = func(*args)
        except Exception as error:
            self.call_soon(_fail, future, error)
        else:
            self.call_soon(_answer, future, value)
        return future

    def _process_events(self, event_list: Any) -> None:
        """There is no selector."""

    def _write_to_self(self) -> None:
        """There is nobody else to wake."""

    def _complain(self, loop: Any, context: dict[str, Any]) -> None:
        """What nobody awaited: told to whoever judges the run."""
        error, future = context.get("exception"), context.get("future")
        life = getattr(future, "life", None)
        if life is not None and life.over:
            return  # killed: nobody was left who could have awaited it
        self.complaints.append(f"{context.get('message')}: {type(error).__name__} {error}")

    # --- lives ---

    def start(self, life: Life, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task that belongs to a life."""
        return self.create_task(work, context=life.context)

    def end(self, life: Life) -> None:
        """Kill -9: nothing of this life runs from here on, not even its cancellations."""
        if life.ended:
            return
        life.over = life.ended = True
        life.ready.clear()
        self.trace.event(self._now, "over", life.name)
        mine = [task for task in asyncio.all_tasks(self) if getattr(task, "life", None) is life]
        for task in sorted(mine, key=hash):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own
            if not _unwound(task.get_coro(), life.context.copy()):
                self._kept.append(task)  # the one that runs now: it stands still for ever

    def _asyncgen_firstiter_hook(self, agen: Any) -> None:
        self._generators[agen] = LIFE.get(self.world)
        super()._asyncgen_firstiter_hook(agen)  # type: ignore[misc]  # asyncio's own

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        """A generator that was left is closed in its own life, and not at all if that is over."""
        self._asyncgens.discard(agen)  # type: ignore[attr-defined]  # asyncio's own
        life = self._generators.get(agen, self.world)
        if not life.over and not self.is_closed():
            self._kept_closing.add(closing := self.start(life, agen.aclose()))
            closing.add_done_callback(self._kept_closing.discard)


class Killed(BaseException):
    """Thrown into the coroutines of a life that is over, so that they let go of what they hold."""


def _unwound(coroutine: Any, context: contextvars.Context) -> bool:
    """Make a coroutine end where it stands; False where it cannot, because it runs now.

    Its `finally` blocks run as far as their awaits, and find dead ports.
    """
    for _ in range(_UNWINDING_MAX):
        try:
            context.run(coroutine.throw, Killed())
        except ValueError:
            return False
        except BaseException:
            return True
    return True


def _make_task(loop: Any, coro: Any, **more: Any) -> SimTask:
    return SimTask(coro, loop=loop, **more)


def _life_of(context: contextvars.Context | None, world: Life) -> Life:
    return LIFE.get(world) if context is None else context.get(LIFE, world)


def _answer(future: SimFuture, value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: SimFuture, error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
