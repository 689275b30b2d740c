"""What is believed of how servers lay out their answers, held against a real one."""

import random
from collections.abc import Iterator

import pytest

from tests.real.dovecot import Dovecot, Message
from tests.real.raw import RawClient, octets_of

_ITEMS = (
    b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODYSTRUCTURE", b"BODY",
    b"BODY.PEEK[]", b"BODY.PEEK[HEADER]", b"BODY.PEEK[HEADER.FIELDS (From Subject)]",
    b"BODY.PEEK[]<0.10>",
    b"RFC822.HEADER", b"BODY.PEEK[TEXT]", b"BINARY.PEEK[1]", b"BODY.PEEK[1.MIME]", b"PREVIEW",
)  # fmt: skip


@pytest.fixture
def client(dovecot: Dovecot) -> Iterator[RawClient]:
    account = dovecot.account("shapes")
    account.seed("INBOX", [Message(b"From: a@example.org\r\nSubject: x\r\n\r\nText\r\n")])
    with RawClient(dovecot.imap_port) as client:
        client.ok(b"LOGIN %b %b" % (account.user.encode(), account.password.encode()))
        client.ok(b"SELECT INBOX")
        yield client


def test_where_the_uid_is_asked_for_first_both_commands_are_answered_the_same(
    client: RawClient,
) -> None:
    # See ``imapproxy.cache.request``: one shape is taken for both.
    source = random.Random(1)
    for _ in range(200):
        items = b"(UID " + b" ".join(source.sample(_ITEMS, source.randint(1, 5))) + b")"
        by_number = octets_of(client.ok(b"FETCH 1 " + items)[:-1])
        by_uid = octets_of(client.ok(b"UID FETCH 1:* " + items)[:-1])
        assert by_number == by_uid, items


def test_elsewhere_they_are_not(client: RawClient) -> None:
    (by_number, _), (by_uid, _) = (
        client.ok(command + b" 1:* (FLAGS UID)") for command in (b"FETCH", b"UID FETCH")
    )
    assert by_number.octets.startswith(b"* 1 FETCH (FLAGS ")
    assert by_uid.octets.startswith(b"* 1 FETCH (UID ")
