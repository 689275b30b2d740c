"""Responses as servers write them: the examples of the RFCs, and what servers do differently."""

import datetime

import pytest

from imapproxy.wire import response_code as rc
from imapproxy.wire import responses as r
from imapproxy.wire.body_structure import Disposition, Multipart, Part
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.encode_response import encode_response
from imapproxy.wire.envelope import Address
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.flags import ANY_KEYWORD, DELETED, RECENT, SEEN
from imapproxy.wire.responses import Condition
from imapproxy.wire.sequence_set import SequenceSet
from imapproxy.wire.tokens import Text


def numbers(text: bytes) -> SequenceSet:
    return SequenceSet.decode(text)


def ok(text: bytes, code: rc.ResponseCode | None = None) -> r.StatusResponse:
    return r.StatusResponse(Condition.OK, text, code)


def fetch(number: int, *items: tuple[str, bytes]) -> r.FetchData:
    return r.FetchData(number, tuple(r.FetchItem(*item) for item in items))


# The examples of RFC 3501 and RFC 9051 section 7, then those of extensions. All of them are
# written again as they stand here.
EXAMPLES = [
    (b"* OK IMAP4rev1 server ready", ok(b"IMAP4rev1 server ready")),
    (b"* OK [ALERT] System shutdown in 10 minutes", ok(b"System shutdown in 10 minutes", rc.ALERT)),
    (b"* NO Disk is 98% full, please delete unnecessary data",
     r.StatusResponse(Condition.NO, b"Disk is 98% full, please delete unnecessary data")),
    (b"A222 NO COPY failed: disk is full",
     r.StatusResponse(Condition.NO, b"COPY failed: disk is full", tag=b"A222")),
    (b"* BAD Disk crash, attempting salvage to a new disk!",
     r.StatusResponse(Condition.BAD, b"Disk crash, attempting salvage to a new disk!")),
    (b"* PREAUTH IMAP4rev1 server logged in as Smith",
     r.StatusResponse(Condition.PREAUTH, b"IMAP4rev1 server logged in as Smith")),
    (b"* BYE Autologout; idle for too long",
     r.StatusResponse(Condition.BYE, b"Autologout; idle for too long")),
    (b"* OK [UNSEEN 17] Message 17 is the first unseen message",
     ok(b"Message 17 is the first unseen message", rc.Count("UNSEEN", 17))),
    (b"* OK [UIDNEXT 4392] Predicted next UID",
     ok(b"Predicted next UID", rc.Count("UIDNEXT", 4392))),
    (b"* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited",
     ok(b"Limited", rc.PermanentFlags((DELETED, SEEN, ANY_KEYWORD)))),
    (b"A142 OK [READ-WRITE] SELECT completed",
     r.StatusResponse(Condition.OK, b"SELECT completed", rc.READ_WRITE, b"A142")),
    (b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=GSSAPI XPIG-LATIN",
     r.CapabilityData(Capabilities(["IMAP4rev1", "STARTTLS", "AUTH=GSSAPI", "XPIG-LATIN"]))),
    (b'* LIST (\\Noselect) "/" ~/Mail/foo', r.ListData(b"~/Mail/foo", b"/", (b"\\Noselect",))),
    (b'* LSUB () "." #news.comp.mail.misc', r.LsubData(b"#news.comp.mail.misc", b".")),
    (b"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)",
     r.StatusData(b"blurdybloop", (("MESSAGES", 231), ("UIDNEXT", 44292)))),
    (b"* SEARCH 2 3 6", r.SearchData((2, 3, 6))),
    (b"* SEARCH", r.SearchData(())),
    (b"* FLAGS (\\Seen \\Deleted)", r.FlagsData((SEEN, DELETED))),
    (b"* 23 EXISTS", r.Exists(23)),
    (b"* 5 RECENT", r.Recent(5)),
    (b"* 44 EXPUNGE", r.Expunged(44)),
    (b"* 23 FETCH (FLAGS (\\Seen) RFC822.SIZE 44827)",
     fetch(23, ("FLAGS", b"(\\Seen)"), ("RFC822.SIZE", b"44827"))),
    (b"* 12 FETCH (BODY[HEADER] {3}\r\na\r\n)", fetch(12, ("BODY[HEADER]", b"{3}\r\na\r\n"))),
    (b"+ Ready for additional command text",
     r.ContinuationRequest(b"Ready for additional command text")),
    # RFC 9051
    (b'* LIST () "/" foo ("CHILDINFO" ("SUBSCRIBED"))',
     r.ListData(b"foo", b"/", (), ((b"CHILDINFO", (Text(b"SUBSCRIBED"),)),))),
    (b'* NAMESPACE (("" "/")) NIL (("Public/" "/"))',
     r.NamespaceData((r.NamespaceEntry(b"", b"/"),), None, (r.NamespaceEntry(b"Public/", b"/"),))),
    (b'* ESEARCH (TAG "A282") UID MIN 2 COUNT 3 ALL 2,10:11',
     r.ESearchData(b"A282", True, 2, None, 3, numbers(b"2,10:11"))),
    (b"* ENABLED CONDSTORE", r.EnabledData(Capabilities(["CONDSTORE"]))),
    # RFC 2087, 2971, 4314, 4315, 5256, 5464, 5530, 7162, 8474
    (b'* QUOTA "" (STORAGE 10 512)', r.QuotaData(b"", (("STORAGE", 10, 512),))),
    (b'* QUOTAROOT INBOX ""', r.QuotaRootData(b"INBOX", (b"",))),
    (b'* ID ("name" "Cyrus" "version" NIL)', r.IdData(((b"name", b"Cyrus"), (b"version", None)))),
    (b"* ACL INBOX Fred rwipslda test c",
     r.AclData(b"INBOX", ((b"Fred", b"rwipslda"), (b"test", b"c")))),
    (b"* LISTRIGHTS x smith la r swicd",
     r.ListRightsData(b"x", b"smith", b"la", (b"r", b"swicd"))),
    (b"* MYRIGHTS INBOX rwiptsldaex", r.MyRightsData(b"INBOX", b"rwiptsldaex")),
    (b"A003 OK [APPENDUID 38505 3955] APPEND completed",
     r.StatusResponse(Condition.OK, b"APPEND completed",
                      rc.AppendUid(38505, numbers(b"3955")), b"A003")),
    (b"A004 OK [COPYUID 38505 304,319:320 3956:3958] Done",
     r.StatusResponse(Condition.OK, b"Done",
                      rc.CopyUid(38505, numbers(b"304,319:320"), numbers(b"3956:3958")), b"A004")),
    (b"* SORT 5 3 4 (MODSEQ 917162500)", r.SortData((5, 3, 4), 917162500)),
    (b"* THREAD (2)(3 6 (4 23)(44 7 96))",
     r.ThreadData((
         r.ThreadNode((2,)),
         r.ThreadNode((3, 6), (r.ThreadNode((4, 23)), r.ThreadNode((44, 7, 96)))),
     ))),
    (b"* THREAD ((3)(5))",
     r.ThreadData((r.ThreadNode((), (r.ThreadNode((3,)), r.ThreadNode((5,)))),))),
    (b"* NO [METADATA LONGENTRIES 2199] too long",
     r.StatusResponse(Condition.NO, b"too long",
                      rc.OpaqueCode("METADATA", b"LONGENTRIES 2199"))),
    (b"A1 NO [AUTHENTICATIONFAILED] wrong",
     r.StatusResponse(Condition.NO, b"wrong", rc.AUTHENTICATIONFAILED, b"A1")),
    (b"* OK [HIGHESTMODSEQ 715194045007] Highest",
     ok(b"Highest", rc.Count("HIGHESTMODSEQ", 715194045007))),
    (b"A1 OK [MODIFIED 7,9] failed",
     r.StatusResponse(Condition.OK, b"failed", rc.Modified(numbers(b"7,9")), b"A1")),
    (b"* VANISHED (EARLIER) 41,43:116", r.Vanished(numbers(b"41,43:116"), True)),
    (b"* VANISHED 405", r.Vanished(numbers(b"405"))),
    (b"* OK [MAILBOXID (F2212ea87)] Ok", ok(b"Ok", rc.MailboxId(b"F2212ea87"))),
    (b"* STATUS foo (MAILBOXID (F22) SIZE 5 APPENDLIMIT NIL)",
     r.StatusData(b"foo", (("MAILBOXID", b"F22"), ("SIZE", 5), ("APPENDLIMIT", None)))),
    (b"* NO [BADCHARSET (UTF-8 US-ASCII)] no",
     r.StatusResponse(Condition.NO, b"no", rc.BadCharset((b"UTF-8", b"US-ASCII")))),
    (b"* NO [BADURL /x;UID=2] no",
     r.StatusResponse(Condition.NO, b"no", rc.StringCode("BADURL", b"/x;UID=2"))),
    (b"* XLIST (\\HasNoChildren) \"/\" x",
     r.OpaqueData("XLIST", b"* XLIST (\\HasNoChildren) \"/\" x\r\n")),
    (b"* 5 X-FOO {2}\r\n\r\n", r.OpaqueData("X-FOO", b"* 5 X-FOO {2}\r\n\r\n\r\n", 5)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), EXAMPLES, ids=lambda value: str(value)[:60])
