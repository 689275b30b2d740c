"""Messages that the conversations append, by name."""


def _crlf(text: str) -> bytes:
    return text.lstrip("\n").replace("\n", "\r\n").encode()


MESSAGES = {
    "simple": b"Subject: simple\r\nFrom: a@b.example\r\n\r\nhello\r\n",
    "dated": _crlf(
        """
Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)
From: Fred Foobar <foobar@Blurdybloop.example>
Subject: afternoon meeting
To: mooch@owatagu.siam.edu.example
Message-Id: <B27397-0100000@Blurdybloop.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Hello Joe, do you think we can meet at 3:30 tomorrow?
"""
    ),
    "mixed": _crlf(
        """
Subject: outer
From: a@b.example
X-Foo: 1
 2
x-foo: 3
Content-Type: multipart/mixed; boundary=B

preamble
--B
Content-ID: <1@x>

one
--B
Content-Type: message/rfc822

Subject: inner
Content-Type: multipart/alternative; boundary=C

--C

in1
--C
Content-Type: text/html

in2
--C--
--B
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

YWJj
--B--
epilogue
"""
    ),
}
