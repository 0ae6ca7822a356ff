"""gRPC credentials from identity folders.

Owns what a listener demands and what a caller trusts. Rule: a caller trusts the one pinned CA and
nothing of the machine's store. Leaves out making and renewing what the folders hold.
"""

from __future__ import annotations

from pathlib import Path

import grpc

from lpse.runtime.tls.keys import CA_CERTIFICATE, TLS_CERTIFICATE, TLS_KEY, read_limited


def server_credentials(folder: Path, *, clients: bool) -> grpc.ServerCredentials:
    """The centre's listener from its identity folder; `clients` demands certificates of our CA.

    The CA is sent in the chain, so that a stranger with an enrolment code can compare it.
    """
    authority = read_limited(folder / CA_CERTIFICATE)
    chain = read_limited(folder / TLS_CERTIFICATE) + authority
    pair = (read_limited(folder / TLS_KEY), chain)
    if not clients:
        return grpc.ssl_server_credentials([pair])
    return grpc.ssl_server_credentials([pair], authority, require_client_auth=True)


def client_credentials(folder: Path) -> grpc.ChannelCredentials:
    """mTLS from an identity folder, trusting the pinned CA alone."""
    return grpc.ssl_channel_credentials(
        root_certificates=read_limited(folder / CA_CERTIFICATE),
        private_key=read_limited(folder / TLS_KEY),
        certificate_chain=read_limited(folder / TLS_CERTIFICATE),
    )


def pinned_credentials(ca_pem: bytes) -> grpc.ChannelCredentials:
    """TLS without a client certificate (enrolment, renewal), trusting one CA alone."""
    return grpc.ssl_channel_credentials(root_certificates=ca_pem)
