"""Dovecot is stopped, and mail programs that people use go on reading, or do no harm."""

from collections import Counter
from pathlib import Path

import pytest

from tests.real.caching_proxy import CachingProxy
from tests.real.dovecot import Account, Dovecot, Message
from tests.real.mail import corpus
from tests.real.mbsync import Mbsync
from tests.real.programs import require_program
from tests.real.test_mutt import SETTINGS, Mutt
from tests.real.test_offline import away, proxy, server
from tests.real.truth import contents, with_lf

__all__ = ["away", "proxy", "server"]


@pytest.fixture
def account(server: Dovecot) -> Account:
    account = server.account("offline")
    # None is marked as deleted, for programs expunge what is, and each ends in a line end, for
    # mutt would add it.
    messages = [
        Message(message.octets, message.flags.replace("T", ""), message.arrived)
        for message in corpus()
        if message.octets.endswith(b"\n")
    ]
    account.seed("INBOX", messages)
    account.seed("Archive", messages[:3])
    return account


@pytest.mark.parametrize("program", ["mutt", "neomutt"])
def test_mutt_reads_every_message(
    program: str,
    server: Dovecot,
    proxy: CachingProxy,
    account: Account,
    away: None,
    tmp_path: Path,
) -> None:
    def read(name: str) -> list[bytes]:
        directory = tmp_path / name
        directory.mkdir()
        folder = f"imap://127.0.0.1:{proxy.port}/"
        settings = SETTINGS.format(account=account, folder=folder)
        return Mutt(require_program(program), directory, folder, settings).read_all()

    before = sorted(with_lf(held.octets) for held in contents(server, account))
    assert read("online") == before
    server.go_away()
    proxy.restart(kill=False)
    assert read("offline") == before


def test_mbsync_loses_nothing(
    server: Dovecot, proxy: CachingProxy, account: Account, away: None, tmp_path: Path
) -> None:
    """It synchronises both ways, and deletes here what is not there any more."""

    def mbsync() -> Mbsync:
        connection = f"Host 127.0.0.1\nPort {proxy.port}\nSSLType None\nAuthMechs LOGIN\n"
        who = f"User {account.user}\nPass {account.password}"
        return Mbsync(tmp_path, connection + who)

    def held() -> list[Counter[tuple[bytes, frozenset[bytes]]]]:
        return [mbsync().near(mailbox) for mailbox in ("INBOX", "Archive")]

    mbsync().synchronise()
    before = held()
    server.go_away()
    proxy.restart(kill=False)
    mbsync().synchronise()
    assert held() == before
    server.come_back()
    proxy.restart(kill=False)
    mbsync().synchronise()
    assert held() == before
