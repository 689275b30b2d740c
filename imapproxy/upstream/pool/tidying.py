"""Bringing a connection back to where a new one is, and seeing whether it is still there."""

from typing import NamedTuple

from twisted.internet.defer import Deferred, TimeoutError

from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.footprint import Footprint, Selection
from imapproxy.upstream.request import Request
from imapproxy.wire.capability import Capabilities

_PATIENCE = 10.0  # seconds for the server to leave a mailbox; nobody waits but who could dial anew
_PROBE_PATIENCE = 3.0  # seconds for the answer to NOOP; then a new connection is quicker


class Step(NamedTuple):
    """A command, and what its tagged OK has to say, in upper case."""

    command: bytes
    needs: bytes = b""


def steps_to_tidy(footprint: Footprint, capabilities: Capabilities) -> tuple[Step, ...] | None:
    """What makes the connection as good as new; ``None`` if nothing does.

    UNSELECT (RFC 3691, and a part of IMAP4rev2) leaves a mailbox and nothing else. Without it there
    are two ways. An EXAMINE that fails ought to leave it, too (RFC 3501 section 6.3.1), but there
    are servers that stay with the mailbox that was selected, and on those the next session would
    hear of it. So INBOX is examined, which is always there and takes no \\Recent from anybody
    (section 6.3.2), and then closed, which expunges nothing from a mailbox that is read-only
    (section 6.4.2). That has to be said by the server before CLOSE is: it is never sent ahead.
    """
    if not footprint.traceless or footprint.selection is Selection.UNKNOWN:
        return None
    if footprint.selection is Selection.NONE:
        return ()
    if "UNSELECT" in capabilities or "IMAP4rev2" in capabilities:
        return (Step(b"UNSELECT"),)
    return (Step(b"EXAMINE INBOX", b"[READ-ONLY]"), Step(b"CLOSE"))


async def tidy(connection: UpstreamConnection, capabilities: Capabilities) -> bool:
    """Leave what the session has selected; whether the connection is as good as new then."""
    footprint = connection.footprint
    steps = steps_to_tidy(footprint, capabilities) if footprint is not None else None
    if footprint is None or steps is None:
        return False
    for step in steps:
        text = await _ask(connection, step.command, _PATIENCE)
        if text is None or step.needs not in text.upper():
            return False
    return footprint.selection is Selection.NONE and connection.at_rest


async def is_alive(connection: UpstreamConnection) -> bool:
    """Whether the other end still answers."""
    return await _ask(connection, b"NOOP", _PROBE_PATIENCE) is not None and connection.at_rest


async def _ask(connection: UpstreamConnection, command: bytes, patience: float) -> bytes | None:
    """The text of the tagged OK; ``None`` for every other outcome."""
    request = Request(connection, [b" " + command + b"\r\n"], "sync")
    answered: Deferred[bytes] = request.done
    request.send()
    try:
        return await answered.addTimeout(patience, connection.clock)
    except (UpstreamError, TimeoutError):
        return None
