"""Which messages the keys of a SEARCH, SORT or THREAD find."""

import codecs
from collections.abc import Generator, Iterable, Iterator

from fakeserver.gmail import label_test
from fakeserver.reply import BadCommand
from fakeserver.search.program import BadText, Candidate, Compiler, NumbersRefused, Test, UnknownKey
from fakeserver.session import Session
from fakeserver.store.errors import StoreError
from fakeserver.store.view import View
from imapproxy.wire.search_key import And, Fuzzy, ModSeq, Not, Or, SearchKey, Sequence

# Messages that are looked at between two turns of the reactor.
_BATCH = 200
# Python knows codecs that are no charsets ("hex", "rot13"), and some that tell nothing of ASCII.
_CHARSETS = ("ascii", "utf-8", "iso8859-", "cp125", "koi8-", "cp1251", "gb", "big5", "euc", "shift")


def compile_keys(
    session: Session,
    view: View,
    keys: Iterable[SearchKey],
    charset: bytes | None,
    *,
    numbers_stay: bool = False,
) -> Test:
    """One test of all keys; raises the refusal of keys or a charset that are not known.

    ``numbers_stay``: message numbers are for the messages that have them now.
    """
    compiler = Compiler(view, _codec(charset), session.host.clock(), session.extensions)
    if session.has("X-GM-EXT-1"):
        compiler.has_label = label_test(session)
    compiler.uids_only = session.uids_only
    compiler.numbers_stay = numbers_stay
    try:
        return compiler.all_of(keys)
    except NumbersRefused:
        raise BadCommand("Message numbers are not used here.", b"UIDREQUIRED") from None
    except UnknownKey as error:
        raise BadCommand(f"Unknown argument {error}") from None
    except BadText:
        raise BadCommand("Text is not of the charset of the search.") from None


def matching(view: View, test: Test) -> Generator[bytes, bytes, list[Candidate]]:
    """The messages that pass, in the order of their numbers; others have a turn meanwhile."""
    found: list[Candidate] = []
    for number, message in enumerate(list(view.messages), 1):
        candidate = Candidate(number, message)
        if test(candidate):
            found.append(candidate)
        if number % _BATCH == 0:
            yield b""
    return found


def needs_mod_seq(keys: Iterable[SearchKey]) -> bool:
    """Whether MODSEQ is among the keys, so that the answer has one (RFC 7162 section 3.1.5)."""
    return any(isinstance(key, ModSeq) for key in _flat(keys))


def has_numbers(keys: Iterable[SearchKey]) -> bool:
    """Whether message numbers are among the keys."""
    return any(
        isinstance(key, Sequence) and not key.by_uid and not key.numbers.is_saved_result
        for key in _flat(keys)
    )


def numbers_of(found: Iterable[Candidate], *, by_uid: bool) -> list[int]:
    """What messages are told as: UIDs, or the numbers that the session knows them by."""
    if by_uid:
        return [candidate.message.uid for candidate in found]
    return [candidate.number for candidate in found]


def _codec(name: bytes | None) -> str:
    if name is None:
        # RFC 3501: US-ASCII. Programs send UTF-8 all the same, and servers take it.
        return "utf-8"
    try:
        codec = codecs.lookup(name.decode("ascii", "replace")).name
    except (LookupError, ValueError):
        codec = ""
    if not codec.startswith(_CHARSETS):
        raise StoreError("Unknown charset", b"BADCHARSET (US-ASCII UTF-8)")
    return codec


def _flat(keys: Iterable[SearchKey]) -> Iterator[SearchKey]:
    """The keys, and those within them."""
    for key in keys:
        yield key
        match key:
            case Not(inner) | Fuzzy(inner):
                yield from _flat((inner,))
            case Or(inner_keys) | And(inner_keys):
                yield from _flat(inner_keys)
