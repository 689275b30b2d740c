"""The words of the random conversations: good ones, rare ones and wrong ones."""

MAILBOXES = (
    b"INBOX",
    b"Archive",
    b"Archive.2022",
    b"Two words",
    b"ends in {5}",
    b"Entw&APw-rfe",
    b'quote"back\\slash',
)
SEEDED = MAILBOXES[:4]
NEW_MAILBOXES = (b"New", b"New.Sub", b"New.Sub.Deep", b"Archive.2023", b"t{3}", b"per%cent&-")
ABSENT = (b"No such box", b"Absent {5}", b"Absent.", b".", b"", b"&bad", b"a..b", b"b" * 300)

SYSTEM_FLAGS = (b"\\Seen", b"\\Answered", b"\\Flagged", b"\\Deleted", b"\\Draft")
KEYWORDS = (b"$Forwarded", b"NonJunk", b"label1", b"LABEL1", b"$MDNSent", b"a.b-c_d")
BAD_FLAGS = (b"\\Recent", b"\\Bogus", b"{5}x", b"()", b'"x"')

SECTIONS = (
    b"", b"", b"", b"HEADER", b"TEXT", b"1", b"2", b"1.1", b"1.2", b"2.1", b"3", b"1.MIME",
    b"2.MIME", b"2.HEADER", b"2.TEXT", b"2.1.MIME", b"2.2.1", b"9.9",
    b"HEADER.FIELDS (Subject From)", b"HEADER.FIELDS (DATE)", b"header.fields.not (received to)",
    b"HEADER.FIELDS (\"subject\" X-None)", b"2.HEADER.FIELDS (SUBJECT)",
    b"HEADER.FIELDS.NOT (Subject)",
    # Wrong ones.
    b"MIME", b"0", b"1.", b"HEADER.FIELDS", b"HEADER.FIELDS ()", b"BOGUS",
)  # fmt: skip
FETCH_ITEMS = (
    b"FLAGS", b"FLAGS", b"UID", b"ENVELOPE", b"BODYSTRUCTURE", b"BODY", b"INTERNALDATE",
    b"RFC822.SIZE", b"RFC822.HEADER", b"MODSEQ", b"PREVIEW", b"PREVIEW (LAZY)", b"BINARY.SIZE[1]",
    b"BINARY.SIZE[2]", b"BINARY.PEEK[1]", b"BINARY.PEEK[2]", b"BINARY.PEEK[1.1]<3.20>",
)  # fmt: skip
# These set \Seen.
READING_ITEMS = (b"RFC822", b"RFC822.TEXT", b"BODY[]", b"BODY[TEXT]", b"BODY[1]", b"BINARY[1]")
MACROS = (b"ALL", b"FAST", b"FULL", b"all")
WRONG_ITEMS = (
    b"BOGUS",
    b"BODY[",
    b"X-GM-MSGID",
    b"RFC822.PEEK",
    b"()",
    b"BODY.PEEK[]<1>",
    b"FLAGS[",
)

SEARCH_KEYS = (
    b"ALL", b"SEEN", b"UNSEEN", b"DELETED", b"UNDELETED", b"FLAGGED", b"UNFLAGGED", b"ANSWERED",
    b"UNANSWERED", b"DRAFT", b"UNDRAFT", b"KEYWORD label1", b"UNKEYWORD $Forwarded",
    b"LARGER 2000", b"SMALLER 500", b"BEFORE 1-Dec-2022", b"ON 10-Nov-2022", b"SINCE 14-Nov-2022",
    b"SENTBEFORE 1-Dec-2022", b"SENTON 16-Nov-2022", b"SENTSINCE 1-Jan-2000",
    b"OLDER 1000", b"YOUNGER 1000000000", b"SAVEDSINCE 1-Jan-2000", b"SAVEDATESUPPORTED",
    b"MODSEQ 1", b"MODSEQ @MODSEQ@", b"$", b"FUZZY SUBJECT first",
)  # fmt: skip
SEARCH_TEXTS = (b"SUBJECT", b"FROM", b"TO", b"CC", b"BCC", b"BODY", b"TEXT", b"HEADER X-Folded",
                b"HEADER Message-ID", b"SUBJECT")  # fmt: skip
