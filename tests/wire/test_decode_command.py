"""Commands as clients write them: the examples of the RFCs, odd spellings, and what is wrong."""

import datetime

import pytest

from imapproxy.wire import commands as c
from imapproxy.wire import search_key as k
from imapproxy.wire.decode_command import CommandError, decode_command
from imapproxy.wire.fetch_att import (
    BodySection,
    Item,
    Macro,
    OpaqueAtt,
    Preview,
    Section,
    SectionText,
)
from imapproxy.wire.flags import DELETED, FLAGGED, SEEN
from imapproxy.wire.secret import Secret
from imapproxy.wire.sequence_set import SAVED_RESULT, SequenceSet


def body(text: bytes, *, lenient: bool = False) -> c.CommandBody:
    return decode_command(b"a1 " + text + b"\r\n", lenient=lenient).body


def numbers(text: bytes) -> SequenceSet:
    return SequenceSet.decode(text)


JULY = datetime.date(1994, 2, 1)
ZONE = datetime.timezone(datetime.timedelta(hours=-8))
HEADER_FIELDS = Section((), SectionText.HEADER_FIELDS, (b"Date", b"From"))

# The examples of RFC 3501 and RFC 9051 section 6, in their order, then those of extensions.
EXAMPLES = [
    (b"CAPABILITY", c.Capability()),
    (b"NOOP", c.Noop()),
    (b"LOGOUT", c.Logout()),
    (b"STARTTLS", c.StartTls()),
    (b"AUTHENTICATE GSSAPI", c.Authenticate("GSSAPI")),
    (b"AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=",
     c.Authenticate("PLAIN", Secret(b"dGVzdAB0ZXN0AHRlc3Q="))),
    (b"AUTHENTICATE external =", c.Authenticate("EXTERNAL", Secret(b"="))),
    (b"LOGIN SMITH SESAME", c.Login(b"SMITH", Secret(b"SESAME"))),
    (b"LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man", c.Login(b"FRED FOOBAR", Secret(b"fat man"))),
    (b"SELECT INBOX", c.Select(b"INBOX")),
    (b"EXAMINE blurdybloop", c.Examine(b"blurdybloop")),
    (b"CREATE owatagusiam/", c.Create(b"owatagusiam/")),
    (b"DELETE foo/bar", c.Delete(b"foo/bar")),
    (b"RENAME blurdybloop sarasoop", c.Rename(b"blurdybloop", b"sarasoop")),
    (b"SUBSCRIBE #news.comp.mail.mime", c.Subscribe(b"#news.comp.mail.mime")),
    (b"UNSUBSCRIBE #news.comp.mail.mime", c.Unsubscribe(b"#news.comp.mail.mime")),
    (b'LIST "" ""', c.List(b"", (b"",))),
    (b'LIST #news.comp.mail.misc ""', c.List(b"#news.comp.mail.misc", (b"",))),
    (b"LIST ~/Mail/ %", c.List(b"~/Mail/", (b"%",))),
    (b'LSUB "#news." "comp.mail.*"', c.Lsub(b"#news.", b"comp.mail.*")),
    (b"STATUS blurdybloop (UIDNEXT MESSAGES)", c.Status(b"blurdybloop", ("UIDNEXT", "MESSAGES"))),
    (b"APPEND saved-messages (\\Seen) {12}\r\nDate: today\n",
     c.Append(b"saved-messages", (c.AppendMessage(b"Date: today\n", (SEEN,)),))),
    (b"CHECK", c.Check()),
    (b"CLOSE", c.Close()),
    (b"EXPUNGE", c.Expunge()),
    (b'SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"',
     c.Search((k.Plain.FLAGGED, k.On(k.When.SINCE, JULY), k.Not(k.Contains(k.In.FROM, b"Smith"))))),
    (b'SEARCH TEXT "string not in mailbox"',
     c.Search((k.Contains(k.In.TEXT, b"string not in mailbox"),))),
    (b"SEARCH CHARSET UTF-8 TEXT {6}\r\n\xd0\xb1\xd0\xb2\xd0\xb3",
     c.Search((k.Contains(k.In.TEXT, b"\xd0\xb1\xd0\xb2\xd0\xb3"),), charset=b"UTF-8")),
    (b"FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
     c.Fetch(numbers(b"2:4"), (
         Item.FLAGS,
         BodySection(Section((), SectionText.HEADER_FIELDS, (b"DATE", b"FROM"))),
     ))),
    (b"STORE 2:4 +FLAGS (\\Deleted)",
     c.Store(numbers(b"2:4"), c.StoreAction.ADD, (DELETED,))),
    (b"COPY 2:4 MEETING", c.Copy(numbers(b"2:4"), b"MEETING")),
    (b"UID FETCH 4827313:4828442 FLAGS",
     c.Fetch(numbers(b"4827313:4828442"), (Item.FLAGS,), by_uid=True)),
    # RFC 9051
    (b"ENABLE CONDSTORE X-GOOD-IDEA", c.Enable(("CONDSTORE", "X-GOOD-IDEA"))),
    (b"NAMESPACE", c.Namespace()),
    (b"IDLE", c.Idle()),
    (b"UNSELECT", c.Unselect()),
    (b"UID EXPUNGE 3000:3002", c.Expunge(numbers(b"3000:3002"))),
    (b"UID MOVE 42:69 foo", c.Move(numbers(b"42:69"), b"foo", by_uid=True)),
    (b"SEARCH RETURN (MIN COUNT) FLAGGED",
     c.Search((k.Plain.FLAGGED,), return_options=(k.ReturnOption("MIN"), k.ReturnOption("COUNT")))),
    (b"SEARCH RETURN () SEEN", c.Search((k.Plain.SEEN,), return_options=())),
    (b"UID SEARCH RETURN (SAVE) UID $",
     c.Search((k.Sequence(SAVED_RESULT, by_uid=True),), True, (k.ReturnOption("SAVE"),))),
    (b"FETCH $ (UID)", c.Fetch(SAVED_RESULT, (Item.UID,))),
    # RFC 2971, 4469, 4551, 5182, 5256, 5258, 5267, 5819, 6154, 7162, 9394
    (b'ID ("name" "sodr" "version" NIL)', c.Id(((b"name", b"sodr"), (b"version", None)))),
    (b"ID NIL", c.Id(None)),
    (b"COMPRESS DEFLATE", c.Compress("DEFLATE")),
    (b"SELECT INBOX (CONDSTORE)", c.Select(b"INBOX", condstore=True)),
    (b"SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
     c.Select(b"INBOX",
              qresync=c.QResync(67890007, 20050715194045000, numbers(b"41,43:211,214:541")))),
    (b"SELECT x (QRESYNC (6 9 (1,5 2,7)))",
     c.Select(b"x", qresync=c.QResync(6, 9, None, (numbers(b"1,5"), numbers(b"2,7"))))),
    (b"FETCH 1:* FAST (CHANGEDSINCE 12345 VANISHED)",
     c.Fetch(numbers(b"1:*"), Macro.FAST, changed_since=12345, vanished=True)),
    (b"UID STORE 100 (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\flagged)",
     c.Store(numbers(b"100"), c.StoreAction.ADD, (FLAGGED,), True, True, 0)),
    (b'SEARCH MODSEQ "/flags/\\\\draft" all 620162338',
     c.Search((k.ModSeq(620162338, b"/flags/\\draft", "all"),))),
    (b"SORT (REVERSE ARRIVAL SUBJECT) UTF-8 ALL",
     c.Sort((c.SortKey("ARRIVAL", True), c.SortKey("SUBJECT")), b"UTF-8", (k.Plain.ALL,))),
    (b"UID THREAD REFERENCES US-ASCII TEXT gewp",
     c.Thread("REFERENCES", b"US-ASCII", (k.Contains(k.In.TEXT, b"gewp"),), by_uid=True)),
    (b'LIST (SUBSCRIBED RECURSIVEMATCH) "" ("INBOX" "Sent/%") RETURN (CHILDREN STATUS (UNSEEN))',
     c.List(b"", (b"INBOX", b"Sent/%"), ("SUBSCRIBED", "RECURSIVEMATCH"), ("CHILDREN", "STATUS"),
            ("UNSEEN",), True)),
    (b'LIST () "" %', c.List(b"", (b"%",), ())),
    (b"CREATE MySpecial (USE (\\Drafts \\Sent))",
     c.Create(b"MySpecial", (b"\\Drafts", b"\\Sent"))),
    (b"UID SEARCH RETURN (PARTIAL -1:-100) UNDELETED OLDER 60",
     c.Search((k.Plain.UNDELETED, k.Number(k.Measure.OLDER, 60)), True,
              (k.ReturnOption("PARTIAL", b"-1:-100"),))),
    (b"APPEND Drafts CATENATE (URL \"/x;UID=20/;section=HEADER\" TEXT {2}\r\n\r\n)",
     c.Append(b"Drafts", (c.AppendMessage(
         (c.CatenateUrl(b"/x;UID=20/;section=HEADER"), c.CatenateText(b"\r\n"))),))),
    (b"APPEND x UTF8 (~{3}\r\na\0b)",
     c.Append(b"x", (c.AppendMessage(b"a\0b", binary=True, utf8=True),))),
    (b"REPLACE 4 Drafts (\\Seen) {1+}\r\nx",
     c.Replace(4, b"Drafts", c.AppendMessage(b"x", (SEEN,)))),
    (b"FETCH 5 (X-GM-MSGID PREVIEW (LAZY))",
     c.Fetch(numbers(b"5"), (Item.X_GM_MSGID, Preview(lazy=True)))),
    (b"STORE 1 +X-GM-LABELS (\\Inbox \"a b\")",
     c.Store(numbers(b"1"), c.StoreAction.ADD, (b"\\Inbox", b"a b"), item="X-GM-LABELS")),
    (b"SETQUOTA \"\" (STORAGE 512)", c.SetQuota(b"", (("STORAGE", 512),))),
    (b"SETACL INBOX fred +lr", c.SetAcl(b"INBOX", b"fred", b"+lr")),
    (b"APPEND x CATENATE (UTF8 (~{2}\r\nab))",
     c.Append(b"x", (c.AppendMessage((c.CatenateText(b"ab", True, True),)),))),
    (b'GETMETADATA "INBOX" (MAXSIZE 1024 depth INFINITY) (/shared/comment /private/comment)',
     c.GetMetadata(b"INBOX", (b"/shared/comment", b"/private/comment"), 1024, None)),
    (b'GETMETADATA (DEPTH 1) "" /shared/comment',
     c.GetMetadata(b"", (b"/shared/comment",), None, 1)),
    (b"SETMETADATA INBOX (/private/a {1}\r\nx /private/b NIL)",
     c.SetMetadata(b"INBOX", ((b"/private/a", b"x"), (b"/private/b", None)))),
    (b'CANCELUPDATE "a1" "a2"', c.CancelUpdate((b"a1", b"a2"))),
    (b"NOTIFY NONE", c.Notify()),
    (b"notify set status (selected-delayed (MessageNew (uid flags) MessageExpunge))"
     b" (subtree (a b) NONE)",
     c.Notify((
         c.EventGroup("SELECTED-DELAYED", (
             c.NotifyEvent("MESSAGENEW", (Item.UID, Item.FLAGS)), c.NotifyEvent("MESSAGEEXPUNGE"),
         )),
         c.EventGroup("SUBTREE", (), (b"a", b"b")),
     ), True)),
    (b'GENURLAUTH "imap://a@b/c;urlauth=authuser" internal',
     c.GenUrlAuth(((b"imap://a@b/c;urlauth=authuser", "INTERNAL"),))),
    (b"URLFETCH a b", c.UrlFetch((b"a", b"b"))),
    (b"RESETKEY", c.ResetKey()),
    (b"RESETKEY INBOX internal", c.ResetKey(b"INBOX", ("INTERNAL",))),
    # Obsolete
    (b"FIND MAILBOXES *", c.Find(b"*")),
    (b"find all.mailboxes %", c.Find(b"%", all_mailboxes=True)),
    (b"PARTIAL 1 RFC822.PEEK 1 1024", c.Partial(1, Item.RFC822_PEEK, 1, 1024)),
    (b"STORE 1 flags \\Seen \\Flagged",
     c.Store(numbers(b"1"), c.StoreAction.REPLACE, (SEEN, FLAGGED))),
    (b"uid copy 1 x", c.Copy(numbers(b"1"), b"x", by_uid=True)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), EXAMPLES, ids=lambda value: str(value)[:60])
