"""COMPRESS=DEFLATE (RFC 4978), where the server has it."""

from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.errors import CommandRefused
from imapproxy.upstream.request import Request, read_status


async def compress(client: ImapClient) -> None:
    """Compress the connection of a client that is logged in, if the server does so.

    Nothing else may be in flight: what follows the server's OK is compressed on both sides.
    """
    if "COMPRESS=DEFLATE" not in (client.capabilities or ()):
        return
    try:
        await client.run_request(_Compress(client.connection, [b" COMPRESS DEFLATE\r\n"], "sync"))
    except CommandRefused:
        return  # without it all works as well


class _Compress(Request):
    """Compression begins before another octet of the server is looked at."""

    __slots__ = ()

    def tagged_response(self, text: bytes) -> None:
        """See :class:`Request`."""
        if read_status(text)[0] == b"OK":
            self._connection.start_compression()
        super().tagged_response(text)
