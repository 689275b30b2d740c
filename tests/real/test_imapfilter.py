"""imapfilter: sorts the mail of an account by rules that are a program in Lua."""

from pathlib import Path

import pytest

from tests.real.mail import corpus
from tests.real.peer import AnyAccount, Peer
from tests.real.programs import require_program, run
from tests.real.truth import contents

_ACCOUNT = """\
options.starttls = false
options.create = true
options.expunge = true
options.info = false
account = IMAP {{
    server = '127.0.0.1', port = {port}, username = '{user}', password = '{password}',
}}
inbox = account.INBOX
"""


class Imapfilter:
    """imapfilter with the account at hand as ``account`` and its INBOX as ``inbox``."""

    def __init__(self, directory: Path, port: int, account: AnyAccount) -> None:
        self._program = require_program("imapfilter")
        self._directory = directory
        self._account = _ACCOUNT.format(port=port, user=account.user, password=account.password)

    def __call__(self, rules: str) -> list[str]:
        """Run it with some rules; the lines that they print."""
        configuration = self._directory / "config.lua"
        configuration.write_text(self._account + rules)
        environment = {"HOME": str(self._directory)}
        return run(self._program, "-c", configuration, environment=environment).decode().split("\n")


@pytest.fixture
def account(peer: Peer) -> AnyAccount:
    account = peer.server.account("filter")
    account.seed("INBOX", corpus())
    account.seed("Archive")
    return account


@pytest.fixture
def imapfilter(peer: Peer, account: AnyAccount, tmp_path: Path) -> Imapfilter:
    return Imapfilter(tmp_path, peer.port, account)


def test_figures_and_searches(imapfilter: Imapfilter) -> None:
    lines = imapfilter("""
        print(inbox:check_status())
        print(#inbox:contain_subject('first'), #inbox:is_unseen(), #inbox:is_larger(2000))
        print(#(inbox:is_flagged() * inbox:is_seen()), #(inbox:match_header('.*grace@.*')))
        for _, message in ipairs(inbox:contain_from('grace')) do
            mailbox, uid = table.unpack(message)
            print(uid, mailbox[uid]:fetch_field('subject'))
        end
    """)
    figures = [line.split() for line in lines]
    count = len(corpus())
    unseen = sum("S" not in message.flags for message in corpus())
    large = sum(len(message.octets) > 2000 for message in corpus())
    assert figures[0][0] == str(count)
    assert figures[1] == ["2", str(unseen), str(large)]
    flagged = sum({"F", "S"} <= set(message.flags) for message in corpus())
    assert figures[2][0] == str(flagged)
    assert lines[3] == "3\tSubject: re: first"


def test_messages_are_moved_copied_and_flagged(
    imapfilter: Imapfilter, peer: Peer, account: AnyAccount
) -> None:
    before = contents(peer.server, account)
    imapfilter("""
        inbox:contain_subject('first'):move_messages(account['Archive'])
        inbox:contain_from('juergen'):copy_messages(account['Made.Now'])
        inbox:contain_from('juergen'):add_flags({ '\\\\Flagged', 'Sorted' })
        inbox:is_larger(50000):delete_messages()
    """)
    moved = contents(peer.server, account, "Archive")
    assert [held.octets for held in moved] == [before[0].octets, before[2].octets]
    copied = contents(peer.server, account, "Made.Now")
    assert [held.octets for held in copied] == [before[1].octets]
    after = contents(peer.server, account)
    assert after[0].octets == before[1].octets
    assert after[0].flags == before[1].flags | {b"\\Flagged", b"Sorted"}
    # What was deleted before goes with it, for that is how EXPUNGE is.
    kept = [
        held
        for held in before
        if held.uid not in (1, 3) and len(held.octets) < 50000 and b"\\Deleted" not in held.flags
    ]
    assert [held.octets for held in after] == [held.octets for held in kept]


def test_mailboxes(imapfilter: Imapfilter, peer: Peer, account: AnyAccount) -> None:
    lines = imapfilter("""
        account:create_mailbox('Work')
        account:subscribe_mailbox('Work')
        account:rename_mailbox('Archive', 'Old')
        mailboxes, folders = account:list_all()
        table.sort(mailboxes)
        print(table.concat(mailboxes, ' '))
        subscribed = account:list_subscribed()
        print(table.concat(subscribed, ' '))
        account:delete_mailbox('Work')
        print(#account:list_all())
    """)
    assert lines[:3] == ["INBOX Old Work", "Work", "2"]