def test_examples(text, expected):
    assert body(text) == expected
    assert body(text, lenient=True) == expected


def test_an_append_with_all_arguments():
    read = body(b'APPEND x (\\Seen) " 7-Feb-1994 21:52:25 -0800" {5+}\r\nhello {2}\r\n\r\n')
    date = datetime.datetime(1994, 2, 7, 21, 52, 25, tzinfo=ZONE)
    assert read.messages == (c.AppendMessage(b"hello", (SEEN,), date), c.AppendMessage(b"\r\n"))


def test_a_chain_of_ors_is_not_a_nesting():
    read = body(b"SEARCH " + b"OR SUBJECT x " * 5000 + b"ALL")
    assert len(read.keys[0].keys) == 5001


@pytest.mark.parametrize("deep", [b"NOT ", b"FUZZY ", b"OR SEEN NOT "])
def test_nesting_has_a_limit(deep):
    assert body(b"SEARCH " + deep * 20 + b"ALL")
    with pytest.raises(CommandError, match="nested"):
        body(b"SEARCH " + deep * 5000 + b"ALL")


def test_parentheses_have_a_limit():
    assert body(b"SEARCH " + b"(" * 20 + b"ALL" + b")" * 20)
    with pytest.raises(CommandError, match="nested"):
        body(b"SEARCH " + b"(" * 5000 + b"ALL" + b")" * 5000)


