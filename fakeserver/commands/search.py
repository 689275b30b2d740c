"""SEARCH (RFC 3501 section 6.4.4, RFC 4731, RFC 7162 section 3.1.5)."""

import codecs

from fakeserver.commands.require import view_of
from fakeserver.mail.quoting import nstring
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.search.program import BadText, Candidate, Compiler, Test, UnknownKey
from fakeserver.session import Session
from fakeserver.store.errors import StoreError
from fakeserver.store.view import View
from imapproxy.wire import commands as wire
from imapproxy.wire.search_key import And, Fuzzy, ModSeq, Not, Or, SearchKey
from imapproxy.wire.sequence_set import SequenceSet

_RETURN_OPTIONS = ("MIN", "MAX", "ALL", "COUNT")
# Messages that are looked at between two turns of the reactor.
_BATCH = 200
# Python knows codecs that are no charsets ("hex", "rot13"), and some that tell nothing of ASCII.
_CHARSETS = ("ascii", "utf-8", "iso8859-", "cp125", "koi8-", "cp1251", "gb", "big5", "euc", "shift")


def search(session: Session, command: wire.Search, tag: bytes) -> Handler:
    """SEARCH and UID SEARCH."""
    view = view_of(session)
    _check_options(session, command)
    test = _compile(session, view, command)
    if any(map(_needs_mod_seq, command.keys)):
        yield session.enable_condstore()
    found: list[Candidate] = []
    for number, message in enumerate(list(view.messages), 1):
        candidate = Candidate(number, message)
        if test(candidate):
            found.append(candidate)
        if number % _BATCH == 0:
            yield b""
    yield _answer(command, found, tag)
    return Tagged("Search completed.")


def _check_options(session: Session, command: wire.Search) -> None:
    if command.return_options is None:
        return
    if not session.has("ESEARCH"):
        raise BadCommand("Unknown argument RETURN")
    for option in command.return_options:
        if option.name not in _RETURN_OPTIONS or option.argument is not None:
            raise BadCommand(f"Unknown SEARCH return option {option.name}")


def _compile(session: Session, view: View, command: wire.Search) -> Test:
    compiler = Compiler(
        view, _charset(command.charset), session.host.clock(), session.host.extensions.keys
    )
    try:
        return compiler.all_of(command.keys)
    except UnknownKey as error:
        raise BadCommand(f"Unknown argument {error}") from None
    except BadText:
        raise BadCommand("Text is not of the charset of the search.") from None


def _charset(name: bytes | None) -> str:
    if name is None:
        # RFC 3501: US-ASCII. Programs send UTF-8 all the same, and servers take it.
        return "utf-8"
    try:
        codec = codecs.lookup(name.decode("ascii", "replace")).name
    except LookupError:
        codec = ""
    if not codec.startswith(_CHARSETS):
        raise StoreError("Unknown charset", b"BADCHARSET (US-ASCII UTF-8)")
    return codec


def _needs_mod_seq(key: SearchKey) -> bool:
    match key:
        case ModSeq():
            return True
        case Not(inner) | Fuzzy(inner):
            return _needs_mod_seq(inner)
        case Or(keys) | And(keys):
            return any(map(_needs_mod_seq, keys))
        case _:
            return False


def _answer(command: wire.Search, found: list[Candidate], tag: bytes) -> bytes:
    if command.by_uid:
        numbers = [candidate.message.uid for candidate in found]
    else:
        numbers = [candidate.number for candidate in found]
    with_mod_seq = any(map(_needs_mod_seq, command.keys)) and bool(found)
    if command.return_options is None:
        listed = b"".join(b" %d" % number for number in numbers)
        mod_seq = max((one.message.mod_seq for one in found), default=0)
        return b"* SEARCH%b%b\r\n" % (listed, b" (MODSEQ %d)" % mod_seq if with_mod_seq else b"")
    options = {option.name for option in command.return_options} or {"ALL"}
    parts = [b"* ESEARCH (TAG %b)" % nstring(tag)]
    if command.by_uid:
        parts.append(b"UID")
    parts += _results(options, numbers)
    if with_mod_seq:
        parts.append(b"MODSEQ %d" % _mod_seq_told(options, found))
    return b" ".join(parts) + b"\r\n"


def _results(options: set[str], numbers: list[int]) -> list[bytes]:
    # RFC 4731 section 3.1: of nothing found only COUNT is told.
    parts: list[bytes] = []
    if numbers and "MIN" in options:
        parts.append(b"MIN %d" % numbers[0])
    if numbers and "MAX" in options:
        parts.append(b"MAX %d" % numbers[-1])
    if numbers and "ALL" in options:
        parts.append(b"ALL " + SequenceSet.of(numbers).encode())
    if "COUNT" in options:
        parts.append(b"COUNT %d" % len(numbers))
    return parts


def _mod_seq_told(options: set[str], found: list[Candidate]) -> int:
    """RFC 7162 section 3.1.10: of what is told; of MIN and MAX alone, of just these."""
    told = found
    if options <= {"MIN", "MAX"}:
        told = ([found[0]] if "MIN" in options else []) + ([found[-1]] if "MAX" in options else [])
    return max(candidate.message.mod_seq for candidate in told)
