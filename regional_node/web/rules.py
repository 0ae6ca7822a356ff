"""When a connection is cut, which address a request comes from, and where to listen: decisions.

Rules: a line is judged by bytes in a long window, never by its speed; a forwarded address counts
only when a trusted proxy says so; a port that other machines reach is TLS unless somebody said in
the configuration that a proxy or the LAN is meant. Leaves out sockets (`connections`, `server`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from lpse.federation.errors import Refused
from lpse.federation.limits import (
    WEB_ADDRESSES_MAX,
    WEB_ANSWER_STALL_SECONDS_MAX,
    WEB_BODY_WINDOW_BYTES_MIN,
    WEB_BODY_WINDOW_SECONDS,
    WEB_DRAIN_SECONDS_MAX,
    WEB_HEAD_SECONDS_MAX,
    WEB_KEEP_ALIVE_SECONDS,
)

Network = IPv4Network | IPv6Network


class Phase(Enum):
    """What a connection is doing."""

    WAITING = "waiting"  # no request
    HEAD = "head"  # a request began
    BODY = "body"  # its body comes in
    ANSWERING = "answering"  # it came whole; the answer is being made or read
    DRAINING = "draining"  # answered before its body had come; the rest is thrown away


@dataclass(slots=True)
class Pulse:
    """What is known of a connection's life; times are monotonic seconds."""

    phase: Phase
    since: float  # the phase began
    window_start: float = 0.0
    window_bytes: int = 0

    def enter(self, phase: Phase, now: float) -> None:
        """The next phase begins."""
        self.phase, self.since = phase, now
        self.window_start, self.window_bytes = now, 0


def is_overdue(pulse: Pulse, now: float, *, reading_paused: bool, stalled_since: float) -> bool:
    """Whether a connection is cut now; `reading_paused`: we are the slow one.

    `stalled_since` is when the reader of the answer stopped taking bytes, 0 where it does not.
    """
    if stalled_since and now - stalled_since > WEB_ANSWER_STALL_SECONDS_MAX:
        return True
    age = now - pulse.since
    match pulse.phase:
        case Phase.WAITING:
            return age > WEB_KEEP_ALIVE_SECONDS
        case Phase.HEAD:
            return age > WEB_HEAD_SECONDS_MAX
        case Phase.DRAINING:
            return age > WEB_DRAIN_SECONDS_MAX
        case Phase.BODY:
            return _is_silent(pulse, now, reading_paused=reading_paused)
        case Phase.ANSWERING:
            return False


def _is_silent(pulse: Pulse, now: float, *, reading_paused: bool) -> bool:
    if now - pulse.window_start < WEB_BODY_WINDOW_SECONDS:
        return False
    silent = pulse.window_bytes < WEB_BODY_WINDOW_BYTES_MIN and not reading_paused
    pulse.window_start, pulse.window_bytes = now, 0
    return silent


@dataclass(slots=True)
class Bucket:
    """Tokens that refill with time and are saved up to a limit."""

    tokens: float
    as_of: float

    def take(self, now: float, *, per_second: float, saved_max: float) -> float:
        """0 where a token was there; else the seconds after which one will be."""
        refilled = self.tokens + max(0.0, now - self.as_of) * per_second
        self.tokens, self.as_of = min(saved_max, refilled), now
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        return (1.0 - self.tokens) / per_second


def caller_of(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The address that a request counts for: the last one that no trusted proxy stands for."""
    caller = peer
    for header in reversed(forwarded):
        for part in reversed(header.split(",")):
            if not is_within(caller, trusted):
                return caller
            caller = _plain(part.strip()) or caller
    return caller


@lru_cache(maxsize=WEB_ADDRESSES_MAX)
def site_of(address: str) -> str:
    """What limits count an address for: of IPv6 its /64, as one subscriber has all of that."""
    try:
        parsed = ip_address(_plain(address))
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(ip_network((parsed, 64), strict=False))


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks; a text that is none lies nowhere."""
    if not networks:
        return False
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks of the setting; Refused FED-5310."""
    try:
        return tuple(ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise _setting("upload.trusted_proxies", "holds a text that is no address") from error


def place_of(listen: str) -> tuple[str, int]:
    """Host and port of `address:port`; Refused FED-5310."""
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise _setting("upload.listen", "is not address:port, such as 127.0.0.1:7482")
    return host, int(port)


def check_place(host: str, *, tls: bool, plain_allowed: bool, public_url: str) -> None:
    """Refuse what would send bids in clear across a network, or hand out no usable address."""
    if not tls and not plain_allowed and not _is_loopback(host):
        raise _setting(
            "upload.listen",
            "reaches beyond this machine without TLS",
            remedy="set upload.certificate and upload.key, or upload.plain_beyond_loopback = true"
            " where a reverse proxy or the office's LAN is meant",
        )
    if not public_url and host in ("0.0.0.0", "::", "*"):  # noqa: S104 - compared, not bound
        raise _setting(
            "upload.public_url",
            "is needed where the port listens on every address",
            remedy="give the address by which vendors reach it, https://…",
        )


def base_of(public_url: str, host: str, port: int, *, tls: bool) -> str:
    """What every address handed out begins with, without a slash at its end; FED-5310."""
    if not public_url:
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if tls else 'http'}://{shown}:{port}"
    try:
        parts = urlsplit(public_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username or not public_url.isascii():
        raise _setting("upload.public_url", "is not an address such as https://lpse.example.go.id")
    return public_url.rstrip("/")


def check_origins(origins: Sequence[str]) -> frozenset[bytes]:
    """Web origins as browsers spell them; Refused FED-5310."""
    for origin in origins:
        parts = urlsplit(origin)
        if f"{parts.scheme}://{parts.netloc}" != origin or parts.scheme not in ("http", "https"):
            raise _setting("upload.allowed_origins", "holds a text that is no web origin")
    return frozenset(origin.encode("ascii", "replace") for origin in origins)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=WEB_ADDRESSES_MAX)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(_plain(address))
    except ValueError:
        return None


def _plain(address: str) -> str:
    """An address without port, brackets or zone; empty where the text is none."""
    text = address.removeprefix("[").partition("]")[0].partition("%")[0]
    if text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)


def _setting(key: str, detail: str, *, remedy: str = "") -> Refused:
    return Refused("FED-5310", f"{key} {detail}", remedy=remedy or f"correct {key}")
