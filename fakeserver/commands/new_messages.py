"""What is fetched of messages as they come (RFC 5465 sections 5.2 and 7)."""

from fakeserver.commands.fetch import check_items, response, shown_to, tellers_of
from fakeserver.reply import BadCommand
from fakeserver.session import Session
from fakeserver.store.mailbox import StoredMessage
from fakeserver.store.view import Arrived, View
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.decode_fetch_att import read_fetch_att
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.fetch_att import FetchAtt


def fetch_new(session: Session, view: View, arrived: Arrived) -> bytes:
    """One FETCH response for each message, with all that NOTIFY and searches want of it.

    None for messages that the client itself brought.
    """
    told: list[bytes] = []
    for number, message in enumerate(view.messages[arrived.first - 1 :], arrived.first):
        if message.uid in arrived.own:
            continue
        attributes = _attributes(session, view, number, message)
        if attributes:
            tellers = tellers_of(session, attributes, view)
            begins = session.fetch_begins(number, message)
            told += response(begins, tellers, shown_to(session, message))
    return b"".join(told)


def _attributes(
    session: Session, view: View, number: int, message: StoredMessage
) -> tuple[FetchAtt, ...]:
    wanted = [] if session.notified is None else list(session.notified.attributes)
    for context in view.contexts.values():
        if context.attributes and context.has(number, message):
            wanted += context.attributes
    return tuple(dict.fromkeys(wanted))


def parse_attributes(session: Session, argument: bytes | None) -> tuple[FetchAtt, ...]:
    """The argument of UPDATE: ``(UID FLAGS)``, or none at all."""
    if argument is None:
        return ()
    if not session.has("NOTIFY"):
        raise BadCommand("Unknown return option UPDATE with arguments")
    cursor = Cursor(argument + b"\r\n")
    try:
        attributes = cursor.list_of(lambda: read_fetch_att(cursor, in_list=True))
        cursor.end()
    except DecodeError as error:
        raise BadCommand(f"UPDATE: {error}") from None
    check_items(session, attributes)
    return attributes
