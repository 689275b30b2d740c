"""SELECT with QRESYNC (RFC 7162 section 3.2.5), of the fake server and of Dovecot."""

import re
from collections.abc import Iterator

import pytest

from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.peers import Peer, SocketPeer
from tests.fakeserver.talk import greeted, new_home

_ITEM = r"[A-Z]+ (?:\(.*?\)|\d+)"
SIMPLE = MESSAGES["simple"]


class Client:
    """A client on either of the two."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def ask(self, command: str, literal: bytes = b"") -> list[str]:
        """The responses, the tagged one last."""
        self.peer.send(b"t " + command.encode() + literal + b"\r\n")
        responses: list[str] = []
        while not responses or not responses[-1].startswith("t "):
            response = self.peer.read().decode()
            assert response
            responses.append(response.removesuffix("\r\n"))
        assert responses[-1].startswith("t OK"), responses
        return responses

    def figure(self, item: str) -> int:
        status = self.ask(f"STATUS INBOX ({item})")[0]
        found = re.search(rf"{item} (\d+)", status)
        assert found is not None, status
        return int(found[1])

    def resync(self, since: int, known: str = "") -> list[str]:
        """What SELECT tells of what changed: flags and what vanished, in any order of these."""
        self.ask("UNSELECT")
        validity = self.figure("UIDVALIDITY")
        told = self.ask(f"SELECT INBOX (QRESYNC ({validity} {since}{known}))")
        return sorted(_in_order(line) for line in told if " FETCH " in line or "VANISHED" in line)


def _in_order(response: str) -> str:
    """A FETCH response with its items in order, for a server may have its own."""
    masked = re.sub(r"MODSEQ \(\d+\)", "MODSEQ (n)", response)
    return re.sub(
        r"FETCH \((.*)\)",
        lambda found: f"FETCH ({' '.join(sorted(re.findall(_ITEM, found[1])))})",
        masked,
    )


@pytest.fixture(params=["fakeserver", "dovecot"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """Logged in, with eight messages in INBOX, of which number 2 and 5 are gone since."""
    if request.param == "dovecot":
        dovecot = request.getfixturevalue("dovecot")
        account = dovecot.account()
        peer: Peer = SocketPeer(dovecot.imap_port)
        peer.read()
        made = Client(peer)
        made.ask(f"LOGIN {account.user} {account.password}")
    else:
        made = Client(greeted(new_home()))
        made.ask("LOGIN demo pw")
    for _ in range(8):
        made.ask(f"APPEND INBOX {{{len(SIMPLE)}+}}\r\n", SIMPLE)
    made.ask("ENABLE QRESYNC")
    made.ask("SELECT INBOX")
    yield made
    made.peer.close()


@pytest.fixture
def before(client: Client) -> int:
    """The mod-sequence before UIDs 2 and 5 went and UID 7 was flagged."""
    client.ask("UNSELECT")
    mod_seq = client.figure("HIGHESTMODSEQ")
    client.ask("SELECT INBOX")
    client.ask("UID STORE 2,5 +FLAGS.SILENT (\\Deleted)")
    client.ask("EXPUNGE")
    client.ask("UID STORE 7 +FLAGS (\\Flagged)")
    return mod_seq


# What was flagged, its items in the one order or the other.
FLAGGED = r"* 5 FETCH (FLAGS (\Flagged) MODSEQ (n) UID 7)"
GONE = "* VANISHED (EARLIER) 2,5"


def test_what_changed_is_told(client: Client, before: int) -> None:
    assert client.resync(before) == [FLAGGED, GONE]


def test_nothing_changed(client: Client, before: int) -> None:
    assert client.resync(client.figure("HIGHESTMODSEQ")) == []


def test_only_known_uids_are_told(client: Client, before: int) -> None:
    assert client.resync(before, " 1:4") == ["* VANISHED (EARLIER) 2"]
    assert client.resync(before, " 7") == [FLAGGED]


def test_numbers_and_uids_that_still_belong_together(client: Client, before: int) -> None:
    # Message 3 is UID 4 by now: so the client knows of all that went before it. Dovecot tells all
    # the same, as it may; it needs the pairs only where its log does not reach back so far.
    flagged, gone = client.resync(before, " 1:8 (1,3 1,4)")
    assert flagged == FLAGGED
    assert gone in ("* VANISHED (EARLIER) 5", GONE)
    assert client.resync(before, " 1:8 (1,2 1,2)") == [FLAGGED, GONE]


def test_another_uid_validity_tells_nothing(client: Client, before: int) -> None:
    client.ask("UNSELECT")
    told = client.ask(f"SELECT INBOX (QRESYNC (1 {before}))")
    assert not [line for line in told if " FETCH " in line or "VANISHED" in line]
