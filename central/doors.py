"""What stands behind each of the centre's three doors: nodes, enrolment, operators.

Owns the services of persons and plans, and which listener offers what. Rule: strangers reach the
enrolment door and no other. Leaves out listening itself (`app`) and the services of the areas,
which they bring (`areas`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from central.areas import Register
from central.assembly import Centre
from central.enrolment.codes import Codes
from central.enrolment.operator_service import EnrolmentsService, NodesService
from central.enrolment.service import EnrolmentService
from central.operators.service import OperatorsService
from central.plans.service import PlansService
from lpse.federation.v1 import enrolment_pb2_grpc
from lpse.operator.v1 import (
    enrolments_pb2_grpc,
    nodes_pb2_grpc,
    operators_pb2_grpc,
    plans_pb2_grpc,
)


@dataclass(frozen=True, slots=True)
class Doors:
    """Services by listener."""

    nodes: Sequence[Register]
    enrolment: Sequence[Register]
    operators: Sequence[Register]


def doors(centre: Centre) -> Doors:
    """Make the services of an opened centre."""
    people, machine = centre.people, centre.machine
    clock, admission = machine.clock, people.admission
    codes = Codes(people.enrolment, people.facts, clock, machine.entropy)
    enrolment = EnrolmentService(
        (people.enrolment, people.operators),
        admission,
        people.issuer,
        people.facts,
        clock,
        machine.log,
    )
    nodes = NodesService(people.enrolment, admission, clock, machine.log)
    operators = OperatorsService(people.operators, admission, clock)
    plans = PlansService(centre.plans, admission, clock)
    enrolments = EnrolmentsService(people.enrolment, codes, admission, clock, centre.plans)
    for_operators: list[Register] = [
        lambda server: enrolments_pb2_grpc.add_EnrolmentsServicer_to_server(enrolments, server),
        lambda server: nodes_pb2_grpc.add_NodesServicer_to_server(nodes, server),
        lambda server: operators_pb2_grpc.add_OperatorsServicer_to_server(operators, server),
        lambda server: plans_pb2_grpc.add_PlansServicer_to_server(plans, server),
        *centre.areas.for_operators,
    ]
    for_enrolment: list[Register] = [
        lambda server: enrolment_pb2_grpc.add_EnrolmentServicer_to_server(enrolment, server)
    ]
    for_nodes: list[Register] = [centre.link.register, *centre.areas.for_nodes]
    return Doors(for_nodes, for_enrolment, for_operators)
