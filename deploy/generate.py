"""Generate Python code and type stubs from proto/, or compare with what is committed.

Owns the one way generated code is made (`deploy/dev.py proto`), so that it is the same on every
machine: sorted inputs, pinned compiler, nothing taken from outside the environment. Files without
a service get no gRPC modules. Leaves the `__init__.py` files and everything hand-written alone.
"""

from __future__ import annotations

import argparse
import importlib.resources
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "proto"
GENERATED = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")
SERVICE = re.compile(r"^service\s+\w+", re.MULTILINE)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when the committed code is fresh, or has been made so."""
    parser = argparse.ArgumentParser(prog="dev.py proto", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare without writing")
    options = parser.parse_args(arguments)
    stale = differences()
    if options.check:
        for name in stale:
            print(f"stale: {name}")
        print(f"{len(stale)} generated file(s) differ from proto/")
        return 1 if stale else 0
    for name, content in stale.items():
        put(ROOT / name, content)
        print(f"{'removed' if content is None else 'written'}: {name}")
    print(f"{len(stale)} file(s) changed")
    return 0


def differences() -> dict[str, bytes | None]:
    """Every generated file that is not what it should be, with its right content or None."""
    with tempfile.TemporaryDirectory() as folder:
        compile_all(Path(folder))
        right = {f"proto/{name}": data for name, data in contents(Path(folder)).items()}
    present = {f"proto/{name}": data for name, data in contents(SOURCES).items()}
    names = sorted(right.keys() | present.keys())
    return {name: right.get(name) for name in names if right.get(name) != present.get(name)}


def compile_all(target: Path) -> None:
    """Run the compiler over every .proto into `target`."""
    protos = sorted(SOURCES.glob("lpse/**/*.proto"))
    services = [path for path in protos if SERVICE.search(path.read_text("utf-8"))]
    protoc(protos, f"--python_out={target}", plugin("mypy"), f"--mypy_out=quiet:{target}")
    protoc(
        services,
        f"--grpc_python_out={target}",
        plugin("mypy_grpc"),
        f"--mypy_grpc_out=quiet:{target}",
    )


def protoc(protos: list[Path], *options: str) -> None:
    """One run of the pinned compiler; its complaints go to the person who called."""
    if not protos:
        return
    names = [path.relative_to(SOURCES).as_posix() for path in protos]
    command = [sys.executable, "-m", "grpc_tools.protoc", *include_paths(), *options, *names]
    result = subprocess.run(command, cwd=SOURCES, check=False, stdout=sys.stderr)
    if result.returncode:
        raise SystemExit(f"protoc failed with exit status {result.returncode}")


def include_paths() -> list[str]:
    """Our sources, the well-known types, and google/rpc of the locked environment."""
    known = importlib.resources.files("grpc_tools") / "_proto"
    return [f"-I{SOURCES}", f"-I{known}", f"-I{sysconfig.get_paths()['purelib']}"]


def plugin(name: str) -> str:
    """The compiler plugin of this environment, whatever PATH says."""
    return f"--plugin=protoc-gen-{name}={Path(sys.executable).parent / f'protoc-gen-{name}'}"


def contents(root: Path) -> dict[str, bytes]:
    """All generated files below `root` by their path."""
    paths = [path for pattern in GENERATED for path in root.glob(f"**/{pattern}")]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def put(path: Path, content: bytes | None) -> None:
    """Replace or remove one file at once, so that nobody reads half of it."""
    if content is None:
        path.unlink()
        return
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(content)
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(main())
