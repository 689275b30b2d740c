"""Conversations about what Dovecot has by plugins; ``{user}`` and ``{other}`` are names."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakeserver.dovecot_with_plugins import DovecotWithPlugins
from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.peers import Connect, MemoryServer, SocketPeer
from tests.fakeserver.script import Conversation, Section, read_sections

SECTIONS = [
    section
    for path in sorted((Path(__file__).parent / "conversations_with_plugins").glob("*.txt"))
    for section in read_sections(path)
]
# Where Dovecot rightly differs the script says why, behind "only fakeserver".
SHARED = [section for section in SECTIONS if not section.only]
by_name = pytest.mark.parametrize("section", SECTIONS, ids=[one.name for one in SECTIONS])
shared_by_name = pytest.mark.parametrize("section", SHARED, ids=[one.name for one in SHARED])


def play(section: Section, connect: Connect, user: str, other: str, password: str) -> None:
    """Hold the conversation as ``user``; connection 0 is for ``other`` to log in."""
    names = {"{user}": user, "{other}": other, "{password}": password}

    def filled(text: str) -> str:
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    lines = [replace(line, text=filled(line.text)) for line in section.lines]
    Conversation(connect, user, password, MESSAGES).play(replace(section, lines=lines))


@by_name
def test_fakeserver(section: Section) -> None:
    home = MemoryServer()
    for user in ("demo", "other"):
        account = home.server.add_account(user, "pw", empty=True)
        account.quota = {"STORAGE": 1024, "MESSAGE": 20}
    play(section, home.connect, "demo", "other", "pw")


@shared_by_name
def test_dovecot(section: Section, dovecot_with_plugins: DovecotWithPlugins) -> None:
    account, other = dovecot_with_plugins.account(), dovecot_with_plugins.account()

    def connect() -> SocketPeer:
        return SocketPeer(dovecot_with_plugins.imap_port)

    play(section, connect, account.user, other.user, account.password)
