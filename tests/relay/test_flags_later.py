"""Flags that pass alone are kept, of the right messages, and none that a message makes up."""

import pytest

from imapproxy.cache.store import Mailbox
from tests.relay.cached import ACCOUNT, FETCH_ENVELOPES, SELECT, Cached
from tests.relay.conversation import Conversation

INBOX = Mailbox(ACCOUNT, b"INBOX", b"", 7)


def flags(cached: Cached) -> dict[int, bytes]:
    return {
        uid: told for uid, told in cached.store.reader.attributes(INBOX, ("FLAGS",), 1, 99) if told
    }


def learned(cached: Cached) -> Conversation:
    """A client that has its three messages, 11 to 13, of no flags."""
    talk = cached.talk()
    talk.script(SELECT + FETCH_ENVELOPES)
    return talk


@pytest.mark.parametrize("cuts", [[], [1], [20], [40, 41, 42], [70]])
@pytest.mark.parametrize(
    ("command", "told"),
    [
        (b"UID FETCH 1:* (FLAGS)", b"* %d FETCH (UID %d FLAGS (%b))\r\n"),
        (b"UID FETCH 1:* (FLAGS)", b"* %d FETCH (FLAGS (%b) UID %d)\r\n"),
        (b"UID FETCH 1:* (FLAGS MODSEQ)", b"* %d FETCH (UID %d MODSEQ (5) FLAGS (%b))\r\n"),
        (b"FETCH 1:* (FLAGS)", b"* %d FETCH (FLAGS (%b))\r\n"),
    ],
)
def test_of_all(command, told, cuts):
    cached = Cached()
    talk = learned(cached)
    talk.client.dataReceived(b"f " + command + b"\r\n")
    said = b""
    for number, uid, flag in ((1, 11, b"\\Seen"), (2, 12, b""), (3, 13, b"a b")):
        values = {b"%d": [number, uid], b"%b": [flag]}
        parts = told.split(b"(%b)")
        said += parts[0].replace(b"%d", b"%d" % values[b"%d"].pop(0), 1).replace(b"%d", b"%d" % uid)
        said += b"(" + flag + b")" + parts[1].replace(b"%d", b"%d" % uid)
    said += b"f OK .\r\n"
    for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True):
        talk.upstream.dataReceived(said[start:end])
    assert talk.client_wire.take() == said
    assert flags(cached) == {11: b"(\\Seen)", 12: b"()", 13: b"(a b)"}


def test_of_one_that_was_changed():
    cached = Cached()
    talk = learned(cached)
    talk.client.dataReceived(b"f STORE 2 +FLAGS (x)\r\n")
    talk.upstream.dataReceived(b"* 2 FETCH (FLAGS (x))\r\n")
    talk.upstream.dataReceived(b"f OK .\r\n")
    assert flags(cached) == {12: b"(x)"}


def test_numbers_that_mean_another_message_now():
    cached = Cached()
    talk = learned(cached)
    talk.client.dataReceived(b"f NOOP\r\n")
    talk.upstream.dataReceived(b"* 3 FETCH (FLAGS (c))\r\n* 1 EXPUNGE\r\n* 1 FETCH (FLAGS (b))\r\n")
    talk.upstream.dataReceived(b"* 2 FETCH (FLAGS (d))\r\nf OK .\r\n")
    assert flags(cached) == {13: b"(d)"}


def test_a_message_that_looks_like_a_response():
    cached = Cached()
    talk = learned(cached)
    text = b"\r\n* 2 FETCH (FLAGS (evil))\r\n"
    talk.client.dataReceived(b"f FETCH 1:2 (FLAGS BODY.PEEK[TEXT])\r\n")
    talk.upstream.dataReceived(
        b"* 1 FETCH (FLAGS (a))\r\n* 1 FETCH (FLAGS (a) BODY[TEXT] {%d}\r\n%b)\r\nf OK .\r\n"
        % (len(text), text)
    )
    assert flags(cached).get(12) is None


def test_what_is_not_told_of_a_message_that_is_known():
    cached = Cached()
    talk = cached.talk()
    talk.script(SELECT)
    talk.client.dataReceived(b"f NOOP\r\n")
    talk.upstream.dataReceived(b"* 2 FETCH (FLAGS (x))\r\n* 99 FETCH (FLAGS (y))\r\nf OK .\r\n")
    assert flags(cached) == {}
