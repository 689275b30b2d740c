"""The least of an IMAP server over TLS: it logs everybody in and takes messages slowly.

For what is measured about the proxy alone: a thousand sessions of a real server would be a
thousand processes, and no real server takes a message as slowly as a bad line does. Run as
``python -m benchmarks.stub CERTIFICATE KEY [TLSv1_2]``, with the newest TLS that it may speak; the
first line it prints is its port.
"""

import asyncio
import re
import ssl
import sys

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n$")
# 64 KB every 4 ms: 16 MB a second, far less than what a local client sends.
_PIECE = 64 * 1024
_SECONDS_A_PIECE = 0.004
# What nobody reads at all meanwhile: long enough for every buffer on the way to fill.
_SECONDS_AT_FIRST = 1.0
_CAPABILITY = b"* CAPABILITY IMAP4rev1\r\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"* OK Stub.\r\n")
    while line := await reader.readline():
        tag, _, rest = line.partition(b" ")
        literal = _LITERAL.search(line)
        while literal is not None:
            await _take_slowly(reader, writer, literal)
            literal = _LITERAL.search(await reader.readline())
        if rest.upper().startswith(b"CAPABILITY"):
            writer.write(_CAPABILITY)
        writer.write(tag + b" OK Done.\r\n")
        if rest.upper().startswith(b"LOGOUT"):
            break
    writer.close()


async def _take_slowly(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, literal: re.Match[bytes]
) -> None:
    if not literal[2]:
        writer.write(b"+ Go on.\r\n")
    left = int(literal[1])
    await asyncio.sleep(_SECONDS_AT_FIRST if left > _PIECE else 0)
    while left:
        left -= len(await reader.readexactly(min(left, _PIECE)))
        await asyncio.sleep(_SECONDS_A_PIECE)


async def _main(certificate: str, key: str, newest: str = "MAXIMUM_SUPPORTED") -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = ssl.TLSVersion[newest]
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, ssl=context, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:4]))
