"""Short conversations with a fake server in memory, for tests of one thing."""

from fakeserver.extensions import Extensions
from tests.fakeserver.peers import MemoryPeer, MemoryServer


def new_home(**options: object) -> MemoryServer:
    """A server with the user demo, password pw, and an empty INBOX."""
    home = MemoryServer(**options)
    home.server.add_account("demo", "pw", empty=True)
    return home


def home_without(*extensions: str) -> MemoryServer:
    """A server on which extensions are switched off."""
    return new_home(extensions=Extensions.with_changes(without=extensions))


def home_with(*extensions: str) -> MemoryServer:
    """A server on which more is switched on."""
    return new_home(extensions=Extensions.with_changes(added=extensions))


def greeted(home: MemoryServer) -> MemoryPeer:
    """A client that has read the greeting."""
    peer = home.connect()
    assert peer.read().startswith(b"* OK ")
    return peer


def logged_in(home: MemoryServer, user: str = "demo", password: str = "pw") -> MemoryPeer:
    """A client that has logged in."""
    peer = greeted(home)
    assert ask(peer, f"LOGIN {user} {password}".encode())[-1].startswith(b"t OK")
    return peer


def ask(peer: MemoryPeer, command: bytes) -> list[bytes]:
    """Give a command with the tag ``t``; its responses, the tagged one last."""
    peer.send(b"t " + command + b"\r\n")
    responses = []
    while not responses or not responses[-1].startswith(b"t "):
        response = peer.read()
        assert response, f"no reply to {command!r} behind {responses}"
        responses.append(response)
    return responses
