"""FETCH (RFC 3501 section 6.4.5, RFC 7162 sections 3.1.4 and 3.2.6)."""

from collections.abc import Iterable, Iterator

from fakeserver.commands.extension_items import Teller, extension_teller
from fakeserver.commands.partial import parse_partial
from fakeserver.commands.require import (
    Numbered,
    messages_of,
    need_extension,
    refuse_no_numbers,
    refuse_parameters,
    view_of,
)
from fakeserver.commands.resync import vanished_earlier
from fakeserver.reply import BadCommand, Handler, Pieces, Tagged, untagged
from fakeserver.session import Session
from fakeserver.store.mailbox import StoredMessage
from fakeserver.store.view import View
from imapproxy.wire import commands as wire
from imapproxy.wire.dates import encode_date_time
from imapproxy.wire.fetch_att import (
    BinarySection,
    BodySection,
    FetchAtt,
    Item,
    Macro,
    OpaqueAtt,
    Partial,
    Section,
    SectionText,
)
from imapproxy.wire.flags import SEEN
from imapproxy.wire.sequence_set import SequenceSet
from imapproxy.wire.strings import announce

_LARGE = (Item.RFC822, Item.RFC822_HEADER, Item.RFC822_TEXT)


def fetch(session: Session, command: wire.Fetch) -> Handler:
    """FETCH and UID FETCH."""
    view = view_of(session)
    items = _items(session, command)
    tellers = tellers_of(session, items, view)
    messages = messages_of(session, command.sequence_set, by_uid=command.by_uid)
    refuse_no_numbers(messages, command)
    if Item.MODSEQ in items:
        yield session.enable_condstore()
    yield session.keyword_news()
    if command.vanished:
        yield _vanished(view, command)
    for parameter in command.parameters:
        if not command.by_uid:
            # RFC 9394 section 3.3 has it for UID FETCH alone.
            raise BadCommand("Unknown parameter PARTIAL")
        messages = list(parse_partial(session, parameter.argument).of(messages))
    if command.changed_since is not None:
        since = command.changed_since
        messages = [one for one in messages if one[1].mod_seq > since]
    may_set = not view.read_only and "s" in session.rights
    sets_seen = may_set and any(map(_sets_seen, items))
    yield from _responses(session, view, messages, tellers, items, sets_seen=sets_seen)
    yield _downgraded(session, messages, items)
    return Tagged("Fetch completed.")


def tellers_of(session: Session, items: Iterable[FetchAtt], view: View) -> list[Teller]:
    """How items are told of the messages of a view; raises the refusal of what is not known."""
    return [_flags_teller(view) if item is Item.FLAGS else _teller(session, item) for item in items]


def check_items(session: Session, items: Iterable[FetchAtt]) -> None:
    """Raise the refusal of what is not known, where there is no message yet."""
    for item in items:
        if item is not Item.FLAGS:
            _teller(session, item)


def _items(session: Session, command: wire.Fetch) -> list[FetchAtt]:
    """What is asked for, and what has to be told besides."""
    refuse_parameters(one for one in command.parameters if one.name != "PARTIAL")
    items: list[FetchAtt] = list(dict.fromkeys(command.items))
    if command.by_uid and Item.UID not in items and not session.uids_only:
        items.insert(0, Item.UID)
    if command.changed_since is not None:
        need_extension(session, "CONDSTORE", "CHANGEDSINCE")
        # RFC 7162 section 3.1.4.1: CHANGEDSINCE asks for MODSEQ as well.
        if Item.MODSEQ not in items:
            items.append(Item.MODSEQ)
    if command.vanished:
        need_extension(session, "QRESYNC", "VANISHED")
        if "QRESYNC" not in session.enabled or not command.by_uid:
            raise BadCommand("VANISHED needs QRESYNC enabled, UID FETCH and CHANGEDSINCE.")
        if command.changed_since is None:
            raise BadCommand("VANISHED used without CHANGEDSINCE")
    # Small items first, as Dovecot has it: a client knows whose octets come before they do.
    return sorted(items, key=_is_large)


def _is_large(item: FetchAtt) -> bool:
    return isinstance(item, BodySection | BinarySection) or item in _LARGE


def _vanished(view: View, command: wire.Fetch) -> bytes:
    largest = max(view.largest_uid, view.mailbox.uid_next - 1)
    return vanished_earlier(view, command.changed_since or 0, command.sequence_set.resolve(largest))


