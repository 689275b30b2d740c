"""Whatever a session has said to Dovecot, the next one on its connection hears nothing of it.

A random session goes before; then one that asks for all that could have stayed, which must hear
what it hears on a new connection. The seed is the test's name.
"""

import random
import re
from collections.abc import Iterator

import pytest

from tests.real.dovecot import Account, Dovecot, Message
from tests.real.proxy import configured_proxy
from tests.real.raw import RawClient, octets_of

_SEEDS = range(40)
# What differs between any two sessions: timings, and counters that the one before has moved.
_MOVES = re.compile(
    rb" \(\d[^)]*secs\)|(?<=HIGHESTMODSEQ )\d+|(?<=UIDNEXT )\d+|\d+ (?=EXISTS|RECENT)"
)

HARMLESS = (
    b"NOOP",
    b"SELECT INBOX",
    b"EXAMINE INBOX",
    b"SELECT Drafts",
    b"SELECT nowhere",
    b"CLOSE",
    b"UNSELECT",
    b"SEARCH RETURN (SAVE) UNSEEN",
    b"SEARCH TEXT {3+}\r\none UNSEEN",
    b"FETCH 1:* (UID FLAGS ENVELOPE)",
    b"UID FETCH 1:* BODY[]",
    b"STORE 1 +FLAGS ($Label)",
    b'LIST "" "*" RETURN (SUBSCRIBED)',
    b"FETCH",
    b"GETMETADATA INBOX /private/comment",
)
HARMFUL = (
    b"SELECT INBOX (CONDSTORE)",
    b"SELECT Drafts (QRESYNC (1 2))",
    b"select {6+}\r\nDrafts (condstore)",
    b"ENABLE CONDSTORE",
    b"ENABLE QRESYNC",
    b"ENABLE UTF8=ACCEPT",
    b"STATUS INBOX (HIGHESTMODSEQ)",
    b"STATUS {5+}\r\nINBOX (MESSAGES HIGHESTMODSEQ)",
    b"FETCH 1 (MODSEQ)",
    b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)",
    b"STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)",
    b"SEARCH MODSEQ 1",
    b"SEARCH RETURN (UPDATE COUNT) ALL",
    b"SEARCH TEXT {3+}\r\none MODSEQ 1",
    b"NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MailboxName))",
    b'ID ("name" "one")',
    b'LIST "" "*" RETURN (STATUS (HIGHESTMODSEQ))',
    b"COMPARATOR i;octet",
    b"XUNHEARDOF of",
)
ASKED = (
    b"FETCH 1 FLAGS",
    b"SEARCH $",
    b"CAPABILITY",
    b"SELECT INBOX",
    b"SEARCH $",
    b"STORE 1 +FLAGS (\\Flagged)",
    b"STORE 1 -FLAGS (\\Flagged)",
    b"FETCH 1:2 (UID FLAGS)",
    b"EXPUNGE",
    b"UNSELECT",
    b"FETCH 1 FLAGS",
    b"STATUS INBOX (MESSAGES)",
)


@pytest.fixture(scope="module")
def port(dovecot: Dovecot) -> Iterator[int]:
    with configured_proxy(dovecot.upstream_settings) as port:
        yield port


@pytest.fixture(scope="module")
def new_port(dovecot: Dovecot) -> Iterator[int]:
    """A proxy that parks nothing: each of its sessions has a new connection."""
    with configured_proxy(dovecot.upstream_settings, "[pool]\nenabled = false") as port:
        yield port


def _heard(port: int, account: Account, *commands: bytes) -> list[bytes]:
    log_in = f"LOGIN {account.user} {account.password}".encode()
    with RawClient(port) as client:
        heard = [octets_of(client.command(one)) for one in (log_in, *commands, b"LOGOUT")]
        client.read_to_end()
    return [_MOVES.sub(b"", one) for one in heard]


def _one(chance: random.Random) -> bytes:
    # Were there more of the harmful ones, hardly any connection would be inherited.
    return chance.choice(HARMLESS if chance.random() < 0.85 else HARMFUL)


@pytest.mark.parametrize("seed", _SEEDS)
def test_nothing_is_inherited(dovecot: Dovecot, port: int, new_port: int, seed: int) -> None:
    chance = random.Random(seed)
    account = dovecot.account("heir")
    account.seed("INBOX", [Message(b"Subject: %d\r\n\r\none\r\n" % n) for n in range(3)])
    account.seed("Drafts")
    # What the mailboxes hold, and the proxy's own way of logging in, is the same from here on.
    _heard(port, account, *ASKED, b"SELECT INBOX", b"STORE 1 +FLAGS ($Label \\Seen)")
    said = [_one(chance) for _ in range(chance.randint(1, 6))]
    _heard(port, account, *said)
    inherited = _heard(port, account, *ASKED)
    fresh = _heard(new_port, account, *ASKED)
    # Here the upstream's own words are heard.
    assert inherited[:-1] == fresh[:-1], said


def test_sessions_like_these_do_inherit_connections(dovecot: Dovecot, port: int) -> None:
    account = dovecot.account("heir")
    account.seed("Drafts")
    for command in HARMLESS:
        _heard(port, account, b"SELECT Drafts", b"CLOSE", command)
    dovecot.wait_for_log(rf"Login: user=<{account.user}>")
    assert dovecot.log().count(f"Login: user=<{account.user}>") == 1
