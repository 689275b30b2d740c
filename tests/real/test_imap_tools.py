"""imap-tools, a library that gives messages as objects."""

import ssl
from collections.abc import Iterator

import pytest
from imap_tools import AND, OR, BaseMailBox, MailBox, MailBoxUnencrypted, MailMessageFlags

from tests.real.mail import corpus, multipart
from tests.real.peer import AnyAccount, Peer
from tests.real.programs import DEADLINE
from tests.real.truth import contents, straight, with_crlf


@pytest.fixture
def account(peer: Peer) -> AnyAccount:
    account = peer.server.account("tools")
    account.seed("INBOX", corpus())
    account.seed("Archive")
    return account


@pytest.fixture(params=["plain", "tls"])
def mailbox(
    request: pytest.FixtureRequest, peer: Peer, account: AnyAccount
) -> Iterator[BaseMailBox]:
    client: BaseMailBox
    if request.param == "plain":
        client = MailBoxUnencrypted("127.0.0.1", peer.port, timeout=DEADLINE)
    else:
        context = ssl.create_default_context(cafile=str(peer.ca_file))
        client = MailBox("127.0.0.1", peer.tls_port, timeout=DEADLINE, ssl_context=context)
    with client.login(account.user, account.password) as mailbox:
        yield mailbox


def test_messages(mailbox: BaseMailBox) -> None:
    messages = list(mailbox.fetch(mark_seen=False, bulk=True))
    assert [message.obj.as_bytes() for message in messages[:1]] == [corpus()[0].octets]
    assert [message.size_rfc822 for message in messages] == [
        len(with_crlf(message.octets)) for message in corpus()
    ]
    second = messages[1]
    assert second.subject == "Grüße 2"
    assert second.from_ == "juergen@example.org"
    assert second.html.strip() == "<p>Grüße</p>"
    assert [attachment.payload for attachment in second.attachments] == [bytes(range(256)) * 4]


def test_searches(mailbox: BaseMailBox) -> None:
    assert mailbox.uids(AND(subject="first")) == ["1", "3"]
    either = OR(from_="juergen", to="grace@example.net", uid="1:3")
    assert mailbox.uids(either) == ["1", "2", "3", "17"]
    assert mailbox.uids(AND(subject="Grüße"), "UTF-8") == ["2"]
    assert mailbox.uids(AND(seen=False, size_gt=2000, uid="1:14")) == ["12"]
    assert mailbox.numbers() == [str(number) for number in range(1, len(corpus()) + 1)]


def test_flags_copies_and_deletions(mailbox: BaseMailBox, peer: Peer, account: AnyAccount) -> None:
    before = contents(peer.server, account)
    mailbox.flag(["1", "2"], [MailMessageFlags.FLAGGED, "sorted"], True)
    mailbox.flag(["2"], [MailMessageFlags.SEEN], False)
    mailbox.copy(["1"], "Archive")
    mailbox.move(["3"], "Archive")
    moved = contents(peer.server, account, "Archive")
    assert [held.octets for held in moved] == [before[0].octets, before[2].octets]
    after = contents(peer.server, account)
    # It moves by COPY and EXPUNGE, which takes what was deleted before as well.
    kept = [held for held in before if b"\\Deleted" not in held.flags and held.uid != 3]
    assert [held.octets for held in after] == [held.octets for held in kept]
    assert after[0].flags == before[0].flags | {b"\\Flagged", b"sorted"}
    assert after[1].flags == (before[1].flags | {b"\\Flagged", b"sorted"}) - {b"\\Seen"}


def test_append_and_mailboxes(mailbox: BaseMailBox, peer: Peer, account: AnyAccount) -> None:
    name = "Entwürfe & mehr"
    mailbox.folder.create(name)
    mailbox.append(with_crlf(multipart(7)), name, flag_set=[MailMessageFlags.DRAFT])
    mailbox.folder.rename(name, "Entwürfe")
    assert mailbox.folder.status("Entwürfe", ["MESSAGES"]) == {"MESSAGES": 1}
    assert {one.name for one in mailbox.folder.list()} == {"INBOX", "Archive", "Entwürfe"}
    [held] = contents(peer.server, account, "Entw&APw-rfe")
    assert held.octets == with_crlf(multipart(7))
    assert held.flags == {b"\\Draft"}
    mailbox.folder.delete("Entwürfe")
    assert not mailbox.folder.exists("Entwürfe")


def test_idle(mailbox: BaseMailBox, peer: Peer, account: AnyAccount) -> None:
    with mailbox.idle as idle:
        with straight(peer.server, account) as other:
            other.append("INBOX", "", "", b"Subject: news\r\n\r\n")
        heard = idle.poll(timeout=DEADLINE)
    assert b"* %d EXISTS" % (len(corpus()) + 1) in heard
