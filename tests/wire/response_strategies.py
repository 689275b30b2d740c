"""Hypothesis strategies for responses."""

from hypothesis import strategies as st

from imapproxy.wire import fetch_items as fi
from imapproxy.wire import response_code as rc
from imapproxy.wire import responses as r
from imapproxy.wire.body_structure import BodyStructure, Disposition, Multipart, Part
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.envelope import Address, Envelope
from imapproxy.wire.flags import Flag
from imapproxy.wire.sequence_set import SequenceSet
from imapproxy.wire.tokens import Atom, Text, Token
from tests.wire.strategies import (
    base_mailboxes,
    flag_tuples,
    mailboxes,
    messages,
    moments,
    names,
    numbers,
    numbers64,
    of_octets,
    tags,
    texts,
    uid_sets,
    words,
)

lines = of_octets(b'abc XYZ()"{}%*\\0-', min_size=1, max_size=20).filter(
    # Text that begins with "[" would be a code, and a space would be lost behind one.
    lambda text: not text.startswith(b" ")
)
nstrings = st.none() | texts
addresses = st.lists(st.builds(Address, nstrings, nstrings, nstrings, nstrings), max_size=3).map(
    tuple
)
envelopes = st.builds(
    Envelope,
    nstrings, nstrings,
    addresses, addresses, addresses, addresses, addresses, addresses,
    nstrings, nstrings,
)  # fmt: skip

_pairs = st.lists(st.tuples(texts, texts), max_size=2).map(tuple)
_dispositions = st.none() | st.builds(Disposition, texts, _pairs)
_languages = st.lists(texts, max_size=3).map(tuple)


def _tokens_of(atoms_in_them: st.SearchStrategy[bytes]) -> st.SearchStrategy[Token]:
    return st.recursive(
        st.builds(Text, texts) | st.builds(Atom, atoms_in_them),
        lambda inner: st.lists(inner, min_size=1, max_size=3).map(tuple),
        max_leaves=4,
    )


_tokens = _tokens_of(words)
# body-extension = nstring / number / "(" body-extension *(SP body-extension) ")"
_body_tokens = _tokens_of(numbers.map(lambda number: b"%d" % number) | st.just(b"NIL"))
_extensions = st.lists(_body_tokens, max_size=2).map(tuple)
_tails = {
    "disposition": _dispositions,
    "language": _languages,
    "location": nstrings,
    "extension": _extensions,
}
_sizes = st.integers(0, 2**32 - 1)


def _single(**more: st.SearchStrategy[object]) -> st.SearchStrategy[Part]:
    # ``md5`` goes by name, since ``lines``, ``envelope`` and ``body`` may be left out.
    return st.builds(
        Part,
        parameters=_pairs,
        id=nstrings,
        description=nstrings,
        encoding=texts,
        size=_sizes,
        md5=nstrings,
        **{**_tails, **more},
    )


_leaf_parts = st.one_of(
    _single(type=st.just(b"TEXT"), subtype=texts, lines=_sizes),
    _single(type=st.sampled_from([b"IMAGE", b"application"]), subtype=texts),
)


def _branch_parts(inner: st.SearchStrategy[BodyStructure]) -> st.SearchStrategy[BodyStructure]:
    inner_parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Multipart, inner_parts, texts, _pairs, **_tails),
        _single(
            type=st.just(b"MESSAGE"),
            subtype=st.just(b"RFC822"),
            lines=_sizes,
            envelope=envelopes,
            body=inner,
        ),
    )


body_structures = st.recursive(_leaf_parts, _branch_parts, max_leaves=5)

capabilities = st.lists(words.map(lambda word: word.decode("ascii")), min_size=1, max_size=4).map(
    Capabilities
)
base_codes = st.one_of(
    st.sampled_from([rc.ALERT, rc.PARSE, rc.READ_ONLY, rc.READ_WRITE, rc.TRYCREATE]),
    st.builds(rc.Count, st.sampled_from(["UIDNEXT", "UIDVALIDITY", "UNSEEN"]), numbers),
    st.builds(rc.CapabilityCode, capabilities),
    st.builds(rc.PermanentFlags, flag_tuples),
    st.builds(rc.AppendUid, numbers, numbers.map(lambda uid: SequenceSet(((uid, uid),)))),
    st.builds(rc.CopyUid, numbers, uid_sets, uid_sets),
)
codes = st.one_of(
    base_codes,
    names.map(rc.Word),
    st.builds(rc.Count, st.just("HIGHESTMODSEQ"), numbers64),
    st.builds(rc.BadCharset, st.lists(words, max_size=3).map(tuple)),
    st.builds(rc.Modified, uid_sets),
    st.builds(rc.MailboxId, words),
    st.builds(rc.StringCode, st.sampled_from(["BADURL", "UNDEFINED-FILTER"]), words),
    st.builds(rc.OpaqueCode, names, words),
)
_delimiters = st.none() | st.sampled_from([b"/", b".", b"\\", b'"'])
_attributes = st.lists(words.map(lambda word: Flag(b"\\X" + word)), max_size=3).map(tuple)
_conditions = st.sampled_from([r.Condition.OK, r.Condition.NO, r.Condition.BAD])
# imap-codec has a reader of its own for greetings, and takes PREAUTH there alone.
_not_greeting = _conditions | st.just(r.Condition.BYE)
_untagged = st.builds(r.StatusResponse, _not_greeting, lines, st.none() | base_codes)
_tagged = st.builds(r.StatusResponse, _conditions, lines, st.none() | base_codes, tags)

