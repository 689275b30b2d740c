"""Lists of mailboxes with a time to live, before a real server and other programs at work."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.caching_proxy import CachingProxy
from tests.real.dovecot import Account, Dovecot
from tests.real.raw import RawClient, octets_of

LISTS = (b'LIST "" "*"', b'LIST "" "*" RETURN (SUBSCRIBED)', b'LSUB "" "*"', b"NAMESPACE")

# Dovecot compares the times of files, in seconds, with the time of the last look.
_MARKED = re.compile(rb" ?\\(?:Un)?Marked", re.IGNORECASE)


@pytest.fixture
def account(dovecot: Dovecot) -> Account:
    account = dovecot.account("lists")
    account.seed("INBOX", [])
    return account


@pytest.fixture
def proxy(dovecot: Dovecot, tmp_path: Path) -> Iterator[CachingProxy]:
    with CachingProxy(
        dovecot.upstream, dovecot.ca_file, tmp_path, "live", list_ttl=3600.0
    ) as proxy:
        yield proxy


def logged_in(port: int, account: Account) -> RawClient:
    client = RawClient(port)
    client.ok(b"LOGIN %b %b" % (account.user.encode(), account.password.encode()))
    return client


def lists(client: RawClient) -> list[bytes]:
    told = [octets_of(client.ok(command)[:-1]) for command in LISTS]
    return [_MARKED.sub(b"", octets) for octets in told]


def test_lists_are_those_of_the_server_as_far_as_this_proxy_can_know(
    dovecot: Dovecot, account: Account, proxy: CachingProxy
) -> None:
    with (
        logged_in(proxy.port, account) as first,
        logged_in(proxy.port, account) as second,
        logged_in(dovecot.imap_port, account) as straight,
    ):
        before = lists(first)
        assert before == lists(straight)
        straight.ok(b"CREATE Elsewhere")
        straight.ok(b"SUBSCRIBE Elsewhere")
        # It cannot know that, which shows that the server was not asked.
        assert lists(first) == lists(second) == before
        for change in (b"CREATE Here.Below", b"SUBSCRIBE Here.Below", b"RENAME Here There"):
            second.ok(change)
            now = lists(straight)
            assert now != before
            assert lists(first) == lists(second) == now
            before = now
        second.continued(b"t DELETE {11}\r\n", b"There.Below\r\n")
        assert lists(first) == lists(straight) != before