def test_examples(text, expected):
    assert decode_response(text + b"\r\n") == expected
    assert encode_response(expected) == text + b"\r\n"


# What servers are known to send, though the grammar is not so.
LENIENT = [
    (b"A1 OK", r.StatusResponse(Condition.OK, tag=b"A1")),
    (b"* BAD", r.StatusResponse(Condition.BAD)),
    (b"* OK [UNSEEN 1]", ok(b"", rc.Count("UNSEEN", 1))),
    (b"* ok [uidnext 5 ] x", ok(b"x", rc.Count("UIDNEXT", 5))),
    (b"* OK [] x", ok(b"[] x")),
    (b"* OK [unclosed", ok(b"[unclosed")),
    (b"* OK [UIDNEXT abc] x", ok(b"x", rc.OpaqueCode("UIDNEXT", b"abc"))),
    (b"* OK [PERMANENTFLAGS (OIB-Seen-[Gmail]/All)] x",
     ok(b"x", rc.PermanentFlags((b"OIB-Seen-[Gmail]/All",)))),
    (b"+", r.ContinuationRequest()),
    (b"* CAPABILITY IMAP4 IMAP4rev1 ", r.CapabilityData(Capabilities(["IMAP4", "IMAP4rev1"]))),
    (b"* SEARCH 1 2 ", r.SearchData((1, 2))),
    (b"* SEARCH ", r.SearchData(())),
    (b"* FLAGS (\\seen  \\recent )", r.FlagsData((SEEN, RECENT))),
    (b"*  3 EXISTS", r.Exists(3)),
    (b'* LIST () "\\" "a\\\\b"', r.ListData(b"a\\b", b"\\")),
    (b'* LIST NIL "" x', r.ListData(b"x", None)),
    (b'* LIST () "/" a%b\\*', r.ListData(b"a%b\\*", b"/")),
    (b"* LIST () NIL {3}\r\na b", r.ListData(b"a b", None)),
    (b"* STATUS {3}\r\na b (MESSAGES 1 ) ", r.StatusData(b"a b", (("MESSAGES", 1),))),
    (b"* STATUS x ()", r.StatusData(b"x", ())),
    (b"* ESEARCH", r.ESearchData()),
    (b"* ID ()", r.IdData(())),
    (b"* 1 FETCH (UID 5  FLAGS () )", fetch(1, ("UID", b"5"), ("FLAGS", b"()"))),
    (b"*  1 FETCH (UID 5)", fetch(1, ("UID", b"5"))),
    (b"* 1 FETCH ()", fetch(1)),
    (b"* 1 fetch (uid 5 Body[Header.Fields (\"From\" {2}\r\nTo)]<0> NIL)",
     fetch(1, ("UID", b"5"), ("BODY[HEADER.FIELDS (FROM TO)]<0>", b"NIL"))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), LENIENT, ids=lambda value: str(value)[:60])
