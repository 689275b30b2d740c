"""LIST, LSUB and NAMESPACE from the answers that were kept.

What was asked before is answered as it was. Any other plain pattern is held against the answer to
``"" "*"``, which is the whole list.
"""

from collections.abc import Iterator

from imapproxy.cache.listing_request import ANSWERED_BY, listing_request, plain_request
from imapproxy.cache.notes import Listings
from imapproxy.cache.store import StoreError
from imapproxy.offline.account import HeldAccount
from imapproxy.offline.refusal import unavailable
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.encode_response import encode_response
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.flags import Flag
from imapproxy.wire.framing import Line, ResponseFramer
from imapproxy.wire.list_pattern import ListPattern
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.mailbox_commands import List, Lsub
from imapproxy.wire.responses import ListData, LsubData

Listed = ListData | LsubData

_NOSELECT = Flag(rb"\Noselect")


def listed(account: HeldAccount, name: bytes, rest: bytes, body: object) -> bytes:
    """The untagged responses; ``name`` and ``rest`` are those of the command's line.

    Raises :class:`imapproxy.offline.refusal.Refused` where it was never told.
    """
    assert name in ANSWERED_BY
    try:
        listings = account.listings()
    except StoreError:
        raise unavailable("the cache cannot be read") from None
    request = listing_request(name, rest)
    told = None if request is None else listings.answer_to(request)
    if told is not None:
        return told.responses
    match body:
        case List(reference=reference, patterns=(pattern,)) if not body.is_extended:
            whole = _whole(listings, b"LIST")
        case Lsub(reference=reference, pattern=pattern):
            whole = _whole(listings, b"LSUB")
        case _:
            whole = None
    if whole is None:
        raise unavailable("this list was never asked for")
    return b"".join(map(encode_response, _chosen(whole, reference, pattern, name)))


def _whole(listings: Listings, name: bytes) -> list[Listed] | None:
    told = listings.answer_to(plain_request(name, b"", b"*"))
    return None if told is None else list(_read(told.responses))


def _read(responses: bytes) -> Iterator[Listed]:
    framer = ResponseFramer()
    framer.feed(responses)
    gathered = b""
    while (fragment := framer.next_fragment()) is not None:
        if not isinstance(fragment, Line):
            gathered += getattr(fragment, "data", b"")
            continue
        gathered += fragment.data
        if fragment.literal is not None:
            continue
        whole, gathered = gathered, b""
        try:
            response = decode_response(whole)
        except DecodeError:
            continue
        if isinstance(response, ListData | LsubData):
            yield response


def _chosen(whole: list[Listed], reference: bytes, pattern: bytes, name: bytes) -> Iterator[Listed]:
    delimiter = whole[0].delimiter if whole else None
    kind = LsubData if name == b"LSUB" else ListData
    if not pattern:
        # RFC 3501 section 6.3.8: it asks for the delimiter, and the root of the reference.
        yield kind(WireMailbox(b""), delimiter, (_NOSELECT,))
        return
    wanted = ListPattern(reference + pattern, delimiter)
    matching = [one for one in whole if wanted.matches(one.mailbox)]
    known = {one.mailbox for one in matching}
    yield from matching
    # A level of the hierarchy that is no mailbox matches, too, if one below it is there and the
    # pattern, because of its "%", does not reach that (RFC 3501 sections 6.3.8 and 6.3.9).
    for one in whole:
        for level in _levels(one.mailbox, delimiter):
            if level not in known and wanted.matches(level):
                known.add(level)
                yield kind(level, delimiter, (_NOSELECT,))


def _levels(mailbox: bytes, delimiter: bytes | None) -> Iterator[WireMailbox]:
    if delimiter is None:
        return
    at = mailbox.find(delimiter)
    while at > 0:
        yield WireMailbox(mailbox[:at])
        at = mailbox.find(delimiter, at + 1)