fetch_items = st.one_of(
    st.builds(fi.number_item, st.sampled_from(["UID", "RFC822.SIZE"]), numbers),
    st.builds(fi.flags_item, flag_tuples),
    st.builds(fi.date_item, st.just("INTERNALDATE"), moments),
    st.builds(fi.string_item, st.sampled_from(["BODY[]", "BODY[1.2.MIME]", "RFC822"]), nstrings),
    st.builds(fi.literal_item, st.sampled_from(["BODY[TEXT]<0>", "RFC822.HEADER"]), messages),
    st.builds(fi.envelope_item, envelopes),
    st.builds(fi.body_structure_item, body_structures, extended=st.booleans()),
)
binary_items = st.builds(
    fi.literal_item, st.just("BINARY[1]"), st.binary(max_size=20), binary=st.just(True)
)
_threads = st.recursive(
    st.builds(r.ThreadNode, st.lists(numbers, min_size=1, max_size=3).map(tuple), st.just(())),
    lambda inner: st.one_of(
        st.builds(
            r.ThreadNode,
            st.lists(numbers, min_size=1, max_size=2).map(tuple),
            st.lists(inner, min_size=2, max_size=3).map(tuple),
        ),
        st.builds(r.ThreadNode, st.just(()), st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=4,
)
_found = st.lists(numbers, max_size=5).map(tuple)

base_responses = st.one_of(
    _untagged,
    _tagged,
    st.builds(r.CapabilityData, capabilities),
    st.builds(r.ListData, base_mailboxes, _delimiters, _attributes),
    st.builds(r.LsubData, base_mailboxes, _delimiters, _attributes),
    st.builds(
        r.StatusData,
        base_mailboxes,
        st.lists(st.tuples(st.sampled_from(["MESSAGES", "UIDNEXT", "UNSEEN"]), numbers), min_size=1)
        .map(tuple),
    ),
    st.builds(r.SearchData, _found),
    st.builds(r.SortData, _found),
    st.builds(r.ThreadData, st.lists(_threads, min_size=1, max_size=3).map(tuple)),
    st.builds(r.FlagsData, flag_tuples),
    st.builds(r.Exists, numbers),
    st.builds(r.Recent, numbers),
    st.builds(r.Expunged, numbers),
    st.builds(r.FetchData, numbers, st.lists(fetch_items, min_size=1, max_size=3).map(tuple)),
)  # fmt: skip
_entries = st.none() | st.lists(
    st.builds(
        r.NamespaceEntry, base_mailboxes, _delimiters, st.lists(_tokens, max_size=2).map(tuple)
    ),
    min_size=1,
    max_size=2,
).map(tuple)
extended_responses = st.one_of(
    st.builds(
        r.FetchData,
        numbers,
        st.lists(fetch_items | binary_items, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(r.StatusResponse, st.sampled_from(r.Condition), lines, codes),
    st.builds(r.ContinuationRequest, lines),
    st.builds(r.EnabledData, capabilities),
    st.builds(
        r.ListData,
        mailboxes,
        _delimiters,
        _attributes,
        st.lists(st.tuples(texts, _tokens), max_size=2).map(tuple),
    ),
    st.builds(r.NamespaceData, _entries, _entries, _entries),
    st.builds(
        r.StatusData,
        mailboxes,
        st.lists(st.tuples(names, numbers64 | words | st.none()), max_size=3).map(tuple),
    ),
    st.builds(r.SearchData, _found, numbers64),
    st.builds(
        r.ESearchData,
        st.none() | tags,
        st.booleans(),
        st.none() | numbers,
        st.none() | numbers,
        st.none() | numbers,
        st.none() | uid_sets,
        st.none() | numbers64,
        st.just(()) | st.just((("PARTIAL", b"(1:10 2,5)"),)),
    ),
    st.builds(r.Vanished, uid_sets, st.booleans()),
    st.builds(r.IdData, st.none() | st.lists(st.tuples(texts, nstrings), max_size=3).map(tuple)),
    st.builds(
        r.QuotaData, texts, st.lists(st.tuples(names, numbers, numbers), max_size=2).map(tuple)
    ),
    st.builds(r.QuotaRootData, mailboxes, st.lists(texts, max_size=3).map(tuple)),
    st.builds(r.AclData, mailboxes, st.lists(st.tuples(texts, texts), max_size=2).map(tuple)),
    st.builds(r.ListRightsData, mailboxes, texts, texts, st.lists(texts, max_size=3).map(tuple)),
    st.builds(r.MyRightsData, mailboxes, texts),
)
responses = st.one_of(base_responses, extended_responses)