WRONG = [
    b"NOOP ",
    b"NOOP x",
    b" NOOP",
    b"LOGIN a",
    b"LOGIN  a b",
    b"LOGIN a b ",
    b'LOGIN a "b',
    b'LOGIN a "b\\c"',
    b"LOGIN a {4}\r\nabc",
    b"SELECT",
    b"SELECT a b",
    b"SELECT a ()",
    b"SELECT a%b",
    b"SELECT x (QRESYNC (1 2 1:*))",
    b"SELECT x (QRESYNC)",
    b"CREATE x (USE (Sent))",
    b"FETCH 0 FLAGS",
    b"FETCH 1,,2 FLAGS",
    b"FETCH 1: FLAGS",
    b"FETCH 4294967296 FLAGS",
    b"FETCH 1 ()",
    b"FETCH 1 (FLAGS  UID)",
    b"FETCH 1 (FLAGS ALL",
    b"FETCH 1 BODY[",
    b"FETCH 1 BODY[MIME]",
    b"FETCH 1 BODY[0]",
    b"FETCH 1 BODY[1.]",
    b"FETCH 1 BODY[HEADER.FIELDS ()]",
    b"FETCH 1 BODY[]<0>",
    b"FETCH 1 BODY[]<0.0>",
    b"FETCH 1 BODY.PEEK",
    b"FETCH 1 BINARY[TEXT]",
    b"FETCH 1 ALL (CHANGEDSINCE)",
    b"FETCH 1 ALL (CHANGEDSINCE 0)",
    b"STORE 1 FLAGS",
    b"STORE 1 FLAG (\\Seen)",
    b"STORE 1 FLAGS (\\Seen\\Flagged)",
    b"STORE 1 FLAGS (\\Seen  \\Flagged)",
    b"STORE 1 FLAGS (\\*)",
    b"STORE 1 (UNCHANGEDSINCE x) FLAGS ()",
    b"SEARCH",
    b"SEARCH ",
    b"SEARCH FOO",
    b"SEARCH ()",
    b"SEARCH NOT",
    b"SEARCH OR SEEN",
    b"SEARCH ON 31-Feb-2020",
    b"SEARCH ON 1-Foo-2020",
    b"SEARCH LARGER x",
    b"SEARCH RETURN (MIN)",
    b'SEARCH MODSEQ "/foo" all 5',
    b'SEARCH MODSEQ "/flags/\xe9" all 5',
    b'SEARCH MODSEQ "/flags/x" some 5',
    b"STATUS x MESSAGES",
    b"STATUS x ()",
    b'APPEND x "not a date" {1}\r\nx',
    b'APPEND x "01-Jan-2020 00:00:00 +2460" {1}\r\nx',
    b"APPEND x (\\Seen)",
    b"APPEND x quoted",
    b'APPEND x "quoted"',
    b"ID",
    b"ID (name x)",
    b"ENABLE",
    b"AUTHENTICATE",
    b"AUTHENTICATE PLAIN not-base64",
    b'LIST "" a b',
    b'LIST "" ()',
    b"FIND FOO *",
    b"UID",
    b"UID EXPUNGE",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong(text):
    with pytest.raises(CommandError) as caught:
        body(text)
    assert caught.value.tag == b"a1"
    assert 0 < caught.value.position <= len(text) + 5


@pytest.mark.parametrize("octets", [b"\r\n", b"* NOOP\r\n", b"+ x\r\n", b"(a NOOP\r\n", b""])
def test_no_tag(octets):
    with pytest.raises(CommandError) as caught:
        decode_command(octets)
    assert caught.value.tag is None


def test_the_error_names_the_command_and_no_secret():
    with pytest.raises(CommandError) as caught:
        body(b"LOGIN joe secret extra")
    assert caught.value.name == "LOGIN"
    assert "secret" not in f"{caught.value!r} {caught.value}"


LENIENT = [
    (b"  NOOP ", c.Noop()),
    (b"LOGIN  a  b  ", c.Login(b"a", Secret(b"b"))),
    (b"FETCH 1 ( FLAGS  UID )", c.Fetch(numbers(b"1"), (Item.FLAGS, Item.UID))),
    (b"SEARCH  SEEN  ALL ", c.Search((k.Plain.SEEN, k.Plain.ALL))),
    (b"STORE 1 FLAGS (\\Seen  )", c.Store(numbers(b"1"), c.StoreAction.REPLACE, (SEEN,))),
    (b"STORE 1 FLAGS \\Seen ", c.Store(numbers(b"1"), c.StoreAction.REPLACE, (SEEN,))),
    (b'SELECT "a\\b"', c.Select(b"ab")),
]


@pytest.mark.parametrize(("text", "expected"), LENIENT)
def test_what_old_programs_write(text, expected):
    with pytest.raises(CommandError):
        body(text)
    assert body(text, lenient=True) == expected


@pytest.mark.parametrize("line", [b"a+1 NOOP", b"* NOOP", b"a STATUS x MESSAGES"])
def test_leniency_has_an_end(line):
    with pytest.raises(CommandError):
        decode_command(line + b"\r\n", lenient=True)


def test_unknown_commands_keep_their_octets():
    octets = b'a xfoo  "bar" {3}\r\n\r\n\0 ()x \r\n'
    assert decode_command(octets) == c.Command(b"a", c.Opaque("XFOO", octets[2:]))
    assert decode_command(b"a UID xfoo\r\n").body == c.Opaque("UID XFOO", b"UID xfoo\r\n")


def test_unknown_attributes_keep_their_octets():
    read = body(b"FETCH 1 (ANNOTATION (/comment value) X[a b]<0> UID)")
    assert read.attributes == (
        OpaqueAtt(b"ANNOTATION (/comment value)"),
        OpaqueAtt(b"X[a b]<0>"),
        Item.UID,
    )
