"""Hypothesis strategies for the values of the wire language."""

import datetime

from hypothesis import strategies as st

from imapproxy.wire import commands as c
from imapproxy.wire import fetch_items as fi
from imapproxy.wire import response_code as rc
from imapproxy.wire import responses as r
from imapproxy.wire import search_key as k
from imapproxy.wire.body_structure import BodyStructure, Disposition, Multipart, Part
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.envelope import Address, Envelope
from imapproxy.wire.fetch_att import (
    BinarySection,
    BinarySize,
    BodySection,
    Item,
    Macro,
    Partial,
    Preview,
    Section,
    SectionText,
)
from imapproxy.wire.flags import SYSTEM_FLAGS, Flag
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.secret import Secret
from imapproxy.wire.sequence_set import SAVED_RESULT, STAR, SequenceSet
from imapproxy.wire.tokens import Atom, Text, Token

_ATOM_CHARS = bytes(
    octet for octet in range(0x21, 0x7F) if octet not in b'(){%*"\\]'
)  # fmt: skip


def of_octets(alphabet: bytes, min_size: int = 0, max_size: int = 12) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(alphabet), min_size=min_size, max_size=max_size).map(bytes)


atoms = of_octets(_ATOM_CHARS, min_size=1)
words = of_octets(b"abcdefXYZ019-", min_size=1)
# Names that the grammar gives: upper case, and no number, which would be an argument.
names = of_octets(b"ABCXYZ-", min_size=1).map(lambda word: "X" + word.decode("ascii"))
tags = of_octets(b"abcXYZ0189.]-", min_size=1, max_size=6)
# What a string can hold, with everything that needs care.
texts = st.one_of(
    atoms,
    of_octets(b' "\\(){}%*]\t\x7fa0\xc3\xa9\xff', max_size=20),
    of_octets(b"\r\n{}5a", max_size=20),
    st.sampled_from([b"", b"NIL", b"nil", b"{5}\r\n", b"a" * 1500]),
)
messages = st.binary(max_size=60).map(lambda octets: octets.replace(b"\0", b"0"))
base_mailboxes = texts.map(WireMailbox)
mailboxes = base_mailboxes | st.sampled_from([WireMailbox(b"inbox"), WireMailbox(b"INBOX")])
secrets = texts.map(Secret)
numbers = st.integers(1, 2**32 - 1)
numbers64 = st.integers(1, 2**63 - 1)

_seq_numbers = st.one_of(st.integers(1, 20), numbers, st.just(STAR))
sequence_sets = st.lists(st.tuples(_seq_numbers, _seq_numbers), min_size=1, max_size=5).map(
    lambda ranges: SequenceSet(tuple(ranges))
)
uid_sets = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4).map(
    lambda ranges: SequenceSet(tuple(ranges))
)
sets_or_saved = st.one_of(sequence_sets, st.just(SAVED_RESULT))

keywords = words.map(Flag)
flags = st.one_of(st.sampled_from(SYSTEM_FLAGS), keywords, words.map(lambda w: Flag(b"\\x" + w)))
flag_tuples = st.lists(flags, max_size=4).map(tuple)

dates = st.dates(min_value=datetime.date(1, 1, 1))
zones = st.integers(-23 * 60, 23 * 60).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)
moments = st.datetimes(timezones=zones).map(lambda moment: moment.replace(microsecond=0))

parts = st.lists(st.integers(1, 99), max_size=4).map(tuple)
some_parts = st.lists(st.integers(1, 99), min_size=1, max_size=4).map(tuple)
partials = st.builds(Partial, st.integers(0, 2**32 - 1), numbers)


@st.composite
def sections(draw: st.DrawFn) -> Section:
    part = draw(parts)
    allowed = [None, SectionText.HEADER, SectionText.TEXT, SectionText.HEADER_FIELDS]
    allowed += [SectionText.HEADER_FIELDS_NOT] + ([SectionText.MIME] if part else [])
    text = draw(st.sampled_from(allowed))
    fields: tuple[bytes, ...] = ()
    if text in (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT):
        fields = tuple(draw(st.lists(words, min_size=1, max_size=3)))
    return Section(part, text, fields)


base_items = st.sampled_from(
    [
        Item.ENVELOPE, Item.FLAGS, Item.INTERNALDATE, Item.RFC822, Item.RFC822_HEADER,
        Item.RFC822_SIZE, Item.RFC822_TEXT, Item.BODY, Item.BODYSTRUCTURE, Item.UID,
    ]
)  # fmt: skip
body_sections = st.builds(BodySection, sections(), st.booleans(), st.none() | partials)
binary_sections = st.builds(BinarySection, some_parts, st.booleans(), st.none() | partials)
base_fetch_atts = st.one_of(base_items, body_sections)
fetch_atts = st.one_of(
    st.sampled_from(Item),
    body_sections,
    binary_sections,
    st.builds(BinarySize, parts),
    st.builds(Preview, st.booleans()),
)

