"""A server that runs for long does not keep all that was ever said."""

from fakeserver.transcript import CommandRecord, Transcript


def test_the_oldest_is_forgotten() -> None:
    transcript = Transcript(limit=1000)
    first, second = transcript.open("imap"), transcript.open("imap")
    first.commanded(CommandRecord(1, "", b"a", "NOOP", b"a NOOP\r\n"))
    first.commanded(CommandRecord(1, "", b"b", "NOOP", b"b NOOP\r\n"))
    for _ in range(5):
        first.sent(b"x" * 98 + b"\r\n")
    for number in range(6):
        second.sent(b"%d" % number * 98 + b"\r\n")
    text = transcript.text()
    assert "x" not in text
    assert text.count("\n") < 12
    assert [command.tag for command in transcript.commands()] == [b"b"]


def test_closed_connections_go() -> None:
    transcript = Transcript(limit=100)
    first = transcript.open("imap")
    first.sent(b"x" * 90)
    first.closed = True
    transcript.open("imap").sent(b"y" * 60)
    assert [one.number for one in transcript.connections] == [2]
