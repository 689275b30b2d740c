"""Writing SEARCH, SORT and THREAD (RFC 9051 section 6.4.4, RFC 5256, RFC 4731)."""

from collections.abc import Iterable

from imapproxy.wire.commands import Search, Sort, SortKey, Thread
from imapproxy.wire.dates import encode_date
from imapproxy.wire.errors import EncodeError
from imapproxy.wire.search_key import (
    And,
    Contains,
    Filter,
    Fuzzy,
    Header,
    Keyword,
    ModSeq,
    Not,
    Number,
    ObjectId,
    On,
    Or,
    Plain,
    ReturnOption,
    SearchKey,
    Sequence,
)
from imapproxy.wire.strings import (
    Part,
    encode_astring,
    encode_atom,
    encode_keyword,
    encode_quoted,
)


def encode_search(search: Search) -> list[Part]:
    """The parts behind ``SEARCH``."""
    parts = _return_options(search.return_options)
    if search.charset is not None:
        parts += (b" CHARSET ", encode_astring(search.charset))
    return parts + _keys(search.keys)


def encode_sort(sort: Sort) -> list[Part]:
    """The parts behind ``SORT``."""
    criteria = b" ".join(map(_sort_key, sort.criteria))
    parts = _return_options(sort.return_options)
    parts += (b" (%b) " % criteria, encode_astring(sort.charset))
    return parts + _keys(sort.keys)


def encode_thread(thread: Thread) -> list[Part]:
    """The parts behind ``THREAD``."""
    parts: list[Part] = [b" ", encode_keyword(thread.algorithm), b" "]
    return [*parts, encode_astring(thread.charset), *_keys(thread.keys)]


def encode_search_key(key: SearchKey) -> list[Part]:
    """The parts of one key."""
    if isinstance(key, Not):
        return [b"NOT ", *encode_search_key(key.key)]
    if isinstance(key, Fuzzy):
        return [b"FUZZY ", *encode_search_key(key.key)]
    if isinstance(key, Or):
        return _or(key.keys)
    if isinstance(key, And):
        return [b"(", *_keys(key.keys)[1:], b")"]
    if isinstance(key, Contains | Header | Filter):
        return _with_strings(key)
    return [_without_strings(key)]


def _with_strings(key: Contains | Header | Filter) -> list[Part]:
    if isinstance(key, Contains):
        return [b"%b " % key.where.value.encode("ascii"), encode_astring(key.value)]
    if isinstance(key, Header):
        return [b"HEADER ", encode_astring(key.name), b" ", encode_astring(key.value)]
    return [b"FILTER ", encode_astring(key.name)]


def _without_strings(
    key: Plain | Keyword | On | Number | Sequence | ModSeq | ObjectId,
) -> bytes:
    if isinstance(key, Plain):
        return key.value.encode("ascii")
    if isinstance(key, Keyword):
        return (b"KEYWORD " if key.present else b"UNKEYWORD ") + encode_atom(key.flag)
    if isinstance(key, On):
        return b"%b %b" % (key.when.value.encode("ascii"), encode_date(key.date))
    if isinstance(key, Number):
        return b"%b %d" % (key.measure.value.encode("ascii"), key.value)
    if isinstance(key, Sequence):
        return (b"UID " if key.by_uid else b"") + key.numbers.encode()
    if isinstance(key, ModSeq):
        return _mod_seq(key)
    return b"%b %b" % (key.kind.encode("ascii"), encode_atom(key.value))


def _mod_seq(key: ModSeq) -> bytes:
    if key.entry_name is None or key.entry_type is None:
        return b"MODSEQ %d" % key.value
    entry_type = key.entry_type.encode("ascii")
    return b"MODSEQ %b %b %d" % (encode_quoted(key.entry_name), entry_type, key.value)


def _or(keys: tuple[SearchKey, ...]) -> list[Part]:
    if len(keys) < 2:
        raise EncodeError("OR takes two keys")
    parts: list[Part] = []
    for key in keys[:-1]:
        parts += (b"OR ", *encode_search_key(key), b" ")
    return parts + encode_search_key(keys[-1])


def _keys(keys: Iterable[SearchKey]) -> list[Part]:
    """All keys, a space before each."""
    parts: list[Part] = []
    for key in keys:
        parts += (b" ", *encode_search_key(key))
    if not parts:
        raise EncodeError("a search without keys")
    return parts


def _return_options(options: tuple[ReturnOption, ...] | None) -> list[Part]:
    if options is None:
        return []
    return [b" RETURN (%b)" % b" ".join(map(_return_option, options))]


def _return_option(option: ReturnOption) -> bytes:
    name = encode_keyword(option.name)
    return name if option.argument is None else b"%b %b" % (name, option.argument)


def _sort_key(key: SortKey) -> bytes:
    return (b"REVERSE " if key.reverse else b"") + encode_keyword(key.criterion)
