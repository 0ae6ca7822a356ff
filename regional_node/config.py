"""A node's configuration: every key, its unit and its default.

Owns which keys exist; order and origin are `lpse.terminal.settings`. Rules: read once, by the
programs; no secrets, only places; a node starts with two values, the endpoint and the enrolment
code, and the code is not kept. Leaves out contract constants (`lpse.federation.limits`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from lpse.federation.limits import (
    BALLAST_BYTES_DEFAULT,
    BALLAST_BYTES_MAX,
    BALLAST_BYTES_MIN,
    RECONNECT_SECONDS_FIRST,
    RECONNECT_SECONDS_MAX,
    RETENTION_DAYS_DEFAULT,
    RETENTION_DAYS_MAX,
    RETENTION_DAYS_MIN,
    ROAD_KBIT_MAX,
    ROAD_WINDOWS_MAX,
    SUBMISSION_BYTES_DEFAULT,
    SUBMISSION_BYTES_MAX,
    UPLOADS_OPEN_MAX,
    WEB_CONNECTIONS_DEFAULT,
    WEB_CONNECTIONS_MAX,
    WEB_CONNECTIONS_PER_ADDRESS_DEFAULT,
    WEB_ORIGINS_MAX,
    WEB_PROXIES_MAX,
    WEB_REQUESTS_PER_SECOND_DEFAULT,
    WEB_REQUESTS_PER_SECOND_MAX,
)
from lpse.terminal.settings import Loaded, Section, Settings, configuration_file, load
from lpse.terminal.upkeep import Audit, Scrub
from regional_node.transfer.windows import DAYS, Day, Window

DATA: Final = Path("/var/lib/lpse-node")
FILE: Final = "node.toml"
PREFIX: Final = "LPSE_NODE__"
SOCKET: Final = "intake.sock"  # in the data folder: the local API, for its owner and group
OptionalPath = Annotated[Path | None, BeforeValidator(lambda given: given or None)]


class LinkWindow(Section):
    """Hours of the week with a limit of their own; in the node's zone."""

    model_config = ConfigDict(populate_by_name=True)

    days: tuple[Day, ...] = Field(DAYS, min_length=1)
    start: time = Field(alias="from")
    end: time = Field(alias="to")
    kbit_per_second: int = Field(ge=0, le=ROAD_KBIT_MAX)

    def window(self) -> Window:
        """As transfers reckon with it: seconds do not count."""
        days = frozenset(DAYS.index(day) for day in self.days)
        start, end = (one.hour * 60 + one.minute for one in (self.start, self.end))
        return Window(days, start, end, self.kbit_per_second)


class Link(Section):
    """The way to the centre."""

    endpoint: str = Field("", description="host:port of the enrolment listener of the centre")
    nodes: str = Field("", description="host:port for the link; empty: as enrolment answered")
    reconnect_first_seconds: float = Field(
        RECONNECT_SECONDS_FIRST, gt=0, description="first wait, with full jitter"
    )
    reconnect_max_seconds: float = Field(
        RECONNECT_SECONDS_MAX, gt=0, le=RECONNECT_SECONDS_MAX, description="longest wait"
    )
    kbit_per_second: Annotated[int | None, BeforeValidator(lambda given: given or None)] = Field(
        None, ge=1, le=ROAD_KBIT_MAX, description="limit of sealed bytes and bundles; empty: none"
    )
    control_kbit_per_second: int = Field(
        32, ge=1, le=ROAD_KBIT_MAX, description="kept free of them for entries and heartbeats"
    )
    windows: tuple[LinkWindow, ...] = Field(
        (),
        max_length=ROAD_WINDOWS_MAX,
        description="[[link.windows]] with days, from, to, kbit_per_second; the lowest counts",
    )


class Http(Section):
    """The page for health checks."""

    listen: str = Field("127.0.0.1:7481", description="livez and readyz; loopback only")


