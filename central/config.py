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
    AUDIT_ENTRIES_PER_SECOND_DEFAULT,
    AUDIT_ENTRIES_PER_SECOND_MAX,
    AUDIT_HOURS_DEFAULT,
    AUDIT_HOURS_MAX,
    AUDIT_HOURS_MIN,
    BALLAST_BYTES_DEFAULT,
    BALLAST_BYTES_MAX,
    BALLAST_BYTES_MIN,
    BEACON_SECONDS_MAX,
    CLIENT_CERTIFICATE_SECONDS,
    CODE_SECONDS,
    LINK_HEARTBEAT_SECONDS,
    LINK_LEASE_SECONDS,
    PLAN_EXPIRE_SECONDS_MAX,
    SCRUB_DAYS_DEFAULT,
    SCRUB_DAYS_MAX,
    SCRUB_MEGABYTES_PER_SECOND_DEFAULT,
    SCRUB_MEGABYTES_PER_SECOND_MAX,
)
from lpse.terminal.settings import Loaded, Section, Settings, configuration_file, load

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


class Scrub(Section):
    """Re-reading of what is stored."""

    megabytes_per_second: float = Field(
        SCRUB_MEGABYTES_PER_SECOND_DEFAULT,
        gt=0,
        le=SCRUB_MEGABYTES_PER_SECOND_MAX,
        description="rate; a quarter of it while bytes are being received",
    )
    every_days: float = Field(
        SCRUB_DAYS_DEFAULT, gt=0, le=SCRUB_DAYS_MAX, description="from one pass to the next"
    )


class Audit(Section):
    """Looking again at what both sides hold, although their heads are equal."""

    every_hours: float = Field(
        AUDIT_HOURS_DEFAULT,
        ge=AUDIT_HOURS_MIN,
        le=AUDIT_HOURS_MAX,
        description="from one audit, and one reading of all journals, to the next",
    )
    entries_per_second: float = Field(
        AUDIT_ENTRIES_PER_SECOND_DEFAULT,
        gt=0,
        le=AUDIT_ENTRIES_PER_SECOND_MAX,
        description="rate at which journals are read again",
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
