"""gRPC as the federation uses it: limits, keepalive, errors on the wire, and who is calling.

Owns the options of every server and channel, the translation between `FederationError` and
`google.rpc.Status` in both directions, the reading of a caller's subject from its verified client
certificate, and the size of a list's page. Rule: a foreign exception never crosses this port; what
the other side gets is a status, a stable code and whether trying again is right. Leaves out
certificates (`tls`), waiting (`retries`) and what a subject may do (admission at the centre).
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from cryptography import x509
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]  # ships no py.typed
    ErrorInfo,
    LocalizedMessage,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no py.typed
from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import (
    Conflict,
    Denied,
    FederationError,
    NotFound,
    Refused,
    Stale,
    Unavailable,
)
from lpse.federation.limits import (
    ERROR_MESSAGE_CHARACTERS_MAX,
    KEEPALIVE_MILLISECONDS,
    KEEPALIVE_TIMEOUT_MILLISECONDS,
    MESSAGE_BYTES_MAX,
    PAGE_ITEMS_DEFAULT,
    PAGE_ITEMS_MAX,
    PENDING_CALL_SECONDS_MAX,
    PENDING_CALLS_MAX,
    PING_INTERVAL_MILLISECONDS_MIN,
)
from lpse.runtime.logs import origin_of

DOMAIN: Final = "lpse-federation"
STATUS_KEY: Final = "grpc-status-details-bin"

# Both ends of a connection: what a message may weigh and when a silent line counts as dead.
_BOTH: Final = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", KEEPALIVE_MILLISECONDS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MILLISECONDS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)
SERVER_OPTIONS: Final = (
    *_BOTH,
    ("grpc.http2.min_ping_interval_without_data_ms", PING_INTERVAL_MILLISECONDS_MIN),
    # gRPC drops calls beyond these before any code of ours could say when to come back.
    ("grpc.server.max_pending_requests", PENDING_CALLS_MAX),
    ("grpc.server.max_pending_requests_hard_limit", PENDING_CALLS_MAX),
    ("grpc.server_max_unrequested_time_in_server", PENDING_CALL_SECONDS_MAX),
    ("grpc.so_reuseport", 0),  # two daemons on one port must be an error, not a lottery
)
CHANNEL_OPTIONS: Final = (
    *_BOTH,
    ("grpc.enable_retries", 0),  # what may be repeated is decided by `retries`, not by gRPC
    ("grpc.use_local_subchannel_pool", 1),  # a reconnect is a new connection
    ("grpc.enable_http_proxy", 0),  # a proxy variable of a shell must not redirect the link
)

_STATUS_OF: Final[tuple[tuple[type[FederationError], grpc.StatusCode], ...]] = (
    (Refused, grpc.StatusCode.INVALID_ARGUMENT),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (Stale, grpc.StatusCode.ABORTED),
    (Conflict, grpc.StatusCode.FAILED_PRECONDITION),
    (Denied, grpc.StatusCode.PERMISSION_DENIED),
    (Unavailable, grpc.StatusCode.UNAVAILABLE),
    (FederationError, grpc.StatusCode.INTERNAL),
)
_CLASS_OF: Final[dict[grpc.StatusCode, type[FederationError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: Refused,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: Conflict,
    grpc.StatusCode.ABORTED: Stale,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.UNAUTHENTICATED: Denied,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a verified client certificate speaks for; `key_id` is hex SHA-256 of its signing key."""

    kind: str
    name: str
    key_id: str = ""


