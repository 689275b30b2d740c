"""The connection to the server is cut at every octet of a session, in either direction.

Each command is answered once, or the client is sent away in a way that it can see, and afterwards
the mail is what it is without a cut: nothing is lost, nothing is there twice.
"""

from collections import Counter

import pytest

from tests.fakeserver.peers import MemoryServer
from tests.fakeserver.talk import new_home
from tests.relay.cutting import Cut, Network, Program

State = dict[str, Counter[tuple[bytes, frozenset[bytes]]]]
NEW = b"Message-ID: <new@here>\r\n\r\nnew\r\n"
# What others do is another mail with each run's time, and is looked for by its octets.
THEIRS = b"Subject: theirs\r\n\r\n"


def home() -> MemoryServer:
    made = new_home()
    made.server.account("demo").create(b"Archive")
    for number in range(1, 6):
        made.server.deliver(b"Message-ID: <%d@here>\r\n\r\n%d\r\n" % (number, number))
    return made


def state(made: MemoryServer) -> State:
    return {
        name: Counter(
            (bytes(message.content.octets), frozenset(message.flags) - {b"\\Recent"})
            for message in made.server.mailbox(name).messages
        )
        for name in ("INBOX", "Archive")
    }


def others(made: MemoryServer) -> None:
    """One message goes, one comes, and one is read elsewhere."""
    made.server.expunge([5])
    made.server.deliver(THEIRS)
    made.server.set_flags(3, [b"\\Seen"])


def session(program: Program, made: MemoryServer) -> None:
    """What the program does."""
    program.select(b"INBOX")
    program.do(b"UID FETCH 1:* (FLAGS)")
    program.do(b"UID FETCH 1:2 (ENVELOPE BODY.PEEK[])")
    program.do(b"NOOP")
    program.do(b"UID STORE 1 +FLAGS (\\Flagged)")
    program.do(b"UID STORE 2 FLAGS (\\Answered)")
    size = b" (\\Seen) {%d+}\r\n" % len(NEW)
    program.do_once(
        b"APPEND INBOX", lambda: program.finds(b"HEADER Message-ID new@here"), size + NEW
    )
    program.do(b"IDLE")
    program.do_once(b"UID COPY 1 Archive", lambda: bool(state(made)["Archive"]))
    program.do(b"UID STORE 4 +FLAGS.SILENT (\\Deleted)")
    program.do(b"EXPUNGE")
    program.do(b"SEARCH UNSEEN")
    program.do(b"FETCH 1 (UID RFC822.SIZE)")
    program.do(b"NOOP")


def run(cut: Cut) -> tuple[State, Program, Network]:
    made = home()
    network = Network(made, cut)
    program = Program(network)
    session(program, made)
    # By NOOP at the latest it knows what is there.
    assert program.exists == len(made.server.mailbox("INBOX").messages)
    return state(made), program, network


def undisturbed() -> tuple[State, int, int]:
    result, program, network = run(Cut())
    assert program.sent_away == program.unknown == 0
    assert len(network.links) == 1
    return result, network.links[0].down, network.links[0].up


@pytest.mark.parametrize("direction", ["down", "up"])
def test_the_mail_is_the_same(direction: str) -> None:
    expected, down, up = undisturbed()
    seamless = 0
    total = down if direction == "down" else up
    for position in range(total):
        result, program, network = run(Cut(**{direction: position}))
        assert result == expected, f"cut {direction} behind octet {position}"
        assert len(network.links) > 1
        seamless += not program.sent_away
    # Only from the middle of a response there is no way back.
    assert seamless > total // 2


@pytest.mark.parametrize("direction", ["down", "up"])
def test_also_when_others_change_it_meanwhile(direction: str) -> None:
    undisturbed_state, down, up = undisturbed()
    total = down if direction == "down" else up
    for position in range(0, total, 3):
        result, _, _ = run(Cut(**{direction: position}, meanwhile=others))
        lost = undisturbed_state["INBOX"] - result["INBOX"]
        came = result["INBOX"] - undisturbed_state["INBOX"]
        assert (THEIRS, frozenset()) in came
        assert {octets for octets, _ in lost} <= {
            b"Message-ID: <%d@here>\r\n\r\n%d\r\n" % (n, n) for n in (3, 5)
        }
        assert came.total() == 2 and lost.total() == 2, f"cut {direction} behind octet {position}"
        assert result["Archive"] == undisturbed_state["Archive"]
