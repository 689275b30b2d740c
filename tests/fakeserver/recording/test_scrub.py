"""What is taken out of a recording, and what has to stay right."""

import base64
import re

from fakeserver.conversation import Conversation, parse_conversations, text_of
from fakeserver.scrub import scrub

MAIL = (
    "From: Jane <jane.roe@mail.example.com>\r\nTo: john@example.com\r\n"
    "Received: from mx1.example.com ([192.0.2.33]) by imap.example.net\r\n\r\n"
    "JANE.ROE@MAIL.EXAMPLE.COM wrote\r\n"
)
TEXT = f"""== connection 1
S: * OK imap.example.net ready
C: a1 LOGIN "jroe" "top secret"
S: a1 OK jroe is in
C: a2 FETCH 1 (ENVELOPE BODY[1.2.3.4] BODY[])
S: * 1 FETCH (ENVELOPE (NIL "top secret" (("Jane" NIL "jane.roe" "mail.example.com")))
S:  BODY[] {{{len(MAIL)}}}
{"".join(f"S: {line}" + chr(10) for line in MAIL.split(chr(13) + chr(10))[:-1])}S: )
S: a2 OK done
"""


def scrubbed(text: str) -> str:
    return text_of(scrub(parse_conversations(text), ["imap.example.net"]))


def test_what_is_taken_out() -> None:
    text = scrubbed(TEXT)
    for gone in ("jroe", "top secret", "jane.roe", "example", "JANE", "192.0.2"):
        assert gone not in text
    assert "C: a1 LOGIN (hidden)\n" in text
    assert "BODY[1.2.3.4]" in text


def test_sizes_stay() -> None:
    before, after = parse_conversations(TEXT)[0], parse_conversations(scrubbed(TEXT))[0]
    assert [len(octets) for _, octets in before.entries[4:]] == [
        len(octets) for _, octets in after.entries[4:]
    ]


def test_the_same_name_is_the_same_each_time() -> None:
    text = scrubbed(TEXT).lower()
    addresses = set(re.findall(r"[a-z.]+@[a-z.]+", text))
    assert len(addresses) == 2
    sender = next(one for one in addresses if one.count(".") == 3)
    local, host = sender.split("@")
    assert f'"{local}" "{host}"' in text
    assert re.search(r"john|from: jane", text) is not None


def test_sasl_and_literals() -> None:
    plain = base64.b64encode(b"\0somebody\0hunter2").decode()
    text = f"""S: * OK
C: a LOGIN {{8}}
S: + OK
C: somebody {{7}}
S: + OK
C: hunter2
S: a NO
C: b AUTHENTICATE PLAIN {plain}
S: b NO
C: c AUTHENTICATE LOGIN
S: + VXNlcm5hbWU6
C: c29tZWJvZHk=
S: + UGFzc3dvcmQ6
C: aHVudGVyMg==
S: c OK somebody
"""
    assert scrub(parse_conversations(text))[0].entries[:-1] == [
        ("S", b"* OK\r\n"),
        ("C", b"a LOGIN (hidden)\r\n"),
        ("S", b"a NO\r\n"),
        ("C", b"b AUTHENTICATE PLAIN (hidden)\r\n"),
        ("S", b"b NO\r\n"),
        ("C", b"c AUTHENTICATE LOGIN\r\n"),
        ("S", b"+ \r\n"),
        ("C", b"(hidden)\r\n"),
        ("S", b"+ \r\n"),
        ("C", b"(hidden)\r\n"),
    ]
    assert "somebody" not in scrubbed(text)


def test_nothing_to_take_out() -> None:
    conversation = Conversation("one", [("S", b"* OK ready\r\n")])
    assert scrub([conversation]) == [conversation]
