"""QUOTA (RFC 9208): what is told, and what no longer fits."""

import pytest

from tests.fakeserver.peers import MemoryPeer, MemoryServer
from tests.fakeserver.talk import ask, home_without, logged_in, new_home

ROOT = b'"User quota"'


def with_limits(**limits: int) -> tuple[MemoryServer, MemoryPeer]:
    home = new_home()
    home.server.set_quota(limits)
    return home, logged_in(home)


def append(count: int, size: int = 100) -> bytes:
    return b"APPEND INBOX" + count * (b" {%d+}\r\n%b" % (size, b"x" * size))


def test_without_limits_there_is_a_root_with_none() -> None:
    peer = logged_in(new_home())
    assert ask(peer, b"GETQUOTAROOT INBOX")[:2] == [
        b"* QUOTAROOT INBOX " + ROOT + b"\r\n",
        b"* QUOTA " + ROOT + b" ()\r\n",
    ]


def test_usage_and_limits() -> None:
    _, peer = with_limits(STORAGE=100, MESSAGE=10, MAILBOX=3)
    assert ask(peer, append(2, 600))[-1].startswith(b"t OK")
    answer = ask(peer, b"GETQUOTA " + ROOT)
    assert answer[0] == b"* QUOTA " + ROOT + b" (STORAGE 2 100 MESSAGE 2 10 MAILBOX 1 3)\r\n"
    assert ask(peer, b"GETQUOTA nope")[-1].startswith(b"t NO [NONEXISTENT]")
    assert ask(peer, b"GETQUOTAROOT nope")[-1].startswith(b"t NO [NONEXISTENT]")


def test_set_quota_discards_other_limits() -> None:
    home, peer = with_limits(STORAGE=100)
    answer = ask(peer, b"SETQUOTA " + ROOT + b" (MESSAGE 5)")
    assert answer[0] == b"* QUOTA " + ROOT + b" (MESSAGE 0 5)\r\n"
    assert home.server.account().quota == {"MESSAGE": 5}
    assert ask(peer, b"SETQUOTA " + ROOT + b" (NOSUCH 5)")[-1].startswith(b"t NO [CANNOT]")
    assert ask(peer, b"SETQUOTA nope ()")[-1].startswith(b"t NO [NONEXISTENT]")
    assert ask(peer, b"SETQUOTA " + ROOT + b" ()")[0] == b"* QUOTA " + ROOT + b" ()\r\n"


@pytest.mark.parametrize("limits", [{"MESSAGE": 2}, {"STORAGE": 1}])
def test_over_quota(limits: dict[str, int]) -> None:
    home, peer = with_limits(**limits)
    assert ask(peer, append(2, 400))[-1].startswith(b"t OK")
    # All or none of several messages.
    assert ask(peer, append(2, 300))[-1].startswith(b"t NO [OVERQUOTA]")
    assert ask(peer, b"SELECT INBOX")[-1].startswith(b"t OK")
    assert ask(peer, b"COPY 1 INBOX")[-1].startswith(b"t NO [OVERQUOTA]")
    assert len(home.server.mailbox().messages) == 2
    # What is moved is not more than before.
    assert ask(peer, b"CREATE a")[-1].startswith(b"t OK")
    assert ask(peer, b"MOVE 1:2 a")[-1].startswith(b"t OK")


def test_refused_before_it_is_sent() -> None:
    _, peer = with_limits(STORAGE=1)
    assert ask(peer, b"APPEND INBOX {2000}")[-1].startswith(b"t NO [OVERQUOTA]")


def test_too_many_mailboxes() -> None:
    _, peer = with_limits(MAILBOX=2)
    assert ask(peer, b"CREATE a")[-1].startswith(b"t OK")
    assert ask(peer, b"CREATE b")[-1].startswith(b"t NO [OVERQUOTA]")


def test_what_expunge_would_free() -> None:
    _, peer = with_limits()
    ask(peer, append(3))
    ask(peer, b"SELECT INBOX")
    ask(peer, rb"STORE 1:2 +FLAGS (\Deleted)")
    answer = ask(peer, b"STATUS INBOX (DELETED DELETED-STORAGE)")
    assert answer[0] == b"* STATUS INBOX (DELETED 2 DELETED-STORAGE 200)\r\n"


def test_switched_off() -> None:
    home = home_without("QUOTA")
    home.server.account().quota = {"MESSAGE": 0}
    peer = logged_in(home)
    for command in (b"GETQUOTA " + ROOT, b"GETQUOTAROOT INBOX", b"SETQUOTA " + ROOT + b" ()"):
        assert ask(peer, command)[-1].startswith(b"t BAD")
    assert ask(peer, b"STATUS INBOX (DELETED)")[-1].startswith(b"t BAD")
    assert ask(peer, append(1))[-1].startswith(b"t OK")
    assert b"QUOTA" not in ask(peer, b"CAPABILITY")[0]


def test_users_who_may_not_set_it() -> None:
    peer = logged_in(home_without("QUOTASET"))
    assert ask(peer, b"SETQUOTA " + ROOT + b" ()")[-1].startswith(b"t BAD")
    assert ask(peer, b"GETQUOTA " + ROOT)[-1].startswith(b"t OK")


def test_snapshots_keep_limits() -> None:
    home, peer = with_limits(MESSAGE=3)
    snapshot = home.server.snapshot()
    ask(peer, b"SETQUOTA " + ROOT + b" ()")
    home.server.restore(snapshot)
    assert home.server.account().quota == {"MESSAGE": 3}
