"""Finding out on a new connection whether a command was done whose answer was lost.

What is found there was done; what is not found may still be done, by a server that has the command
and not yet noticed that nobody waits for its answer. So each question has two answers: it was done,
or nobody knows. What has become of COPY, MOVE, CREATE and the like the mailboxes do not tell for
sure: what is there may have been there before.
"""

import re
from collections.abc import Iterator
from typing import Protocol

from imapproxy.relay.client_line import ClientLine
from imapproxy.upstream.client import ImapClient, Outcome
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import CommandRefused
from imapproxy.upstream.request import Request
from imapproxy.wire.responses import FetchData, SearchData

_EXPUNGE = re.compile(rb" +(?:UID +EXPUNGE +([0-9:,*]+)|EXPUNGE) *\r\n", re.IGNORECASE)


class Question(Protocol):
    """What was lost, and how to find out."""

    @property
    def may_ask(self) -> bool:
        """Whether it can be found out at all."""

    def about(self, mailbox: bytes, uid_validity: int) -> bool:
        """Whether it is about this mailbox, which is selected."""

    async def ask(self, client: ImapClient, *, has_uidplus: bool) -> bytes | None:
        """The command's tagged response behind its tag, if it was done, else ``None``.

        Raises :class:`UpstreamError` when the connection is lost.
        """


class ExpungeQuestion:
    """It was done if there is nothing to expunge: then it would be, if it were done now."""

    may_ask = True

    def __init__(self, uids: bytes | None) -> None:
        self._uids = uids

    def about(self, mailbox: bytes, uid_validity: int) -> bool:
        """See :class:`Question`: whatever is selected."""
        return True

    async def ask(self, client: ImapClient, *, has_uidplus: bool) -> bytes | None:
        """See :class:`Question`."""
        uids = b"UID " + self._uids + b" " if self._uids is not None else b""
        found = await found_by(client, uids + b"DELETED")
        return b"OK Expunge completed.\r\n" if found == [] else None


def expunge_question(line: ClientLine | None) -> ExpungeQuestion | None:
    """How to find out about a command, if it is an EXPUNGE."""
    found = None if line is None else _EXPUNGE.fullmatch(line.rest)
    return None if found is None else ExpungeQuestion(found[1])


async def found_by(client: ImapClient, criteria: bytes) -> list[int] | None:
    """UIDs; ``None`` where the server will not or cannot tell."""
    outcome = await run(client.connection, client, b" UID SEARCH " + criteria + b"\r\n")
    if outcome is None:
        return None
    told = [data.numbers for data in outcome.data if isinstance(data, SearchData)]
    # A server that tells of nothing says "* SEARCH", but some say nothing then (RFC 9051
    # section 7.3.4 has no response for that): silence is no answer to build upon.
    return [uid for numbers in told for uid in numbers] if told else None


async def size_of(client: ImapClient, uid: int) -> int | None:
    """The octets of a message."""
    outcome = await run(client.connection, client, b" UID FETCH %d (UID RFC822.SIZE)\r\n" % uid)
    sizes = [] if outcome is None else list(_sizes(outcome, uid))
    return sizes[0] if len(sizes) == 1 else None


def _sizes(outcome: Outcome, uid: int) -> Iterator[int]:
    for data in outcome.data:
        if isinstance(data, FetchData) and data.uid == uid and data.size is not None:
            yield data.size


async def run(connection: UpstreamConnection, client: ImapClient, words: bytes) -> Outcome | None:
    """A command of one line, ``words`` behind its tag; ``None`` if it is refused."""
    try:
        return await client.run_request(Request(connection, (words,), "sync"))
    except CommandRefused:
        return None
