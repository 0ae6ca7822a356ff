"""The simulated country: the real centre and the real nodes in one process, under one seed.

`open_centre` and `open_node` run unchanged; only clock, chance, disk, roads and the local service's
operating system are simulated, through their ports. SQLite is real (apsw over our own VFS), gRPC
messages are real bytes. One seed gives one run, bit for bit (`world.trace.hash`); run it with
PYTHONHASHSEED=0, as `dev.py simulate` does by itself.

How to drive a world
--------------------
    with World(seed, Options(nodes=5, days=2, grain=60)) as world:
        world.build()                       # everybody enrolled, started and open
        vendors = Vendors(world)            # packages, submissions, openings of the whole run
        vendors.begin()
        operators = Operators(world)        # outages, revocations, releases, as lkppctl would
        world.run(3600)                     # virtual seconds
        node = world.nodes["lpse-000"]
        world.cut(node)                     # partition; no names: everybody; see also `province`
        world.later(600, node.kill)         # or a coroutine function: it becomes a task
        assert world.until(lambda: settled(world), 7200)

Time: `world.now` (virtual seconds since START). `Options.grain` rounds the programs' own timers up
to a grid (a slow timer, never a lost one); messages, faults and people are exact. `grain` 60 costs
about one second per node-day, 14 400 about a fiftieth of it. `world.pause` is a person's wait.

Faults
------
* program: `machine.kill()`, `.cut_power(all_lost=False)`, `await .stop()`, `.start()`. A service
  manager restarts what was not stopped after 5 s (`machine.restarts = False` forbids it).
  `machine.life.crash_at = machine.life.steps + n`: killed before its n-th next turn (any await).
* disk of SQLite: `machine.disk.faults.append(Fault("sync", "EIO", after=3))`; operations read,
  write, sync, truncate or "*"; kinds EIO, ENOSPC, CRASH (dies inside the call); `disk.full = True`.
* files (blobs, keys, records): `machine.folder.faults.append(Fault("rename", "CRASH"))` with the
  method names of `lpse.storage.disk.Disk`; `folder.free` is the room that the node sees.
* clock: `machine.clock.jump(seconds)`, `.run_at(drift)`.
* roads: `world.roads.between(node.name, "lkpp")` has `delay`, `jitter`, `bytes_per_second`, `up`
  and `tap` (may change the bytes of a frame); `roads.cut / heal / reset([road])`.
* copies: `snap = machine.snapshot()` (also while it runs), later `machine.kill()` and
  `machine.stand_as(snap)`; set `restarts = False` before, `start()` after. A clone is
  `world.clone(node)`: a second machine with the same identity and what the first one holds.
  `machine.mark_restored()` says what `backup restore` says, so that a new epoch is opened.
* local service: `node.host.trouble` ("", "silent", "unwell"), `.failing_hooks`, `.hook_seconds`.

What to look at (ports of observation)
--------------------------------------
* `vendors.promises`: receipts (wish, bytes, when) by key, proofs, refusals, `doubled`, `opened`
  (what SPSE was given), `tenders` (published deadlines).
* `world.on_end` (machine, why): every life that ended; `machine.ends` keeps them.
* `node.node` / `world.centre_now`: the opened programs (None while they do not run), for reading
  journals, heads, tables: `await node.node.machine.database.read(...)` by `world.run_until(...)`.
* `world.errors`: what programs logged as errors; `world.loop.complaints`: exceptions nobody awaited
  (a sound world has none); `world.trace`: counts, tail and hash of everything that happened.
* `observe.py`: heads of both sides, acknowledged sizes, whether all is settled.

Whole runs, judged
------------------
A `Scenario` (`plan`) is a seed, a country and dated events (`faults`, `frames`, `meddling`), drawn
from a seed by `drawing`. `runs.play(scenario)` lets it happen, lets the country settle, and has the
`checkers` judge the `evidence` that `gathering` took as a stranger would. `planted` holds bugs that
prove the checkers, `shrink` makes a failing plan small, `scenarios/*.json` are replayed for ever,
`bundle` plays many seeds:

    dev.py simulate --faults drawn --seed 7 --nodes 5 --days 2   # one run, judged
    dev.py simulate --bundle ci                                  # the fixed seeds
    dev.py simulate --bundle long --minutes 480 --seed 1000      # goes on over failures, saves them
    dev.py simulate --replay tests/simulation/scenarios/planted-hold-ignored.json

Modules: `kernel` (loop, lives), `time_and_chance`, `disk` + `sql` (SQLite), `files` (blobs),
`roads` + `rpc` (network), `host` (local service), `machines`, `settings`, `world`, `vendors`,
`operators`, `observe`, `trace`, `__main__` (the command), and those named above.
"""
