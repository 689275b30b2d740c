"""INPROGRESS (RFC 9585): a command that takes long says that it still runs."""

from fakeserver.extensions import Extensions
from fakeserver.faults import Delay
from fakeserver.host import Limits
from tests.fakeserver.peers import MemoryServer
from tests.fakeserver.talk import logged_in, new_home


def _slow(*added: str) -> MemoryServer:
    extensions = Extensions.with_changes(added=added)
    home = new_home(limits=Limits(progress=10.0), extensions=extensions)
    home.server.fault(Delay(25.0), command="NOOP")
    return home


def test_it_is_told_every_so_often() -> None:
    home = _slow("INPROGRESS")
    peer = logged_in(home)
    peer.send(b't"1 NOOP\r\n')
    peer.read_all()
    peer.send(b"t1 NOOP\r\n")
    assert peer.read_all() == b""
    told = b'* OK [INPROGRESS ("t1" NIL NIL)] Still at it.\r\n'
    home.clock.advance(10)
    assert peer.read_all() == told
    home.clock.advance(10)
    assert peer.read_all() == told
    home.clock.advance(5)
    assert peer.read_all() == b"t1 OK NOOP completed.\r\n"
    home.clock.advance(30)
    assert peer.read_all() == b""


def test_switched_off_nothing_is_told() -> None:
    home = _slow()
    peer = logged_in(home)
    peer.send(b"t1 NOOP\r\n")
    home.clock.advance(20)
    assert peer.read_all() == b""
    home.clock.advance(5)
    assert peer.read_all() == b"t1 OK NOOP completed.\r\n"
