"""Every conversation with the fake server and, to keep them honest, with a real Dovecot."""

from pathlib import Path

import pytest

from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.peers import MemoryServer, SocketPeer
from tests.fakeserver.script import Conversation, Section, read_sections
from tests.real.dovecot import Dovecot

SECTIONS = [
    section
    for path in sorted((Path(__file__).parent / "conversations").glob("*.txt"))
    for section in read_sections(path)
]
# Where Dovecot rightly differs the script says why, behind "only fakeserver".
SHARED = [section for section in SECTIONS if not section.only]
by_name = pytest.mark.parametrize("section", SECTIONS, ids=[one.name for one in SECTIONS])
shared_by_name = pytest.mark.parametrize("section", SHARED, ids=[one.name for one in SHARED])


@by_name
def test_fakeserver(section: Section) -> None:
    home = MemoryServer()
    home.server.add_account("demo", "pw", empty=True)
    Conversation(home.connect, "demo", "pw", MESSAGES).play(section)


@shared_by_name
def test_dovecot(section: Section, dovecot: Dovecot) -> None:
    account = dovecot.account()
    conversation = Conversation(
        lambda: SocketPeer(dovecot.imap_port), account.user, account.password, MESSAGES
    )
    conversation.play(section)
