"""The fixtures in tests that run an asyncio loop, which is none of the server's."""

import asyncio

from fakeserver.threaded import ThreadedServer


async def _subject(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    await reader.readline()
    writer.write(
        b"a LOGIN demo pw\r\nb SELECT INBOX\r\nc FETCH 1 BODY[HEADER.FIELDS (SUBJECT)]\r\n"
    )
    told = await reader.readuntil(b"c OK")
    writer.close()
    await writer.wait_closed()
    return told


def test_asyncio_client(imap_server: ThreadedServer) -> None:
    imap_server.deliver("Subject: hello\n\nworld\n")
    told = asyncio.run(_subject(imap_server.host, imap_server.port))
    assert b"\r\nSubject: hello\r\n" in told
