"""Every command that can be said is read back as itself."""

from hypothesis import given
from hypothesis import strategies as st

from imapproxy.wire.commands import Command, Opaque
from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.encode_command import command_name, encode_command
from imapproxy.wire.strings import join, render
from tests.wire import command_strategies


@given(command_strategies.commands)
def test_what_is_written_is_read(command):
    assert decode_command(join(encode_command(command))) == command


@given(command_strategies.commands)
def test_lenient_reading_reads_what_is_right_the_same(command):
    assert decode_command(join(encode_command(command)), lenient=True) == command


@given(command_strategies.commands, st.sampled_from(["plus", "minus"]))
def test_the_way_of_literals_changes_nothing(command, style):
    assert decode_command(b"".join(render(encode_command(command), style))) == command


@given(command_strategies.commands)
def test_every_way_of_spelling_is_the_same_command(command):
    parts = encode_command(command)
    lower = [part.lower() if isinstance(part, bytes) else part for part in parts]
    decode_command(join(lower))


@given(command_strategies.commands)
def test_an_opaque_command_is_written_as_it_came(command):
    octets = join(encode_command(command))
    rest = octets[len(command.tag) + 1 :]
    opaque = Command(command.tag, Opaque(command_name(command.body), rest))
    assert join(encode_command(opaque)) == octets


@given(command_strategies.commands)
def test_synchronizing_literals_end_a_flight(command):
    *waiting, last = render(encode_command(command))
    assert all(flight.endswith(b"}\r\n") for flight in waiting)
    assert last.endswith(b"\r\n")
