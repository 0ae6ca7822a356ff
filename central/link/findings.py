"""What the link found out about histories, as decisions for the reconciliation log.

Owns which rule names which finding, and the evidence of both sides. Rule: a node under quarantine
cannot hand over its own run, so the centre writes down what it saw; a finding that cannot be
written now never ends or delays a session, it is made again at the next hello. Leaves out the
rules' words (`lpse.federation.reconciliation_rules`) and the recording (port `Findings`).
"""

from __future__ import annotations

from typing import Final

from central.link import rules
from central.link.ports import Parts
from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.limits import LINK_TEXT_CHARACTERS_MAX, PROTOCOL_MAX, PROTOCOL_MIN
from lpse.federation.reconciliation_rules import entry, evidence, head_evidence
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records

R = link.HeadRelation
_HELLO: Final = records.RECONCILIATION_TRIGGER_RECONNECT

_RELATIONS: Final = {
    R.HEAD_RELATION_NODE_REWOUND: "R-NODE-REWOUND",
    R.HEAD_RELATION_FORKED: "R-REGIONAL-FORKED",
    R.HEAD_RELATION_CLONE_SUSPECT: "R-CLONE-SUSPECT",
    R.HEAD_RELATION_OLD_EPOCH: "R-EPOCH-OLD",
}
_KEPT: Final = "kept the centre's copy, the node's entries wait"
_NATIONAL: Final = "published nothing, kept what the node showed as evidence"


async def tell(parts: Parts, own: Head, judgement: rules.Judgement) -> None:
    """A node was put under quarantine at its hello."""
    rule_id = _RELATIONS.get(judgement.relation)
    if rule_id is None or not judgement.quarantined:
        return
    held = _held(parts, own.party)
    count = abs(held.size - own.size) if held is not None and held.epoch == own.epoch else 0
    told = entry(rule_id, "regional journal", head_evidence(own), head_evidence(held), _KEPT, count)
    await _record(parts, own.party, told)


async def tell_recovery(parts: Parts, own: Head, hello: link.Hello, address: str) -> None:
    """A machine goes on with this identity in a new epoch: a person says that it was meant.

    A thief's copy of a backup looks the same, and nothing but a person can tell them apart. The
    whole epoch names it: whoever chooses one that begins like another is a recovery of its own.
    """
    machine = evidence(
        address=address,
        boot_id=hello.boot_id[:64].hex(),
        software_version=hello.software_version[:LINK_TEXT_CHARACTERS_MAX],
        epoch=own.epoch.hex(),
    )
    held = head_evidence(_held(parts, own.party))
    subject = f"recovery {own.epoch.hex()}"
    told = entry("R-RECOVERY-NOTICED", subject, machine, held, "", 1, address=address)
    await _record(parts, own.party, told)


async def tell_national(parts: Parts, node_id: str, relation: rules.National, shown: Head) -> None:
    """A node showed a national head, signed by the centre, that the centre's journal lacks."""
    own = parts.national.head
    higher = relation is rules.National.HIGHER
    count = shown.size - own.size if higher else 0
    rule_id = "R-CENTRE-REWOUND" if higher else "R-NATIONAL-FORKED"
    told = entry(
        rule_id, "national journal", head_evidence(shown), head_evidence(own), _NATIONAL, count
    )
    await _record(parts, node_id, told)


async def tell_protocol(parts: Parts, node_id: str, hello: link.Hello) -> None:
    """A node speaks no protocol that this program speaks."""
    told = entry(
        "R-PROTOCOL-UNKNOWN",
        "protocol",
        evidence(protocol_min=hello.protocol_min, protocol_max=hello.protocol_max),
        evidence(protocol_min=PROTOCOL_MIN, protocol_max=PROTOCOL_MAX),
        "refused with FED-2208; the node's intake goes on",
        1,
    )
    await _record(parts, node_id, told)


async def tell_heartbeat(parts: Parts, shown: Head, held: Head) -> None:
    """During a session a node showed a signed head that contradicts what the centre holds."""
    told = entry(
        "R-HEARTBEAT-CONTRADICTED",
        "regional journal",
        head_evidence(shown),
        head_evidence(held),
        "ended the session, kept both; a person must look",
        0,
    )
    await _record(parts, shown.party, told)


def _held(parts: Parts, node_id: str) -> Head | None:
    position = parts.ledger.current(node_id)
    return position.head if position is not None else None


async def _record(parts: Parts, node_id: str, told: records.ReconciliationEntry) -> None:
    if parts.findings is None:
        return
    try:
        await parts.findings.record(node_id, _HELLO, [told])
    except FederationError as error:
        parts.log.warning("link.finding_postponed", node=node_id, code=error.code)
