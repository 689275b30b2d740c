"""The commands of all conversations, mutilated: each is answered once, and nothing breaks."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.peers import MemoryPeer, MemoryServer
from tests.fakeserver.script import Conversation, read_sections
from tests.fakeserver.talk import logged_in, new_home

_HERE = Path(__file__).parent
_COMMANDS = 150


def _commands() -> Iterator[bytes]:
    encoder = Conversation(lambda: pytest.fail("not played"), "demo", "pw", MESSAGES)
    for directory in ("conversations", "conversations_with_plugins"):
        for path in sorted((_HERE / directory).glob("*.txt")):
            for section in read_sections(path):
                for line in section.lines:
                    if line.who == "C" and line.kind == ":":
                        text = line.text.replace("{user}", "demo").replace("{other}", "bob")
                        yield encoder._octets(text, "+")


COMMANDS = list(_commands())
WORDS = sorted({word for one in COMMANDS for word in re.findall(rb"[^ ()\r\n]{1,40}", one)})


def _mutilated(chance: random.Random, command: bytes) -> bytes:
    """The command with an octet or a word put in, left out or replaced; sometimes as it was."""
    at = chance.randrange(len(command) + 1)
    words = command.split(b" ")
    match chance.randrange(6):
        case 0:
            return command[:at] + bytes((chance.randrange(256),)) + command[at:]
        case 1:
            return command[:at] + command[at + chance.randrange(6) :]
        case 2:
            words[chance.randrange(len(words))] = chance.choice(WORDS)
        case 3:
            words.insert(chance.randrange(len(words) + 1), chance.choice(WORDS))
        case 4:
            words.append(chance.choice(WORDS))
    return b" ".join(words)


def _selected(home: MemoryServer, user: str) -> MemoryPeer:
    peer = logged_in(home, user)
    peer.send(b"s SELECT INBOX\r\n")
    return peer


@pytest.mark.parametrize("seed", range(8))
def test_two_sessions(seed: int) -> None:
    chance = random.Random(seed)
    home = new_home()
    home.server.add_account("bob", "pw", empty=True)
    for message in MESSAGES.values():
        home.server.deliver(message)
    peers = {user: _selected(home, user) for user in ("demo", "bob")}
    for number in range(_COMMANDS):
        user = chance.choice(("demo", "bob"))
        if peers[user].closed:
            peers[user] = _selected(home, user)
        peer = peers[user]
        peer.read_all()
        tag = b"t%d" % number
        peer.send(tag + b" " + _mutilated(chance, chance.choice(COMMANDS)) + b"\r\n")
        assert len(re.findall(rb"^%b (?:OK|NO|BAD) " % tag, peer.read_all(), re.MULTILINE)) <= 1
