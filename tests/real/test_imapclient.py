"""IMAPClient, a library with the modern extensions."""

import datetime
import ssl
from collections.abc import Iterator

import pytest
from imapclient import DELETED, FLAGGED, SEEN, IMAPClient

from tests.real.mail import corpus, large
from tests.real.peer import AnyAccount, Peer
from tests.real.programs import DEADLINE
from tests.real.truth import contents, straight, with_crlf

pytestmark = pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("proxy", "plain"),
        ("proxy", "tls"),
        ("proxy", "straight to the server"),
        ("fake server", "plain"),
        ("fake server", "tls"),
    ],
    indirect=True,
)


@pytest.fixture
def account(peer: Peer) -> AnyAccount:
    account = peer.server.account("client")
    account.seed("INBOX", corpus())
    account.seed("Archive")
    return account


@pytest.fixture
def client(request: pytest.FixtureRequest, peer: Peer, account: AnyAccount) -> Iterator[IMAPClient]:
    if request.param == "tls":
        context = ssl.create_default_context(cafile=str(peer.ca_file))
        client = IMAPClient("127.0.0.1", peer.tls_port, ssl_context=context, timeout=DEADLINE)
    else:
        port = peer.port if request.param == "plain" else peer.server.imap_port
        client = IMAPClient("127.0.0.1", port, ssl=False, timeout=DEADLINE)
    with client:
        client.login(account.user, account.password)
        yield client


def test_fetch(client: IMAPClient) -> None:
    messages = corpus()
    assert client.select_folder("INBOX")[b"EXISTS"] == len(messages)
    found = client.fetch(client.search(), ["RFC822.SIZE", "BODY.PEEK[]"])
    assert [data[b"BODY[]"] for data in found.values()] == [
        with_crlf(message.octets) for message in messages
    ]
    assert all(data[b"RFC822.SIZE"] == len(data[b"BODY[]"]) for data in found.values())
    # Not of all: IMAPClient makes nothing of the ENVELOPE of a message without a Date.
    [(_, data)] = client.fetch([2], ["ENVELOPE", "BODYSTRUCTURE"]).items()
    assert data[b"ENVELOPE"].message_id == b"<multi2@example.org>"
    assert data[b"BODYSTRUCTURE"].is_multipart


def test_flags(client: IMAPClient, peer: Peer, account: AnyAccount) -> None:
    client.select_folder("INBOX")
    before = [held.flags for held in contents(peer.server, account)]
    changed = client.add_flags([1, 2, 3], [FLAGGED, b"$Keyword"])
    assert all({FLAGGED, b"$Keyword"} <= set(flags) for flags in changed.values())
    client.remove_flags([1], [FLAGGED])
    after = [held.flags for held in contents(peer.server, account)]
    assert after[0] == before[0] | {b"$Keyword"}
    assert after[1] == before[1] | {b"$Keyword", FLAGGED}
    assert after[3:] == before[3:]


def test_append_and_copy(client: IMAPClient, peer: Peer, account: AnyAccount) -> None:
    message = with_crlf(large(100_000))
    moment = datetime.datetime(2020, 2, 29, 12, 0, tzinfo=datetime.UTC)
    assert b"APPENDUID" in client.append("Archive", message, [SEEN], moment)
    client.select_folder("Archive")
    client.copy([1], "INBOX")
    for mailbox in ("Archive", "INBOX"):
        last = contents(peer.server, account, mailbox)[-1]
        assert last.octets == message
        assert last.flags == {SEEN}


def test_move(client: IMAPClient, peer: Peer, account: AnyAccount) -> None:
    before = contents(peer.server, account)
    client.select_folder("INBOX")
    assert client.has_capability("MOVE")
    client.move([1, 3], "Archive")
    moved = contents(peer.server, account, "Archive")
    assert [held.octets for held in moved] == [before[0].octets, before[2].octets]
    assert contents(peer.server, account) == [before[1], *before[3:]]


def test_delete(client: IMAPClient, peer: Peer, account: AnyAccount) -> None:
    before = contents(peer.server, account)
    kept = [held for held in before if DELETED not in held.flags and held.uid != 4]
    client.select_folder("INBOX")
    client.delete_messages([4])
    client.expunge()
    assert contents(peer.server, account) == kept


def test_search_sort_and_thread(client: IMAPClient) -> None:
    client.select_folder("INBOX")
    assert client.search(["SUBJECT", "first"]) == [1, 3]
    assert client.search(["SUBJECT", "Grüße"], "UTF-8") == [2]
    assert client.sort(["REVERSE ARRIVAL"])[0] == len(corpus())
    assert (1, 3) in client.thread("ORDEREDSUBJECT")


def test_idle_hears_what_others_do(client: IMAPClient, peer: Peer, account: AnyAccount) -> None:
    count = client.select_folder("INBOX")[b"EXISTS"]
    client.idle()
    with straight(peer.server, account) as other:
        other.append("INBOX", "", "", b"Subject: news\r\n\r\n")
        heard = until(client, b"EXISTS")
        assert (count + 1, b"EXISTS") in heard
        other.select("INBOX")
        other.store(str(count + 1), "+FLAGS", r"(\Deleted \Flagged)")
        heard = until(client, b"FETCH")
        assert heard[-1][0] == count + 1
        other.uid("EXPUNGE", str(count + 1))
        heard = until(client, b"EXPUNGE")
        assert (count + 1, b"EXPUNGE") in heard
    text, _ = client.idle_done()
    assert text.startswith(b"Idle completed")
    assert client.noop()[0].startswith(b"NOOP completed")


def until(client: IMAPClient, name: bytes) -> list[tuple[object, ...]]:
    heard: list[tuple[object, ...]] = []
    while not any(name in response for response in heard):
        new = client.idle_check(timeout=DEADLINE)
        assert new, f"{name!r} was not heard, only {heard}"
        heard += new
    return heard


def test_condstore(client: IMAPClient, peer: Peer, account: AnyAccount) -> None:
    assert client.has_capability("CONDSTORE")
    assert client.enable("CONDSTORE") == [b"CONDSTORE"]
    before = client.folder_status("INBOX", ["HIGHESTMODSEQ"])[b"HIGHESTMODSEQ"]
    client.select_folder("INBOX")
    with straight(peer.server, account) as other:
        other.select("INBOX")
        other.store("2", "+FLAGS", r"(\Flagged)")
    changed = client.fetch(client.search(), ["FLAGS"], [f"CHANGEDSINCE {before}"])
    assert list(changed) == [2]
    assert FLAGGED in changed[2][b"FLAGS"]
    assert changed[2][b"MODSEQ"][0] > before


def test_mailboxes(client: IMAPClient) -> None:
    name = 'Entwürfe & {5} \\ "zitiert"'
    client.create_folder(name)
    client.subscribe_folder(name)
    assert name in [found for _, _, found in client.list_folders()]
    assert [found for _, _, found in client.list_sub_folders()] == [name]
    client.rename_folder(name, "Entwürfe")
    assert client.folder_status("Entwürfe", ["MESSAGES"]) == {b"MESSAGES": 0}
    client.delete_folder("Entwürfe")
    assert {found for _, _, found in client.list_folders()} == {"INBOX", "Archive"}
    assert client.namespace().personal == (("", "."),)