def test_what_servers_do_differently(text, expected):
    assert decode_response(text + b"\r\n") == expected


WRONG = [
    b"",
    b"OK",
    b"A1 WHAT",
    b"A1 OKAY",
    b"*",
    b"* ",
    b"* 5",
    b"* 0 EXPUNGE",
    b"* 0 FETCH (UID 5)",
    b"* 4294967296 FETCH (UID 5)",
    b"* 5 EXPUNGE x",
    b"* SEARCH x",
    b"* SEARCH 99999999999",
    b"* LIST x",
    b"* STATUS x",
    b"* VANISHED x",
    b"* NAMESPACE NIL",
    b"* THREAD (1",
    b"* THREAD 1)",
    b"* THREAD (1 (2)(3) 4)",
    b"* 1 FETCH (UID 5",
    b"* 1 FETCH (UID)",
    b"* 1 FETCH (UID 5) x",
    b"* 1 FETCH (BODY[] {5}\r\nabc)",
    b"* 1 FETCH (ENVELOPE (((",
    b'* 1 FETCH (X "unclosed)',
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong(text):
    with pytest.raises(DecodeError):
        decode_response(text + b"\r\n")


def test_a_response_without_its_end():
    with pytest.raises(DecodeError):
        decode_response(b"* OK hello")


def test_threads_nest_as_deep_as_discussions():
    deep = b"* THREAD " + b"(1 " * 150 + b"(2)(3)" + b")" * 150 + b"\r\n"
    assert encode_response(decode_response(deep)) == deep
    with pytest.raises(DecodeError):
        decode_response(b"* THREAD " + b"(1 " * 5000 + b")" * 5000 + b"\r\n")


RFC_3501_FETCH = (
    b'* 12 FETCH (FLAGS (\\Seen) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 4286 '
    b'ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" '
    b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
    b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
    b'(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) '
    b'((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL '
    b'"<B27397-0100000@cac.washington.edu>") BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL '
    b'"7BIT" 3028 92) UID 117 MODSEQ (624140003) BODY[] {2}\r\n\r\n '
    b'X-GM-LABELS (\\Inbox "a b"))\r\n'
)


def test_the_values_of_a_fetch_response():
    data = decode_response(RFC_3501_FETCH)
    zone = datetime.timezone(datetime.timedelta(hours=-7))
    assert data.uid == 117
    assert data.flags == (SEEN,)
    assert data.size == 4286
    assert data.mod_seq == 624140003
    assert data.internal_date == datetime.datetime(1996, 7, 17, 2, 44, 25, tzinfo=zone)
    assert data.string("BODY[]") == b"\r\n"
    assert data.value("x-gm-labels") == b'(\\Inbox "a b")'
    assert data.body_structure == Part(
        b"TEXT", b"PLAIN", ((b"CHARSET", b"US-ASCII"),), size=3028, lines=92
    )
    envelope = data.envelope
    assert envelope.subject == b"IMAP4rev1 WG mtg summary and minutes"
    assert envelope.cc[1] == Address(b"John Klensin", None, b"KLENSIN", b"MIT.EDU")
    assert envelope.bcc == ()
    assert encode_response(data) == RFC_3501_FETCH


def test_what_a_fetch_response_has_not():
    data = decode_response(b"* 1 FETCH (BODY[] NIL)\r\n")
    assert (data.uid, data.flags, data.mod_seq, data.size) == (None,) * 4
    assert (data.internal_date, data.envelope, data.body_structure) == (None,) * 3
    assert data.string("BODY[]") is None


@pytest.mark.parametrize("name", ["uid", "flags", "mod_seq", "size", "internal_date", "envelope",
                                  "body_structure"])  # fmt: skip
def test_values_that_are_not_of_their_grammar(name):
    octets = (
        b"* 1 FETCH (UID 5x FLAGS x MODSEQ () RFC822.SIZE -1 INTERNALDATE NIL ENVELOPE (NIL) "
        b"BODYSTRUCTURE (x))\r\n"
    )
    with pytest.raises(DecodeError):
        getattr(decode_response(octets), name)


def structure(text: bytes) -> Part | Multipart | None:
    return decode_response(b"* 1 FETCH (BODYSTRUCTURE " + text + b")\r\n").body_structure


def test_a_multipart():
    text = (
        b'(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)'
        b'("APPLICATION" "PDF" ("NAME" "a.pdf") "<1@x>" "a file" "BASE64" 4554 NIL '
        b'("attachment" ("filename" "a.pdf")) ("en" "de") "http://x") "MIXED" '
        b'("BOUNDARY" "x") NIL "en")'
    )
    read = structure(text)
    assert read.subtype == b"MIXED"
    assert read.parameters == ((b"BOUNDARY", b"x"),)
    assert read.language == (b"en",)
    pdf = read.parts[1]
    assert pdf.disposition == Disposition(b"attachment", ((b"filename", b"a.pdf"),))
    assert (pdf.id, pdf.description, pdf.location) == (b"<1@x>", b"a file", b"http://x")
    assert pdf.language == (b"en", b"de")


def test_a_message_in_a_message():
    text = (
        b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 400 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) '
        b'("TEXT" "HTML" NIL NIL NIL "8BIT" 3 1) 12 NIL NIL NIL NIL)'
    )
    read = structure(text)
    assert read.envelope.subject == b"inner"
    assert read.body.subtype == b"HTML"
    assert read.lines == 12


@pytest.mark.parametrize("text", [
    # No envelope and body of a message that was attached in base64.
    b'("MESSAGE" "RFC822" NIL NIL NIL "BASE64" 400 NIL ("attachment" NIL) NIL NIL)',
    # A space between parts, no encoding, "()" for no parameters.
    b'(("TEXT" "PLAIN" () NIL NIL NIL NIL 1) ("TEXT" "HTML" NIL NIL NIL "7BIT" 1 1) "MIXED")',
    # A disposition without its list, a parameter without its value.
    b'("TEXT" "PLAIN" ("NAME" NIL) NIL NIL "7BIT" 1 1 NIL "inline")',
    b'("TEXT"  "PLAIN"  NIL  NIL  NIL  "7BIT"  1  1 )',
])  # fmt: skip
def test_structures_that_servers_send(text):
    assert structure(text) is not None


def test_structures_have_a_limit():
    one = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)'
    assert structure(b"(" * 30 + one + b' "MIXED")' * 30)
    with pytest.raises(DecodeError, match="nested"):
        structure(b"(" * 3000 + one + b' "MIXED")' * 3000)
