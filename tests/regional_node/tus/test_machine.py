"""Any order of uploads, cuts, restarts, endings and submits against a model of a few lines."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from lpse.federation.commitments import read_details
from lpse.federation.errors import FederationError
from regional_node.tus.checksums import Checksum
from regional_node.tus.rows import State
from tests.regional_node.tus.world import Broken, World, pieces, start_world

SIZES = st.sampled_from([0, 1, 5_000, 131_072, 131_073, 400_000])


@dataclass
class Model:
    """A file as it must be."""

    file_id: str
    data: bytes
    offset: int
    state: State


class Machine(RuleBasedStateMachine):
    """One grant of one node that is restarted now and then."""

    files = Bundle("files")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.models: dict[str, Model] = {}
        self.submissions: list[tuple[str, ...]] = []
        self.made = 0
        self.runner.run(self._start())

    async def _start(self) -> None:
        self.stack = AsyncExitStack()
        self.world: World = await self.stack.enter_async_context(
            start_world(Path(self.folder.name))
        )

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    @rule(target=files, size=SIZES)
    def create(self, size: int) -> str:
        self.made += 1
        data = Random(self.made % 3).randbytes(size)  # contents repeat, digests are shared
        file = self.runner.run(self.world.files.create(self.world.grant, size, f"{self.made}"))
        state = State.RECEIVING if size else State.WHOLE
        self.models[file.file_id] = Model(file.file_id, data, 0, state)
        return file.file_id

    @rule(target=files, size=SIZES.filter(bool))
    def create_with(self, size: int) -> str:
        self.made += 1
        data = Random(self.made % 3).randbytes(size)
        file = self.runner.run(
            self.world.files.create_with(self.world.grant, size, f"{self.made}", pieces(data))
        )
        self.models[file.file_id] = Model(file.file_id, data, size, State.WHOLE)
        return file.file_id

    @rule(file_id=files, share=st.floats(0, 1), breaks=st.booleans())
    def write(self, file_id: str, share: float, breaks: bool) -> None:
        model = self.models[file_id]
        if model.state is not State.RECEIVING:
            return
        end = model.offset + round((len(model.data) - model.offset) * share)
        body = pieces(model.data[model.offset : end], 50_000, breaks)
        try:
            self.runner.run(self._write(model, body))
        except Broken:
            assert breaks
        model.offset = end
        model.state = State.WHOLE if end == len(model.data) else State.RECEIVING

    @rule(file_id=files, good=st.booleans())
    def write_checked(self, file_id: str, good: bool) -> None:
        model = self.models[file_id]
        if model.state is not State.RECEIVING:
            return
        rest = model.data[model.offset :]
        checksum = Checksum("sha256", sha256(rest if good else rest + b"x").digest())
        try:
            self.runner.run(self._write(model, pieces(rest), checksum))
            assert good
            model.offset, model.state = len(model.data), State.WHOLE
        except FederationError as error:
            assert (good, error.code) == (False, "FED-5405")

    @rule(file_id=files, offset=st.integers(0, 500_000))
    def write_elsewhere(self, file_id: str, offset: int) -> None:
        model = self.models[file_id]
        if offset == model.offset:
            return
        try:
            self.runner.run(self._write(model, pieces(b"x"), offset=offset))
            raise AssertionError("bytes at a wrong offset were taken")
        except FederationError as error:
            assert error.code in ("FED-5403", "FED-5402")

    @rule(file_id=files)
    def terminate(self, file_id: str) -> None:
        model = self.models[file_id]
        try:
            self.runner.run(self.world.files.terminate(self.world.grant, file_id))
            assert model.state.is_live
            model.state = State.TERMINATED
        except FederationError:
            assert not model.state.is_live

    @rule(chosen=st.lists(files, min_size=1, max_size=3, unique=True))
    def submit(self, chosen: list[str]) -> None:
        ids = tuple(chosen)
        fit = all(self.models[one].state is State.WHOLE for one in ids)
        try:
            done = self.runner.run(self.world.files.submit(self.world.grant, ids))
        except FederationError:
            assert not fit
            assert ids not in self.submissions
            return
        if done.repeated:
            assert self.submissions[done.number - 1] == ids
            return
        assert fit
        self.submissions.append(ids)
        for one in ids:
            self.models[one].state = State.SUBMITTED

    @rule()
    def restart(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.run(self._start())

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        self.runner.run(self._compare())

    async def _write(
        self,
        model: Model,
        body: object,
        checksum: Checksum | None = None,
        offset: int | None = None,
    ) -> None:
        at = model.offset if offset is None else offset
        await self.world.files.write(self.world.grant, model.file_id, at, body, checksum)  # type: ignore[arg-type] # an iterator of bytes

    async def _compare(self) -> None:
        blobs = self.world.node.blobs
        for model in self.models.values():
            file = await self.world.store.find(model.file_id)
            assert file is not None
            assert file.state is model.state
            part = blobs.part_path(model.file_id)
            if model.state is State.RECEIVING:
                assert file.offset_bytes == model.offset
                found = part.read_bytes() if part.exists() else b""
                assert found == model.data[: model.offset]
            elif model.state is not State.WHOLE:
                assert not part.exists()
            if model.state in (State.WHOLE, State.SUBMITTED):
                assert file.digest is not None
                stored = part if part.exists() else blobs.path_of(file.digest)
                assert stored.read_bytes() == model.data
        numbered = await self.world.store.submissions(self.world.grant.grant_id)
        assert [one.files for one in numbered] == self.submissions
        for one in numbered:
            sealed = read_details(one.stored.commitment.details).files
            assert [file.sha256 for file in sealed] == [
                sha256(self.models[file_id].data).digest() for file_id in one.files
            ]
        missing = sum(
            len(model.data) - model.offset
            for model in self.models.values()
            if model.state is State.RECEIVING
        )
        assert blobs.promised_bytes == missing


Machine.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_any_order_of_events = Machine.TestCase
