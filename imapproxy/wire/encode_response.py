"""Writing responses (RFC 9051 section 7)."""

from imapproxy.wire.responses import Response


def encode_response(response: Response) -> bytes:
    """The octets of a response, its literals and the last CRLF included.

    Raises ``EncodeError`` for a value that has no form on the wire.
    """
    raise NotImplementedError
