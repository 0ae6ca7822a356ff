"""Style of the contract, read from the compiler's own description of proto/.

Keeps the rules that make two versions of a message understand each other and a reader know what a
field means: names, comments, one message per direction of a call. Leaves bytes to tests/contract.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

from deploy.generate import SOURCES, include_paths

EMPTY = ".google.protobuf.Empty"
TIMESTAMP = ".google.protobuf.Timestamp"
LINE_CHARACTERS_MAX = 100
# Field numbers of descriptor.proto, by which comments are addressed.
MESSAGES, ENUMS, SERVICES, NESTED, FIELDS, METHODS = 4, 5, 6, 3, 2, 2


def test_package_is_the_directory() -> None:
    """Directory, proto package and Python import are one name."""
    wrong = [
        f.name for f in described() if f.package != Path(f.name).parent.as_posix().replace("/", ".")
    ]
    assert not wrong


def test_every_enum_begins_unspecified() -> None:
    """Zero of an enum means that nobody set it, and its name says so."""
    first = [(file.name, e.name, e.value[0]) for file in described() for e in enums(file)]
    assert not [f"{n} {e}" for n, e, v in first if v.number or not v.name.endswith("_UNSPECIFIED")]


def test_every_message_field_and_call_has_a_comment() -> None:
    """Each field says who sets it, each message and call what it is for."""
    silent = [line for file in described() for line in uncommented(file)]
    assert not silent, "\n".join(silent)


def test_timestamps_are_verb_time() -> None:
    """A moment is called <verb>_time, so that nobody takes it for a duration."""
    wrong = [
        f"{file.name} {message.name}.{field.name}"
        for file in described()
        for _, message in all_messages(file)
        for field in message.field
        if field.type_name == TIMESTAMP and not field.name.endswith(("_time", "_times"))
    ]
    assert not wrong, "\n".join(wrong)


def test_calls_have_messages_of_their_own() -> None:
    """Request and response belong to one call, save resources, Empty and streams of frames."""
    wrong = [line for file in described() for line in wrong_calls(file)]
    assert not wrong, "\n".join(wrong)


def test_no_request_serves_two_calls() -> None:
    """Two calls never share a request or response message: one could not change alone."""
    used: dict[str, list[str]] = {}
    for file in described():
        for service in file.service:
            for method in service.method:
                for name in (method.input_type, method.output_type):
                    if name.endswith(("Request", "Response")):
                        used.setdefault(name, []).append(f"{service.name}.{method.name}")
    assert not {name: calls for name, calls in used.items() if len(calls) > 1}


@pytest.mark.parametrize("path", sorted(SOURCES.glob("lpse/**/*.proto")), ids=lambda p: p.stem)
def test_proto_lines_stay_short(path: Path) -> None:
    """No line of a contract is longer than a hundred characters."""
    lines = path.read_text("utf-8").splitlines()
    assert not [line for line in lines if len(line) > LINE_CHARACTERS_MAX]


@functools.cache
def described() -> tuple[FileDescriptorProto, ...]:
    """Every .proto as the pinned compiler understands it, comments included."""
    names = sorted(p.relative_to(SOURCES).as_posix() for p in SOURCES.glob("lpse/**/*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "set"
        options = [f"--descriptor_set_out={target}", "--include_source_info"]
        command = [sys.executable, "-m", "grpc_tools.protoc", *include_paths(), *options, *names]
        subprocess.run(command, cwd=SOURCES, check=True)
        return tuple(FileDescriptorSet.FromString(target.read_bytes()).file)


def all_messages(file: FileDescriptorProto) -> Iterator[tuple[list[int], DescriptorProto]]:
    """Every message with the path that addresses its comments, nested ones too, no map entries."""
    waiting = [([MESSAGES, i], message) for i, message in enumerate(file.message_type)]
    while waiting:
        path, message = waiting.pop()
        if not message.options.map_entry:
            yield path, message
            nested = enumerate(message.nested_type)
            waiting += [([*path, NESTED, i], inner) for i, inner in nested]


def enums(file: FileDescriptorProto) -> Iterator[EnumDescriptorProto]:
    """Every enum, those inside messages too."""
    yield from file.enum_type
    for _, message in all_messages(file):
        yield from message.enum_type


def uncommented(file: FileDescriptorProto) -> Iterator[str]:
    """Names of all that should have a comment and has none."""
    spoken = {
        tuple(place.path)
        for place in file.source_code_info.location
        if place.leading_comments.strip() or place.trailing_comments.strip()
    }
    for path, name in documented(file):
        if tuple(path) not in spoken:
            yield f"{file.name}: {name}"


def documented(file: FileDescriptorProto) -> Iterator[tuple[list[int], str]]:
    """Path and name of every message, field, enum, service and call."""
    for path, message in all_messages(file):
        yield path, message.name
        for i, field in enumerate(message.field):
            yield [*path, FIELDS, i], f"{message.name}.{field_label(field)}"
    for i, enum in enumerate(file.enum_type):
        yield [ENUMS, i], enum.name
    for i, service in enumerate(file.service):
        yield [SERVICES, i], service.name
        for j, method in enumerate(service.method):
            yield [SERVICES, i, METHODS, j], f"{service.name}.{method.name}"


def field_label(field: FieldDescriptorProto) -> str:
    """Name and number, as a person looks for it."""
    return f"{field.name} = {field.number}"


def wrong_calls(file: FileDescriptorProto) -> Iterator[str]:
    """Calls whose messages carry neither the call's name nor an allowed other one."""
    for service in file.service:
        for method in service.method:
            if not (method.client_streaming or names_request(method)):
                yield f"{service.name}.{method.name} takes {method.input_type}"
            if not (method.server_streaming or names_response(method, file.package)):
                yield f"{service.name}.{method.name} returns {method.output_type}"


def names_request(method: MethodDescriptorProto) -> bool:
    """AIP-130: the request is <Call>Request."""
    return method.input_type.endswith(f".{method.name}Request")


def names_response(method: MethodDescriptorProto, package: str) -> bool:
    """<Call>Response, or the resource itself (AIP-131, 133, 134, 136), or Empty (AIP-135)."""
    name = method.output_type
    if name in (f".{package}.{method.name}Response", EMPTY):
        return True
    return name.startswith(".lpse.") and not name.endswith(("Request", "Response"))
