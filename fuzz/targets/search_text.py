"""The texts that an offline SEARCH looks at: of any mail there is an answer, and within bounds."""

from imapproxy.offline.search.facts import Facts
from imapproxy.offline.search.text import body_of, fields_of

SEEDS = (
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?b?R3LDvA==?=\r\n\r\nbody\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain;"
    b" charset*=us-ascii'en'a%ff\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n",
    b"Content-Type: message/rfc822\r\n\r\nSubject: a\r\n\r\nbegin 644 x\r\n#86)C\r\n`\r\nend\r\n",
    b"Date: Tue, 99 Nov 2022 10:00 +9999\r\n\tfolded\r\n\r\n",
)
WORDS = (
    *(b"\r\n", b"\r\n\r\n", b"\r\n ", b"--b", b"--b--", b"=?", b"?=", b"?q?", b"?b?", b"utf-8"),
    *(b"Content-Type: ", b"multipart/mixed; boundary=b", b"message/rfc822", b"text/plain", b"\0"),
    *(b"; charset=", b"; charset*=", b"*0*=", b"''", b"Content-Transfer-Encoding: uuencode"),
    *(b"utf-7", b"idna", b"rot13", b"punycode", b"undefined", b"\xff", b"\xc3", b'"', b"%ff"),
)


def check(octets: bytes) -> None:
    """See above."""
    fields = list(fields_of(octets))
    assert len(fields) <= octets.count(b"\n") + 1
    body_of(octets)
    facts = Facts(1, 1, (None, None, None), lambda: None, lambda: octets)
    assert facts.fields is not None
    assert facts.header_text is not None
    assert (facts.body is None) == (facts.headers_within is None)
