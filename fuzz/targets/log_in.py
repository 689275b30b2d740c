"""A client before its log-in, in memory: every command has one answer, and nothing is kept."""

import re
from collections import Counter

from imapproxy.listener.limits import Limits
from imapproxy.relay.partner import NotLetIn
from imapproxy.upstream.errors import LoginRefused
from tests.relay.conversation import Conversation

SEEDS = (
    b"a LOGIN demo pw\r\nb NOOP\r\n",
    b"a CAPABILITY\r\nb ID NIL\r\nc STARTTLS\r\nd LOGOUT\r\n",
    b"a AUTHENTICATE PLAIN\r\nAGEAYg==\r\nb AUTHENTICATE LOGIN ZGVtbw==\r\n*\r\n",
    b"a LOGIN {4}\r\ndemo {2+}\r\npw\r\nb X {300+}\r\n",
)
WORDS = (
    *(b"a ", b"b ", b"LOGIN ", b"AUTHENTICATE PLAIN ", b"AUTHENTICATE LOGIN\r\n", b"AGEAYg==\r\n"),
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b'"',
        b"\\",
        b"{1}\r\n",
        b"{1+}\r\n",
        b"{0+}\r\n",
        b"~{2}\r\n",
        b"=\r\n",
    ),
    *(
        b"*\r\n",
        b"NOOP\r\n",
        b"STARTTLS\r\n",
        b"CAPABILITY\r\n",
        b"x" * 220,
        b"\0",
        b"ID (",
        b"NIL",
    ),
)
_LIMITS = Limits(max_login_octets=200, max_bad_commands=8, max_login_failures=3, max_login_delay=0)


def check(octets: bytes) -> None:
    """See above."""
    talk = Conversation(limits=_LIMITS, logged_in=False)
    talk.refusal = NotLetIn(LoginRefused(b"NO", b"Wrong."))
    talk.client.dataReceived(octets)
    said = talk.client_wire.take()
    assert said.count(b"\n") == said.count(b"\r\n") == said.count(b"\r")
    tags = Counter(re.findall(rb"(?m)^([^*+ ][^ ]*) (?:OK|NO|BAD) ", said))
    for tag, answers in tags.items():
        assert answers <= octets.count(tag), "more answers than there are commands"
    talk.client_closes()
    assert not talk.clock.getDelayedCalls(), "a timer was left behind"
