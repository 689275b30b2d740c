"""Reading one complete response (RFC 9051 section 7, section 9 ``response``)."""

from imapproxy.wire.responses import Response


def decode_response(octets: bytes) -> Response:
    """Decode a whole response: its line, literals joined in as they came, the last CRLF.

    A response that is not known comes back as :class:`~imapproxy.wire.responses.OpaqueData`.
    Raises ``DecodeError`` for what is no response at all and for one whose arguments cannot be
    read; what servers are known to do differently is taken (see the comments).
    """
    raise NotImplementedError