_base_leaves = st.one_of(
    st.sampled_from([key for key in k.Plain if key is not k.Plain.SAVEDATESUPPORTED]),
    st.builds(k.Contains, st.sampled_from(list(k.In)[:7]), texts),
    st.builds(k.Header, texts, texts),
    st.builds(k.Keyword, keywords, st.booleans()),
    st.builds(k.On, st.sampled_from(list(k.When)[:6]), dates),
    st.builds(k.Number, st.sampled_from([k.Measure.LARGER, k.Measure.SMALLER]), numbers),
    st.builds(k.Sequence, sequence_sets, st.booleans()),
)
_leaves = st.one_of(
    _base_leaves,
    st.just(k.Plain.SAVEDATESUPPORTED),
    st.builds(k.Contains, st.sampled_from([k.In.X_GM_RAW, k.In.X_GM_LABELS]), texts),
    st.builds(k.On, st.sampled_from(k.When), dates),
    st.builds(k.Number, st.sampled_from(k.Measure), numbers),
    st.builds(k.Sequence, sets_or_saved, st.booleans()),
    st.builds(k.ModSeq, numbers64),
    st.builds(k.ModSeq, numbers64, st.just(b"/flags/\\Seen"), st.sampled_from(["all", "priv"])),
    st.builds(k.ObjectId, st.sampled_from(["EMAILID", "THREADID"]), words),
    st.builds(k.Filter, texts),
)


def _no_or(key: k.SearchKey) -> bool:
    return not isinstance(key, k.Or)


def _compound(inner: st.SearchStrategy[k.SearchKey]) -> st.SearchStrategy[k.SearchKey]:
    # An Or as the last of an Or is not a value of its own: it is the same chain.
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    alternatives = st.tuples(several, inner.filter(_no_or)).map(lambda two: (*two[0], two[1]))
    return st.one_of(
        st.builds(k.Not, inner), st.builds(k.And, several), st.builds(k.Or, alternatives)
    )


base_search_keys = st.recursive(_base_leaves, _compound, max_leaves=6)
search_keys = st.recursive(
    _leaves, lambda inner: _compound(inner) | st.builds(k.Fuzzy, inner), max_leaves=6
)
_base_programs = st.lists(base_search_keys, min_size=1, max_size=3).map(tuple)
_programs = st.lists(search_keys, min_size=1, max_size=3).map(tuple)
return_options = st.none() | st.lists(
    st.sampled_from(["MIN", "MAX", "ALL", "COUNT", "SAVE"]).map(k.ReturnOption)
    | st.just(k.ReturnOption("PARTIAL", b"-1:-100")),
    max_size=3,
).map(tuple)

_parameters = st.lists(
    st.builds(c.Parameter, names, st.none() | st.sampled_from([b"5", b"(a b)", b'"x"'])), max_size=2
).map(tuple)
_qresyncs = st.builds(
    c.QResync, numbers, numbers64, st.none() | uid_sets, st.none() | st.tuples(uid_sets, uid_sets)
)
_options = st.none() | st.lists(names, max_size=2).map(tuple)


@st.composite
def _lists(draw: st.DrawFn) -> c.List:
    patterns = draw(st.lists(mailboxes, min_size=1, max_size=3))
    returned = draw(_options)
    status: tuple[str, ...] = ()
    if returned and draw(st.booleans()):
        returned = (*returned, "STATUS")
        status = ("MESSAGES", "UIDNEXT")
    in_list = len(patterns) > 1 or draw(st.booleans())
    selection = draw(_options)
    return c.List(draw(mailboxes), tuple(patterns), selection, returned, status, in_list)


_catenate = st.lists(
    st.builds(c.CatenateText, messages, st.booleans()) | st.builds(c.CatenateUrl, texts),
    min_size=1,
    max_size=3,
).map(tuple)
_binary = st.booleans()
_plain_messages = st.builds(
    c.AppendMessage, messages, st.none() | flag_tuples, st.none() | moments, _binary
)
append_messages = st.one_of(
    _plain_messages,
    st.builds(c.AppendMessage, _catenate, st.none() | flag_tuples, st.none() | moments),
    st.builds(c.AppendMessage, messages, binary=st.just(True), utf8=st.just(True)),
)
_modseq = st.none() | numbers64
_actions = st.sampled_from(c.StoreAction)
_bools = st.booleans()

