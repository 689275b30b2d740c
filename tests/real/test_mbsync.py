"""mbsync (isync): a two-way synchronisation, by a port and by the proxy's standard input."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.mail import corpus, large, plain
from tests.real.mbsync import Mbsync, far
from tests.real.peer import AnyAccount, Peer
from tests.real.truth import contents, straight


@pytest.fixture
def account(peer: Peer) -> AnyAccount:
    account = peer.server.account("sync")
    account.seed("INBOX", corpus())
    account.seed("Archive", corpus()[:5])
    account.seed("Archive.2022", corpus()[5:8])
    account.seed("Two words")
    return account


def by_port(peer: Peer) -> str:
    return f"Host 127.0.0.1\nPort {peer.port}\nSSLType None"


def by_tunnel(peer: Peer) -> str:
    return f'Tunnel "{peer.stdio}"\nSSLType None'


@pytest.fixture
def mbsync(way: Callable[[Peer], str], peer: Peer, account: AnyAccount, tmp_path: Path) -> Mbsync:
    user = f"User {account.user}\nPass {account.password}\nAuthMechs LOGIN\n"
    return Mbsync(tmp_path, user + way(peer))


@pytest.mark.parametrize(
    ("peer", "way"),
    [("proxy", by_port), ("proxy", by_tunnel), ("fake server", by_port)],
    indirect=["peer"],
)
def test_two_way_synchronisation(mbsync: Mbsync, peer: Peer, account: AnyAccount) -> None:
    server = peer.server
    mailboxes = ["INBOX", "Archive", "Archive.2022", "Two words"]

    def assert_same() -> None:
        for mailbox in mailboxes:
            assert mbsync.near(mailbox) == far(server, account, mailbox), mailbox

    # Messages that are marked as deleted go with the first synchronisation, as configured.
    kept = {m: count for m, count in far(server, account, "INBOX").items() if not is_deleted(m)}
    mbsync.synchronise()
    assert_same()
    assert mbsync.near("INBOX") == kept

    # Here: a message is read, one is deleted, one is new, and so is a mailbox.
    files = sorted(mbsync.files("INBOX"))
    add_letter(files[0], "F")
    add_letter(files[1], "T")
    (mbsync.folder("Two words") / "new" / "1.new.here").write_bytes(large(200_000))
    for part in ("tmp", "new", "cur"):
        (mbsync.folder("Local") / part).mkdir(parents=True)
    (mbsync.folder("Local") / "cur" / "2.new.here:2,S").write_bytes(plain("local", "text"))
    # There: the same.
    with straight(server, account) as other:
        other.select("Archive")
        other.store("1", "+FLAGS", r"(\Answered)")
        other.store("2", "+FLAGS", r"(\Deleted)")
        other.append("Archive.2022", r"(\Draft)", "", b"Subject: from there\r\n\r\ntext\r\n")
        other.create("Far")
        other.append("Far", "", "", b"Subject: far\r\n\r\ntext\r\n")
    mbsync.synchronise()
    mailboxes += ["Local", "Far"]
    assert_same()
    assert far(server, account, "Two words") == {(large(200_000), frozenset()): 1}
    assert far(server, account, "Local") == {(plain("local", "text"), frozenset({b"\\Seen"})): 1}
    assert mbsync.near("Far") == {(b"Subject: far\n\ntext\n", frozenset()): 1}
    assert sum(mbsync.near("INBOX").values()) == sum(kept.values()) - 1
    assert sum(b"\\Flagged" in flags for _, flags in mbsync.near("INBOX")) >= 1

    # With nothing new on either side nothing happens.
    before = {mailbox: contents(server, account, mailbox) for mailbox in mailboxes}
    mbsync.synchronise()
    assert before == {mailbox: contents(server, account, mailbox) for mailbox in mailboxes}


def is_deleted(message: tuple[bytes, frozenset[bytes]]) -> bool:
    return b"\\Deleted" in message[1]


def add_letter(path: Path, letter: str) -> None:
    """Set a flag as a mail program does: by the name of the file."""
    base, _, letters = path.name.partition(":2,")
    name = f"{base}:2,{''.join(sorted({*letters, letter}))}"
    path.rename(path.parent.parent / "cur" / name)