SEARCHED = (
    b"first", b"answer", b"example.org", b"FROM", b"", b"one line", b'a "b', b"{5}", b"back\\slash",
    b"Gr\xc3\xbc\xc3\x9fe", b"z" * 40,
)  # fmt: skip
CHARSETS = (b"UTF-8", b"US-ASCII", b"utf-8", b"ISO-8859-1", b"X-NONE", b'"UTF-8"')
RETURNS = (
    b"()", b"(ALL)", b"(MIN MAX COUNT)", b"(COUNT)", b"(SAVE)", b"(SAVE ALL)", b"(MIN SAVE)",
    b"(PARTIAL 1:5)", b"(PARTIAL 2:3)", b"(BOGUS)", b"(ALL COUNT UPDATE)",
)  # fmt: skip
SORTS = (
    b"ARRIVAL", b"CC", b"DATE", b"FROM", b"SIZE", b"SUBJECT", b"TO", b"REVERSE DATE",
    b"DISPLAYFROM", b"REVERSE SIZE SUBJECT", b"BOGUS", b"REVERSE",
)  # fmt: skip
THREADS = (b"REFERENCES", b"REFS", b"ORDEREDSUBJECT", b"BOGUS")
STATUS_ITEMS = (b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN", b"SIZE", b"HIGHESTMODSEQ",
                b"RECENT", b"BOGUS")  # fmt: skip
PATTERNS = (b"*", b"%", b"INBOX", b"inbox*", b"Archive*", b"Archive.%", b"%.%", b"*{5}", b"",
            b"Two*", b"New%", b"Entw&APw-*", b"*.2022", b"No*such")  # fmt: skip

# What comes before the tag, or instead of it, and what a server can make nothing of. (Not "a]":
# that is a good tag, which Dovecot refuses and the proxy understands.) None may end in something
# that a server would take for a literal: another command is sent behind it.
MALFORMED = (
    b"", b" ", b"\t", b"NOOP", b" NOOP", b"a", b"a ", b"* NOOP", b"+ NOOP", b"a(b NOOP",
    b'"x" NOOP', b"a{b NOOP", b"\x80 NOOP", b"a% NOOP", b"a* NOOP", b"a\\ NOOP",
    b'a"b NOOP', b"a+b NOOP", b"a NOOP extra", b"a  NOOP", b"a\tNOOP", b"a noop ", b"a FETCH",
    b"a FETCH 1", b"a FETCH 1 (", b"a FETCH 1 (FLAGS", b"a FETCH 1 FLAGS)", b'a SELECT "abc',
    b'a SELECT "abc{5}', b"a SELECT abc{5", b'a SELECT "foo {5}"', b"a STATUS INBOX", b"a UID",
    b"a UID XX", b"a UID FETCH", b"a UID FETCH 1:* (", b"a LOGIN a b", b'a LOGIN "" ""',
    b"a AUTHENTICATE PLAIN", b"a STARTTLS", b"a COMPRESS DEFLATE", b"a ENABLE", b"a ENABLE XX",
    b'a GETQUOTA ""', b'a GETQUOTAROOT INBOX', b'a GETACL INBOX', b'a MYRIGHTS INBOX',
    b'a GETMETADATA INBOX /shared/comment', b"a APPEND", b"a APPEND INBOX", b"a FETCH 0 FLAGS",
    b"a FETCH 4294967296 FLAGS", b"a FETCH -1 FLAGS", b"a FETCH 1:2:3 FLAGS", b"a FETCH 1,,2 FLAGS",
    b"a FETCH ** FLAGS", b"a FETCH 1:* BODY[1.2.3.4]", b'a SELECT "a\x00b"', b"a SELECT \xc3\xa4",
    b'a LIST "" (', b"a DONE", b"DONE", b"x" * 300 + b" NOOP", b"a GENURLAUTH", b"a URLFETCH",
    b'a CANCELUPDATE "none"', b"a XYZZY", b"a X-UNKNOWN (a (b (c \"d\"))) NIL", b"a UNAUTHENTICATE",
    b"a STORE 1 FLAGS", b"a STORE 1 BOGUS (\\Seen)", b"a COPY 1", b"a SEARCH", b"a SEARCH BOGUS",
    b"a SEARCH (", b"a SEARCH OR SEEN", b"a SEARCH NOT", b"a SORT", b"a SORT (DATE)", b"a THREAD",
    b"a LIST", b'a LIST ""', b"a LSUB", b"a RENAME INBOX", b"a CREATE", b"a DELETE", b"a SUBSCRIBE",
    b"a NOTIFY", b"a NOTIFY SET (bogus)", b"a CAPABILITY x", b"a EXPUNGE x",
    b"a CLOSE)", b"a ((((((((((", b"a " + b"(" * 200, b"a " + b")" * 20, b"a \x01\x02\x7f",
    b"a SELECT " + b"m" * 9000, b"a NOOP " + b"n" * 20000, b"a RESETKEY", b"a GETMETADATA",
    b"GET / HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"a\x00b NOOP",
)  # fmt: skip
