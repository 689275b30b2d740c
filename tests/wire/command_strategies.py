"""Hypothesis strategies for commands."""

from hypothesis import strategies as st

from imapproxy.wire import commands as c
from imapproxy.wire import search_key as k
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
from imapproxy.wire.flags import Flag
from imapproxy.wire.secret import Secret
from tests.wire.strategies import (
    base_mailboxes,
    dates,
    flag_tuples,
    keywords,
    mailboxes,
    messages,
    moments,
    names,
    numbers,
    numbers64,
    secrets,
    sequence_sets,
    sets_or_saved,
    tags,
    texts,
    uid_sets,
    words,
)

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
    st.builds(c.CatenateText, messages, st.booleans(), st.booleans())
    | st.builds(c.CatenateUrl, texts),
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

_events = st.lists(
    st.builds(
        c.NotifyEvent,
        st.sampled_from(["MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE", "X-OTHER"]),
        st.lists(base_fetch_atts, max_size=2).map(tuple),
    ),
    max_size=3,
).map(tuple)
_event_groups = st.builds(
    c.EventGroup, st.sampled_from(["SELECTED", "SELECTED-DELAYED", "PERSONAL"]), _events
) | st.builds(
    c.EventGroup,
    st.sampled_from(["SUBTREE", "MAILBOXES"]),
    _events,
    st.lists(mailboxes, min_size=1, max_size=2).map(tuple),
)

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
    st.builds(
        c.GetMetadata,
        mailboxes,
        st.lists(texts.map(lambda text: b"/" + text), min_size=1, max_size=3).map(tuple),
        st.none() | st.integers(0, 2**32 - 1),
        st.sampled_from([0, 1, None]),
    ),
    st.builds(
        c.SetMetadata,
        mailboxes,
        st.lists(st.tuples(texts, st.none() | texts), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(c.CancelUpdate, st.lists(tags, min_size=1, max_size=3).map(tuple)),
    st.builds(c.Notify, st.lists(_event_groups, min_size=1, max_size=3).map(tuple), _bools),
    st.just(c.Notify()),
    st.builds(c.GenUrlAuth, st.lists(st.tuples(texts, names), min_size=1, max_size=2).map(tuple)),
    st.builds(c.UrlFetch, st.lists(texts, min_size=1, max_size=2).map(tuple)),
    st.builds(c.ResetKey, mailboxes, st.lists(names, max_size=2).map(tuple)),
    st.just(c.ResetKey()),
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
