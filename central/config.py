"""The centre's configuration: every key, its unit and its default.

Owns which keys exist; order and origin are `lpse.terminal.settings`. Rules: read once, by the
programs; no secrets, only places. Leaves out contract constants (`lpse.federation.limits`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lpse.federation.limits import (
    BALLAST_BYTES_DEFAULT,
    BALLAST_BYTES_MAX,
    BALLAST_BYTES_MIN,
    BEACON_SECONDS_MAX,
    CLIENT_CERTIFICATE_SECONDS,
    CODE_SECONDS,
    LINK_HEARTBEAT_SECONDS,
    LINK_LEASE_SECONDS,
    PLAN_EXPIRE_SECONDS_MAX,
)
from lpse.terminal.settings import Loaded, Section, Settings, configuration_file, load
from lpse.terminal.upkeep import Audit, Scrub

DATA: Final = Path("/var/lib/lkpp-central")
FILE: Final = "central.toml"
PREFIX: Final = "LKPP_CENTRAL__"


class Listen(Section):
    """Where the daemon listens; port 0 takes a free one."""

    nodes: str = Field("0.0.0.0:7443", description="mTLS for nodes")
    enrolment: str = Field("0.0.0.0:7444", description="TLS, no client certificate")
    operators: str = Field("0.0.0.0:7445", description="mTLS for lkppctl")
    http: str = Field("127.0.0.1:7480", description="livez and readyz; loopback only")


class Public(Section):
    """How others reach the centre (host:port); written into codes and answers of enrolment."""

    nodes: str = "localhost:7443"
    enrolment: str = "localhost:7444"
    operators: str = "localhost:7445"


class Certificates(Section):
    """Life of what the private CA issues, and of the codes that ask for it."""

    node_seconds: int = Field(
        CLIENT_CERTIFICATE_SECONDS, ge=1, description="life of a node's certificate"
    )
    operator_seconds: int = Field(30 * 86_400, ge=1, description="life of an operator's")
    code_seconds: int = Field(CODE_SECONDS, ge=1, description="life of an unused enrolment code")


class Link(Section):
    """Sessions with nodes."""

    heartbeat_seconds: int = Field(LINK_HEARTBEAT_SECONDS, ge=1, description="asked of every node")
    lease_seconds: int = Field(
        LINK_LEASE_SECONDS, ge=1, description="silence after which a link counts as down"
    )


class Disk(Section):
    """The data disk."""

    ballast_bytes: int = Field(
        BALLAST_BYTES_DEFAULT,
        ge=BALLAST_BYTES_MIN,
        le=BALLAST_BYTES_MAX,
        description="room held back for journals and acknowledgements on a full disk",
    )


class Plans(Section):
    """Plans of dangerous acts."""

    expire_seconds: int = Field(
        24 * 3_600, ge=60, le=PLAN_EXPIRE_SECONDS_MAX, description="life of a plan"
    )


class Log(Section):
    """The log on standard output."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class CentralSettings(Settings):
    """All of it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    data: Path = Field(DATA, description="folder of the database, keys and files")
    environment: Literal["production", "exercise"] = Field(
        "production", description="exercise lets legal time be stepped and marks all output"
    )
    beacon_seconds: float = Field(
        BEACON_SECONDS_MAX, gt=0, le=BEACON_SECONDS_MAX, description="time between beacons"
    )
    listen: Listen = Listen()
    public: Public = Public()
    certificates: Certificates = Certificates()
    link: Link = Link()
    plans: Plans = Plans()
    disk: Disk = Disk()
    scrub: Scrub = Scrub()
    audit: Audit = Audit()
    log: Log = Log()


def read(
    environment: Mapping[str, str], *, file: Path | None = None, flags: Mapping[str, Any]
) -> Loaded[CentralSettings]:
    """`file`, or LKPP_CENTRAL_CONFIG, or `central.toml` in the data folder, or in /etc."""
    data = flags.get("data") or environment.get(f"{PREFIX}DATA") or DATA
    places = [Path(data) / FILE, Path("/etc/lkpp-central") / FILE]
    chosen = file or configuration_file(environment, "LKPP_CENTRAL_CONFIG", places)
    return load(CentralSettings, file=chosen, environment=environment, flags=flags)