# Commands that imap-codec knows too: RFC 3501 and the extensions that it was built with.
base_bodies = st.one_of(
    st.sampled_from(
        [
            c.Capability(), c.Noop(), c.Logout(), c.StartTls(), c.Check(), c.Close(), c.Expunge(),
            c.Idle(), c.Unselect(),
        ]
    ),
    st.builds(c.Login, texts, secrets),
    st.builds(c.Select, base_mailboxes),
    st.builds(c.Examine, base_mailboxes),
    st.builds(c.Create, base_mailboxes),
    st.builds(c.Delete, base_mailboxes),
    st.builds(c.Rename, base_mailboxes, base_mailboxes),
    st.builds(c.Subscribe, base_mailboxes),
    st.builds(c.Unsubscribe, base_mailboxes),
    st.builds(c.List, base_mailboxes, st.tuples(base_mailboxes)),
    st.builds(c.Lsub, base_mailboxes, base_mailboxes),
    st.builds(
        c.Status,
        base_mailboxes,
        st.lists(st.sampled_from(["MESSAGES", "RECENT", "UIDNEXT", "UNSEEN"]), min_size=1).map(
            tuple
        ),
    ),
    st.builds(
        c.Append,
        base_mailboxes,
        st.tuples(st.builds(c.AppendMessage, messages, flag_tuples.filter(bool), moments)),
    ),
    st.builds(c.Expunge, sequence_sets),
    st.builds(c.Search, _base_programs, _bools, st.none(), st.none() | words),
    st.builds(
        c.Fetch,
        sequence_sets,
        st.sampled_from(Macro) | st.lists(base_fetch_atts, min_size=1, max_size=4).map(tuple),
        _bools,
    ),
    st.builds(c.Store, sequence_sets, _actions, flag_tuples, _bools, _bools),
    st.builds(c.Copy, sequence_sets, base_mailboxes, _bools),
    st.builds(c.Move, sequence_sets, base_mailboxes, _bools),
    st.builds(
        c.Sort,
        st.lists(st.builds(c.SortKey, st.sampled_from(["DATE", "SIZE", "CC"]), _bools), min_size=1)
        .map(tuple),
        words,
        _base_programs,
        _bools,
    ),
    st.builds(
        c.Thread, st.sampled_from(["REFERENCES", "ORDEREDSUBJECT"]), words, _base_programs, _bools
    ),
    st.builds(c.GetQuota, texts),
    st.builds(c.GetQuotaRoot, base_mailboxes),
)  # fmt: skip

extended_bodies = st.one_of(
    st.just(c.Namespace()),
    st.builds(
        c.Id,
        st.none() | st.lists(st.tuples(texts, st.none() | texts), max_size=3).map(tuple),
    ),
    st.builds(
        c.Authenticate,
        names,
        st.none() | st.sampled_from([b"=", b"AGpvZQBwdw==", b"Zm9v"]).map(Secret),
    ),
    st.builds(c.Enable, st.lists(names, min_size=1, max_size=3).map(tuple)),
    st.builds(c.Compress, st.just("DEFLATE")),
    st.builds(c.Select, mailboxes, _bools, st.none() | _qresyncs, _parameters),
    st.builds(c.Examine, mailboxes, _bools, st.none() | _qresyncs, _parameters),
    st.builds(
        c.Create,
        mailboxes,
        st.none() | st.just((Flag(b"\\Sent"),)) | st.just(()),
        _parameters,
    ),
    st.builds(c.Rename, mailboxes, mailboxes, _parameters),
    _lists(),
    st.builds(c.Find, mailboxes, _bools),
    st.builds(c.Status, mailboxes, st.lists(names, min_size=1, max_size=3).map(tuple)),
    st.builds(c.Append, mailboxes, st.lists(append_messages, min_size=1, max_size=3).map(tuple)),
    st.builds(c.Replace, numbers, mailboxes, append_messages, _bools),
    st.builds(c.SetAcl, mailboxes, texts, texts),
    st.builds(c.DeleteAcl, mailboxes, texts),
    st.builds(c.ListRights, mailboxes, texts),
    st.builds(c.GetAcl, mailboxes),
    st.builds(c.MyRights, mailboxes),
    st.builds(c.SetQuota, texts, st.lists(st.tuples(names, numbers), max_size=2).map(tuple)),
    st.builds(c.Expunge, sets_or_saved),
    st.builds(c.Search, _programs, _bools, return_options, st.none() | texts),
    st.builds(
        c.Sort,
        st.lists(st.builds(c.SortKey, names, _bools), min_size=1, max_size=3).map(tuple),
        texts,
        _programs,
        _bools,
        return_options,
    ),
    st.builds(c.Thread, names, texts, _programs, _bools),
    st.builds(
        c.Fetch,
        sets_or_saved,
        st.sampled_from(Macro) | st.lists(fetch_atts, min_size=1, max_size=4).map(tuple),
        _bools,
        _modseq,
        _bools,
        _parameters,
    ),
    st.builds(c.Partial, numbers, base_fetch_atts, numbers, numbers),
    st.builds(
        c.Store,
        sets_or_saved,
        _actions,
        flag_tuples,
        _bools,
        _bools,
        st.none() | st.integers(0, 2**63 - 1),
        _parameters,
    ),
    st.builds(
        c.Store,
        sets_or_saved,
        _actions,
        st.lists(texts.filter(lambda text: not text.startswith(b"\\")), max_size=3).map(tuple),
        item=st.just("X-GM-LABELS"),
    ),
)
bodies = st.one_of(base_bodies, extended_bodies)
commands = st.builds(c.Command, tags, bodies)
base_commands = st.builds(c.Command, tags, base_bodies)

# --- responses ---------------------------------------------------------------------------------

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
