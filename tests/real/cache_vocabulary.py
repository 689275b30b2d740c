"""What a cache is asked for: the words of the scripts that fetch the same again and again."""

# What well-known programs ask for when they open a mailbox and when they show a message.
HABITS = (
    b"(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID "
    b"Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])",
    b"(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
    b"(INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (DATE FROM SUBJECT TO CC "
    b"MESSAGE-ID REFERENCES CONTENT-TYPE IN-REPLY-TO REPLY-TO LINES LIST-POST X-LABEL)])",
    b"(FLAGS UID)", b"(UID)", b"(FLAGS)", b"UID", b"FLAGS", b"(UID FLAGS)", b"(FLAGS INTERNALDATE)",
    b"(UID RFC822.SIZE BODY.PEEK[])", b"(UID BODY.PEEK[])", b"(BODY.PEEK[])", b"BODY.PEEK[]",
    b"(UID BODY[])", b"BODY[]", b"(RFC822.SIZE BODY[])", b"RFC822", b"(RFC822)", b"RFC822.HEADER",
    b"(BODYSTRUCTURE BODY.PEEK[HEADER])", b"(UID BODY.PEEK[]<0.1000>)", b"(BODY.PEEK[]<1000.1000>)",
    b"(UID BODY.PEEK[1.MIME] BODY.PEEK[1])", b"(FLAGS BODY[HEADER])", b"(RFC822.SIZE)", b"ENVELOPE",
    b"(ENVELOPE FLAGS)", b"ALL", b"FAST", b"FULL", b"all", b"BODYSTRUCTURE", b"BODY",
)  # fmt: skip

# These never change and are asked for without touching the message.
CONSTANT = (
    b"ENVELOPE", b"ENVELOPE", b"BODYSTRUCTURE", b"BODYSTRUCTURE", b"BODY", b"INTERNALDATE",
    b"RFC822.SIZE", b"RFC822.HEADER", b"envelope", b"Rfc822.Size", b"BINARY.SIZE[1]",
    b"BINARY.PEEK[1]", b"BINARY.PEEK[2]", b"BINARY.PEEK[1]<3.20>",
)  # fmt: skip
# Only the server knows these. (SAVEDATE is the time of day: no two runs have the same.)
MUTABLE = (b"FLAGS", b"FLAGS", b"FLAGS", b"UID", b"UID", b"PREVIEW", b"flags")
# These set \Seen.
READING = (b"BODY[]", b"BODY[]", b"RFC822", b"RFC822.TEXT", b"BODY[TEXT]", b"BODY[1]", b"BINARY[1]",
           b"BODY[HEADER]", b"BODY[]<0.100>", b"BODY[2.MIME]",
           b"BODY[HEADER.FIELDS (Subject)]")  # fmt: skip
SECTIONS = (
    b"", b"", b"", b"HEADER", b"HEADER", b"TEXT", b"TEXT", b"1", b"2", b"1.1", b"1.2", b"1.MIME",
    b"2.MIME", b"1.1.MIME", b"2.HEADER", b"2.TEXT", b"2.1", b"2.2", b"2.1.MIME", b"9.9", b"header",
    b"HEADER.FIELDS (Subject From)", b"HEADER.FIELDS (FROM SUBJECT)", b"HEADER.FIELDS (DATE)",
    b"header.fields (date)", b"HEADER.FIELDS (X-Folded)", b"HEADER.FIELDS (X-None)",
    b"HEADER.FIELDS.NOT (Received To)", b"HEADER.FIELDS.NOT (Subject)", b"HEADER.FIELDS (\"to\")",
    b"HEADER.FIELDS (From From)", b"2.HEADER.FIELDS (Subject)", b"2.HEADER.FIELDS.NOT (From)",
    b"HEADER.FIELDS (Content-Type MIME-Version Subject)",
)  # fmt: skip
PARTIALS = (b"<0.10>", b"<5.100000>", b"<99999.10>", b"<0.4294967295>", b"<10.20>", b"<1000.1000>",
            b"<0.1>", b"<33.1>")  # fmt: skip
SETS = (
    b"1:*", b"1:*", b"1:*", b"*", b"*:1", b"3:*", b"*:4", b"1:3,2:5,4", b"5,3,1", b"1,1,1", b"7:5",
    b"2:4,6:*", b"1:4294967295", b"4294967295:*", b"99999", b"99999:*", b"0", b"30:40", b"1:2,*",
    b"1:200",
)  # fmt: skip
SEARCHES = (
    b"ALL", b"UNSEEN", b"SEEN", b"DELETED", b"1:3", b"UID 1:*", b"SUBJECT first", b"LARGER 2000",
    b"NOT SEEN", b"RECENT", b"FROM ada", b"TEXT one", b"UID 99999:*", b"NOT DELETED 1:*",
)  # fmt: skip
