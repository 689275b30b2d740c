"""Items of FETCH that extensions brought: BINARY, OBJECTID, SAVEDATE, PREVIEW."""

from collections.abc import Callable

from fakeserver.commands.require import need_extension
from fakeserver.gmail import gmail_teller
from fakeserver.mail.binary import BadEncoding, Decoded, UnknownEncoding
from fakeserver.mail.quoting import nstring
from fakeserver.mail.section import cut
from fakeserver.reply import Pieces
from fakeserver.session import Session
from fakeserver.store.errors import StoreError
from fakeserver.store.mailbox import StoredMessage
from imapproxy.wire.dates import encode_date_time
from imapproxy.wire.fetch_att import BinarySection, BinarySize, FetchAtt, Item, Preview
from imapproxy.wire.strings import announce

# What is told of a message.
Teller = Callable[[StoredMessage], Pieces]


def extension_teller(session: Session, item: FetchAtt) -> Teller | None:
    """How the item is told; ``None`` where it is none of an extension's."""
    if isinstance(item, BinarySection):
        need_extension(session, "BINARY", "BINARY")
        return _binary_section(item)
    if isinstance(item, BinarySize):
        need_extension(session, "BINARY", "BINARY.SIZE")
        return _binary_size(item)
    if isinstance(item, Preview):
        need_extension(session, "PREVIEW", "PREVIEW")
        # RFC 8970 section 3: LAZY asks for what costs nothing, and all that is here costs little.
        return lambda message: (b"PREVIEW ", nstring(message.content.preview))
    if isinstance(item, Item) and item in _WORDS:
        extension, teller = _WORDS[item]
        need_extension(session, extension, item.value)
        return teller
    return gmail_teller(session, item) if isinstance(item, Item) else None


def _binary_section(item: BinarySection) -> Teller:
    name = item.response_name.encode() + b" "

    def tell(message: StoredMessage) -> Pieces:
        decoded = _decoded(message, item.part)
        octets = cut(decoded.octets, item.partial)
        # RFC 3516 section 4.2: "~{n}" may hold NUL, and what was decoded may.
        return name + announce(len(octets), binary=decoded.changed or b"\0" in octets), octets

    return tell


def _binary_size(item: BinarySize) -> Teller:
    name = item.response_name.encode()
    return lambda message: (b"%b %d" % (name, len(_decoded(message, item.part).octets)),)


def _decoded(message: StoredMessage, path: tuple[int, ...]) -> Decoded:
    try:
        return message.content.binary(path)
    except UnknownEncoding:
        raise StoreError("Unknown Content-Transfer-Encoding", b"UNKNOWN-CTE") from None
    except BadEncoding:
        raise StoreError("Invalid data in MIME part", b"PARSE") from None


_WORDS: dict[Item, tuple[str, Teller]] = {
    Item.MODSEQ: ("CONDSTORE", lambda message: (b"MODSEQ (%d)" % message.mod_seq,)),
    Item.EMAILID: ("OBJECTID", lambda message: (b"EMAILID (%b)" % message.content.email_id,)),
    Item.THREADID: ("OBJECTID", lambda message: (b"THREADID (%b)" % message.content.thread_id,)),
    Item.SAVEDATE: (
        "SAVEDATE",
        lambda message: (b"SAVEDATE ", encode_date_time(message.save_date)),
    ),
}