def _responses(
    session: Session,
    view: View,
    messages: Numbered,
    tellers: list[Teller],
    items: list[FetchAtt],
    *,
    sets_seen: bool,
) -> Iterator[Pieces]:
    tells_flags = Item.FLAGS in items
    for number, message in messages:
        extra = b""
        if sets_seen and SEEN not in message.flags and not view.is_gone(message):
            view.mailbox.set_flags(message, message.flags | {SEEN})
            if not tells_flags:
                extra = b"FLAGS (%b) " % b" ".join(view.flags_of(message))
            if "CONDSTORE" in session.enabled and Item.MODSEQ not in items:
                extra += b"MODSEQ (%d) " % message.mod_seq
            view.forget_change(message)
        elif tells_flags:
            view.forget_change(message)
        begins = session.fetch_begins(number, message) + extra
        yield response(begins, tellers, shown_to(session, message))


def shown_to(session: Session, message: StoredMessage) -> StoredMessage:
    """A message as this client sees it."""
    if session.speaks_rev2:
        return message.showing(message.content.for_rev2)
    return message.showing(message.content.surrogate) if session.needs_surrogates else message


def _downgraded(session: Session, messages: Numbered, items: list[FetchAtt]) -> bytes:
    """Which messages were not told as they are (RFC 6858 section 3), by UID."""
    if not session.needs_surrogates or not any(map(_tells_content, items)):
        return b""
    contents = ((message.uid, message.content) for _, message in messages)
    uids = [uid for uid, content in contents if content.surrogate is not content]
    if not uids:
        return b""
    return untagged(b"OK", "UTF-8 left out.", b"DOWNGRADED " + SequenceSet.of(uids).encode())


def _tells_content(item: FetchAtt) -> bool:
    return _is_large(item) or item in (Item.ENVELOPE, Item.BODY, Item.BODYSTRUCTURE)


def response(begins: bytes, tellers: Iterable[Teller], message: StoredMessage) -> Pieces:
    """A FETCH response: what it begins with, and what the tellers tell of the message."""
    pieces = [begins]
    for tell in tellers:
        pieces += tell(message)
        pieces.append(b" ")
    pieces[-1] = b")\r\n"
    return tuple(pieces)


def _sets_seen(item: FetchAtt) -> bool:
    if isinstance(item, Item):
        return item.sets_seen
    return isinstance(item, BodySection | BinarySection) and not item.peek


def _flags_teller(view: View) -> Teller:
    return lambda message: (b"FLAGS (%b)" % b" ".join(view.flags_of(message)),)


def _teller(session: Session, item: FetchAtt) -> Teller:
    if isinstance(item, BodySection):
        return _section_teller(item)
    teller = extension_teller(session, item)
    if item in _LARGE:
        # RFC 9051 appendix E, item 18: gone from IMAP4rev2.
        need_extension(session, "IMAP4rev1", "RFC822")
    if teller is None and isinstance(item, Item):
        teller = _TELLERS.get(item)
    if teller is None:
        name = item.value if isinstance(item, Item | Macro) else _unknown(item)
        raise BadCommand(f"Unknown parameter {name}")
    return teller


def _unknown(item: FetchAtt) -> str:
    if isinstance(item, OpaqueAtt):
        return item.octets.decode("ascii", "replace")
    return type(item).__name__


def _section_teller(item: BodySection) -> Teller:
    section, partial = item.section, item.partial
    name = b"BODY[%b]" % section.encode()
    if partial is not None:
        name += b"<%d>" % partial.offset
    return _literal_teller(name + b" ", section, partial)


def _literal_teller(name: bytes, section: Section, partial: Partial | None = None) -> Teller:
    def tell(message: StoredMessage) -> Pieces:
        octets = message.content.section(section, partial)
        return name + announce(len(octets)), octets

    return tell


_TELLERS: dict[Item, Teller] = {
    Item.UID: lambda message: (b"UID %d" % message.uid,),
    Item.INTERNALDATE: lambda message: (
        b"INTERNALDATE " + encode_date_time(message.internal_date),
    ),
    Item.RFC822_SIZE: lambda message: (b"RFC822.SIZE %d" % message.content.size,),
    Item.ENVELOPE: lambda message: (b"ENVELOPE ", message.content.envelope),
    Item.BODY: lambda message: (b"BODY ", message.content.body),
    Item.BODYSTRUCTURE: lambda message: (b"BODYSTRUCTURE ", message.content.body_structure),
    Item.RFC822: _literal_teller(b"RFC822 ", Section()),
    Item.RFC822_HEADER: _literal_teller(b"RFC822.HEADER ", Section(text=SectionText.HEADER)),
    Item.RFC822_TEXT: _literal_teller(b"RFC822.TEXT ", Section(text=SectionText.TEXT)),
}