class Upload(Section):
    """The port for vendors' browsers and upload programs."""

    listen: str = Field("127.0.0.1:7482", description="address:port, behind a proxy or with TLS")
    public_url: str = Field(
        "", description="address by which vendors reach this port; empty: the listening address"
    )
    certificate: OptionalPath = Field(None, description="PEM chain; with a key: the port is TLS")
    key: OptionalPath = Field(None, description="PEM private key of the certificate")
    plain_beyond_loopback: bool = Field(
        False, description="serve other machines without TLS: a proxy or the office's LAN is meant"
    )
    allowed_origins: list[str] = Field(
        [], max_length=WEB_ORIGINS_MAX, description="other web origins whose pages may upload"
    )
    trusted_proxies: list[str] = Field(
        [], max_length=WEB_PROXIES_MAX, description="addresses whose X-Forwarded-For is believed"
    )
    connections_max: int = Field(
        WEB_CONNECTIONS_DEFAULT, ge=1, le=WEB_CONNECTIONS_MAX, description="at one time"
    )
    connections_per_address_max: int = Field(
        WEB_CONNECTIONS_PER_ADDRESS_DEFAULT,
        ge=1,
        le=WEB_CONNECTIONS_MAX,
        description="of one network address; a trusted proxy has only the limit above",
    )
    requests_per_second: float = Field(
        WEB_REQUESTS_PER_SECOND_DEFAULT,
        gt=0,
        le=WEB_REQUESTS_PER_SECOND_MAX,
        description="of one network address, with ten seconds' worth at once",
    )


class Intake(Section):
    """Submissions of vendors."""

    upload_bytes_max: int = Field(
        SUBMISSION_BYTES_DEFAULT,
        ge=1,
        le=SUBMISSION_BYTES_MAX,
        description="one submission, all files",
    )
    uploads_max: int = Field(
        64, ge=1, le=UPLOADS_OPEN_MAX, description="submissions received at one time"
    )


class Disk(Section):
    """The data disk."""

    retention_days: int = Field(
        RETENTION_DAYS_DEFAULT,
        ge=RETENTION_DAYS_MIN,
        le=RETENTION_DAYS_MAX,
        description="sealed files stay here so long after their confirmed hand-over",
    )

    ballast_bytes: int = Field(
        BALLAST_BYTES_DEFAULT,
        ge=BALLAST_BYTES_MIN,
        le=BALLAST_BYTES_MAX,
        description="room held back for receipts and openings on a full disk",
    )


class Service(Section):
    """The SPSE that this node runs and watches."""

    port: int = Field(8_080, ge=1, le=65_535, description="port of the local service")
    probe_seconds: float = Field(30.0, gt=0, description="time between probes")
    probe_timeout_seconds: float = Field(10.0, gt=0, description="a slower answer is a failure")
    failures_min: int = Field(3, ge=1, description="failed probes in a row that make an outage")


class Upgrades(Section):
    """Upgrades of the local service."""

    first_bundle: OptionalPath = Field(
        None, description="bundle of the version to begin with, where none is installed yet"
    )
    soak_seconds: float = Field(30.0, ge=0, description="time a new version must stay healthy")
    expected_seconds: float = Field(3_600.0, ge=0, description="time an upgrade may take here")


class Log(Section):
    """The log on standard output."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class NodeSettings(Settings):
    """All of it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    data: Path = Field(DATA, description="folder of the database, keys and files")
    environment: Literal["production", "exercise"] = Field(
        "production", description="exercise lets legal time be stepped and marks all output"
    )
    link: Link = Link()
    http: Http = Http()
    upload: Upload = Upload()
    intake: Intake = Intake()
    disk: Disk = Disk()
    scrub: Scrub = Scrub()
    audit: Audit = Audit()
    service: Service = Service()
    upgrades: Upgrades = Upgrades()
    log: Log = Log()


def read(
    environment: Mapping[str, str], *, file: Path | None = None, flags: Mapping[str, Any]
) -> Loaded[NodeSettings]:
    """`file`, or LPSE_NODE_CONFIG, or `node.toml` in the data folder, or in /etc."""
    data = flags.get("data") or environment.get(f"{PREFIX}DATA") or DATA
    places = [Path(data) / FILE, Path("/etc/lpse-node") / FILE]
    chosen = file or configuration_file(environment, "LPSE_NODE_CONFIG", places)
    return load(NodeSettings, file=chosen, environment=environment, flags=flags)
