"""Grants: what may be asked for, one address per wish, ends, and what is kept of a token."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.errors import Conflict, FederationError, NotFound, Refused
from lpse.federation.limits import GRANT_SECONDS_DEFAULT, GRANT_SECONDS_MAX
from lpse.runtime.clock import SystemEntropy
from regional_node.grants import rules
from regional_node.grants.keys import FILE, open_key
from regional_node.grants.rules import Wish
from regional_node.grants.store import Grants
from regional_node.intake.details import check_key
from tests.regional_node.intake.node import CODE, STAGE, START, Node, start_node

WISH = Wish(CODE, STAGE, "PT Sumber Makmur", "direct", 0, 1_000, None, {"npwp": "01"})
KEY = bytes(range(32))


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with start_node(tmp_path) as started:
        yield started


def book(node: Node, key: bytes = KEY) -> Grants:
    """The grants of a node, as a start opens them."""
    return Grants(node.database, node.plan, node.clock, SystemEntropy(), key, bytes_max=500_000_000)


async def test_grant_is_found_by_its_token_only(node: Node) -> None:
    """The token opens what was asked for; nothing else does."""
    grants = book(node)
    grant, token = await grants.create(WISH)
    found = await grants.find(token)
    assert found == grant
    assert (found.package, found.stage, found.vendor) == (CODE, STAGE, "PT Sumber Makmur")
    assert found.bytes_max == 1_000
    assert found.extra == {"npwp": "01"}
    assert found.expire_time - found.create_time == timedelta(seconds=GRANT_SECONDS_DEFAULT)
    for wrong in ("", grant.name, token[:-1], token[:-1] + "1", token.upper(), token + "a"):
        with pytest.raises(NotFound, match="FED-5301"):
            await grants.find(wrong)


async def test_repeated_request_gets_the_same_address(node: Node) -> None:
    """The same request_id gives the same grant and token, after a restart too, and once only."""
    wish = replace(WISH, request_id="spse-1")
    first = await book(node).create(wish)
    assert await book(node).create(wish) == first
    assert (await book(node).create(replace(wish, request_id="spse-2")))[1] != first[1]


async def test_request_id_never_stands_for_two_wishes(node: Node) -> None:
    """Another wish under the same request_id, or another key of the node, is a conflict."""
    grants = book(node)
    wish = replace(WISH, request_id="spse-1")
    await grants.create(wish)
    changes: list[dict[str, Any]] = [
        {"vendor": "PT Lain"},
        {"bytes_max": 5},
        {"extra": {}},
        {"seat": 1, "channel": "bidding-room"},
    ]
    for fields in changes:
        with pytest.raises(Conflict, match="FED-5307"):
            await grants.create(replace(wish, **fields))
    with pytest.raises(Conflict, match="FED-5307"):
        await book(node, bytes(32)).create(wish)


async def test_tokens_and_names_never_repeat(node: Node) -> None:
    """Every grant has a token of 160 bits and a name that fits into an intake key."""
    grants = book(node)
    made = [await grants.create(WISH) for _ in range(50)]
    assert len({token for _, token in made}) == 50
    assert len({grant.name for grant, _ in made}) == 50
    assert all(len(token) == 32 for _, token in made)
    check_key(made[0][0].intake_key(2_000))


async def test_only_a_digest_of_the_token_is_kept(node: Node) -> None:
    """The database has the SHA-256 of the token, and the token nowhere."""
    _, token = await book(node).create(WISH)
    kept = await node.database.read(lambda tx: tx.execute("SELECT * FROM grants"))
    assert hashlib.sha256(token.encode()).digest() in kept[0]
    assert token not in str(kept)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"package": "unknown"}, "FED-4101"),
        ({"package": "a b"}, "FED-5016"),
        ({"channel": "fax"}, "FED-5007"),
        ({"channel": "bidding-room"}, "FED-5007"),
        ({"seat": 3}, "FED-5007"),
        ({"bytes_max": 500_000_001}, "FED-5302"),
        ({"request_id": "x" * 201}, "FED-5302"),
        ({"expire_time": START}, "FED-5303"),
        ({"expire_time": START + timedelta(seconds=GRANT_SECONDS_MAX + 86_400)}, "FED-5303"),
    ],
)
async def test_wish_that_cannot_be_granted(node: Node, fields: dict[str, Any], code: str) -> None:
    """Each wrong wish is refused with its own code, and nothing is kept."""
    with pytest.raises(FederationError, match=code):
        await book(node).create(replace(WISH, **fields))
    kept = await node.database.read(lambda tx: tx.execute("SELECT count(*) FROM grants"))
    assert kept == [(0,)]


async def test_expired_and_revoked_grants_are_unknown(node: Node) -> None:
    """At its end, or once taken back, a grant opens nothing; running requests notice."""
    grants = book(node)
    grant, token = await grants.create(replace(WISH, expire_time=START + timedelta(hours=3)))
    other, second = await grants.create(WISH)
    node.clock.set(START + timedelta(hours=3))
    assert not grants.is_live(grant)
    with pytest.raises(NotFound, match="FED-5301"):
        await grants.find(token)
    assert grants.is_live(other)
    await grants.revoke(other.name, "given to the wrong vendor")
    assert not grants.is_live(other)
    for book_ in (grants, book(node)):
        with pytest.raises(NotFound, match="FED-5301"):
            await book_.find(second)


async def test_revocation_keeps_its_first_reason(node: Node) -> None:
    """Repeating a revocation is harmless; one without a reason is refused."""
    grants = book(node)
    grant, _ = await grants.create(WISH)
    for reason in ("", " ", "x" * 501, "a\nb"):
        with pytest.raises(Refused, match="FED-5304"):
            await grants.revoke(grant.name, reason)
    await grants.revoke(grant.name, "first")
    assert (await grants.revoke(grant.name, "second")).revoke_reason == "first"
    assert (await grants.get(grant.name)).revoked
    for name in ("g-aaaaaaaaaaaaaaaa", "../x", ""):
        with pytest.raises(NotFound, match="FED-5305"):
            await grants.revoke(name, "why")


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_a_token(text: str) -> None:
    """Whatever stands in an address is a token's form or it is none."""
    digest = rules.digest_of(text)
    assert digest is None or (len(text) == 32 and len(digest) == 32)


def test_key_is_made_once_and_is_the_nodes_alone(tmp_path: Path) -> None:
    """The secret is durable, the same at every start, and for its owner only."""
    key = open_key(tmp_path, SystemEntropy())
    assert open_key(tmp_path, SystemEntropy()) == key
    assert len(key) == 32
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    (tmp_path / FILE).write_bytes(b"short")
    with pytest.raises(Refused, match="FED-5308"):
        open_key(tmp_path, SystemEntropy())


def test_half_made_key_is_made_again(tmp_path: Path) -> None:
    """A start that was killed while it wrote the secret is no obstacle to the next one."""
    (tmp_path / FILE).with_suffix(".new").write_bytes(b"half")
    assert len(open_key(tmp_path, SystemEntropy())) == 32
