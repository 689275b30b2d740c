"""What the transcript keeps, and what it must not."""

import pytest

from imapproxy.wire.commands import Fetch
from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.talk import ask, greeted, logged_in, new_home


def test_commands_can_be_asked_for_by_name_and_user() -> None:
    home = new_home()
    home.server.add_account("other", "pw", empty=True)
    home.server.deliver(MESSAGES["simple"])
    first, second = logged_in(home), logged_in(home, "other")
    ask(first, b"SELECT INBOX")
    ask(first, b"FETCH 1 FLAGS")
    ask(first, b"UID FETCH 1 (UID)")
    ask(second, b"NOOP")
    assert [one.name for one in home.server.commands("FETCH")] == ["FETCH", "UID FETCH"]
    assert [one.name for one in home.server.commands("uid fetch")] == ["UID FETCH"]
    assert [one.name for one in home.server.commands(user="other")] == ["NOOP"]
    fetch = home.server.commands("FETCH")[0]
    assert fetch.octets == b"t FETCH 1 FLAGS\r\n"
    assert isinstance(fetch.body, Fetch)
    assert fetch.reply is not None
    assert fetch.reply.condition == b"OK"
    assert "C: t FETCH 1 FLAGS\nS: * 1 FETCH (FLAGS (\\Recent))\n" in home.server.transcript.text()


@pytest.mark.parametrize(
    "octets",
    [
        b"a LOGIN demo hunter2\r\n",
        b'a login "demo" "hunter2"\r\n',
        b"a LOGIN demo {7}\r\nhunter2\r\n",
        b"a LOGIN demo {7+}\r\nhunter2\r\n",
        b"a LOGIN demo hunter2 hunter2\r\n",
        b"a AUTHENTICATE PLAIN hunter2\r\n",
        b"a AUTHENTICATE PLAIN\r\nhunter2\r\n",
        b"a AUTHENTICATE LOGIN\r\naHVudGVy\r\nhunter2\r\n",
        b"a  LOGIN  demo  hunter2\r\n",
        b"a LOGIN demo hunter2" + b"x" * 20_000 + b"\r\n",
    ],
)
def test_credentials_are_in_none_of_it(octets: bytes) -> None:
    home = new_home()
    peer = greeted(home)
    peer.send(octets)
    assert "hunter2" not in home.server.transcript.text()
    assert "hunter2" not in repr(home.server.transcript.connections)