def open_channel(
    endpoint: str, credentials: grpc.ChannelCredentials, *, server_name: str
) -> grpc.aio.Channel:
    """A TLS channel to `endpoint` (host:port) whose server must prove to be `server_name`."""
    options = (*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", server_name))
    return grpc.aio.secure_channel(endpoint, credentials, options=options)


def open_local_channel(socket: Path) -> grpc.aio.Channel:
    """A channel to a daemon on this machine; the socket's file mode is the protection."""
    options = (*CHANNEL_OPTIONS, ("grpc.default_authority", "localhost"))
    return grpc.aio.insecure_channel(f"unix:{socket.absolute()}", options=options)


def peer_subject(context: grpc.aio.ServicerContext[Any, Any]) -> Subject:
    """The caller of an mTLS listener; Denied (FED-3001) where no usable certificate was shown."""
    pems: Iterable[bytes] = context.auth_context().get("x509_pem_cert", ())
    for pem in pems:
        return subject_of(x509.load_pem_x509_certificate(pem))
    raise Denied("FED-3001", "the caller showed no client certificate")


def peer_address(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """The caller's network address: `ipv4:10.0.0.1:5000` → `10.0.0.1`."""
    return context.peer().rpartition(":")[0].partition(":")[2]


def subject_of(certificate: x509.Certificate) -> Subject:
    """The subject in a certificate's one URI name; Denied (FED-3001) for any other form."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, ValueError) as error:
        raise Denied("FED-3001", "the certificate names no node and no operator") from error
    scheme, _, path = uri.partition("://")
    kind, _, name = path.partition("/")
    if scheme != "lpse" or kind not in ("node", "operator") or not name or "/" in name:
        raise Denied("FED-3001", "the certificate names no node and no operator")
    numbers = certificate.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)
    return Subject(kind, name, str(numbers[0].value) if numbers else "")


def page_size(asked: int) -> int:
    """How many items a list answers with: the default where none are asked for, never too many."""
    return min(max(asked, 0) or PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX)


def status_of(error: FederationError) -> grpc.StatusCode:
    """The status under which an error travels; the first matching class decides."""
    return next(code for kind, code in _STATUS_OF if isinstance(error, kind))


def details_of(error: FederationError) -> bytes:
    """`google.rpc.Status` with the stable code, the remedy and whether trying again is right."""
    status = Status(code=status_of(error).value[0], message=_clip(error.message))
    facts = {"remedy": _clip(error.remedy), "may_retry": "true" if error.may_retry else "false"}
    _pack(status, ErrorInfo(reason=error.code, domain=DOMAIN, metadata=facts))
    _pack(status, LocalizedMessage(locale="en", message=_clip(error.message)))
    if error.retry_after_seconds is not None:
        retry = RetryInfo()
        retry.retry_delay.FromMilliseconds(int(error.retry_after_seconds * 1000))
        _pack(status, retry)
    data: bytes = status.SerializeToString()
    return data


def error_from(error: grpc.aio.AioRpcError) -> FederationError:
    """The same error on the caller's side: class, code, remedy, may-retry and retry-after."""
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_KEY and isinstance(value, bytes):
            told = _from_details(value, error.code())
            if told is not None:
                return told
    return _from_transport(error)


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Turns what a handler raises into a status; an unexpected exception tells nothing outside."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap whichever of the four kinds of handler the method has."""
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            return None
        make, behaviour = _parts(handler)
        wrapped = self._wrap(behaviour, handler_call_details.method)
        made: grpc.RpcMethodHandler[Any, Any] = make(
            wrapped, handler.request_deserializer, handler.response_serializer
        )
        return made

    def _wrap(self, behaviour: Any, method: str) -> Any:
        if inspect.isasyncgenfunction(behaviour):

            async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
                try:
                    # Closed here and now when the caller goes away, not when memory is collected.
                    async with aclosing(behaviour(request, context)) as responses:
                        async for response in responses:
                            yield response
                except Exception as error:
                    await self._abort(error, context, method)

            return stream
        if not inspect.iscoroutinefunction(behaviour):
            return behaviour  # gRPC's own synchronous services (reflection) report by themselves

        async def call(request: Any, context: Any) -> Any:
            try:
                return await behaviour(request, context)
            except Exception as error:
                await self._abort(error, context, method)

        return call

    async def _abort(self, error: Exception, context: Any, method: str) -> None:
        if isinstance(error, grpc.aio.BaseError):
            raise error  # an abort of the handler's own, or a stream that is gone already
        if not isinstance(error, FederationError):
            self._log.error("rpc.failed", method=method, code="FED-1000", where=origin_of(error))
            error = FederationError("FED-1000", "an internal error; the log of that side has it")
            error.may_retry = True
        trailing = ((STATUS_KEY, details_of(error)),)
        await context.abort(status_of(error), _clip(error.message), trailing)


def _parts(handler: Any) -> tuple[Any, Any]:
    table = {
        (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
        (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
        (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
        (True, True): (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
    }
    return table[bool(handler.request_streaming), bool(handler.response_streaming)]


def _from_details(data: bytes, code: grpc.StatusCode) -> FederationError | None:
    status = Status.FromString(data)
    info, retry = ErrorInfo(), RetryInfo()
    seconds: float | None = None
    for detail in status.details:
        if detail.Is(ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(RetryInfo.DESCRIPTOR):
            detail.Unpack(retry)
            seconds = retry.retry_delay.ToMilliseconds() / 1000
    if info.domain != DOMAIN:
        return None
    kind = _CLASS_OF.get(code, FederationError)
    error = kind(info.reason, status.message, remedy=info.metadata["remedy"])
    error.may_retry = info.metadata["may_retry"] == "true"
    error.retry_after_seconds = seconds
    return error


def _from_transport(error: grpc.aio.AioRpcError) -> FederationError:
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Refused("FED-2298", "the other side does not know this call; it may be older")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details:
        return Refused("FED-2297", "a message is larger than the limit of this call")
    message = f"the other side cannot be reached or the connection was cut ({code.name})"
    return Unavailable("FED-2299", message, remedy="check the link; trying again is right")


def _pack(status: Status, message: Any) -> None:
    packed = AnyMessage()
    packed.Pack(message)
    status.details.append(packed)


def _clip(text: str) -> str:
    """Trailing metadata is small: a longer text is cut."""
    return text[:ERROR_MESSAGE_CHARACTERS_MAX]
