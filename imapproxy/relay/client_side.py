"""What comes from the client, on its way to the partner.

Its fragments are taken one at a time, and none while the next one could mean two things.
"""

from collections.abc import Callable

from imapproxy.relay.answer_order import AnswerOrder
from imapproxy.relay.append_question import append_question
from imapproxy.relay.client_line import ClientLine, read_client_line, tag_of_broken_line
from imapproxy.relay.comeback import FlagsQuestion
from imapproxy.relay.ending import Ending
from imapproxy.relay.hop_by_hop import REFUSED_COMMANDS
from imapproxy.relay.known_commands import DESELECTS, SELECTS
from imapproxy.relay.own_commands import OwnCommands
from imapproxy.relay.relayed_command import CommandOwner, RelayedCommand
from imapproxy.relay.session_state import SessionState
from imapproxy.wire.framing import Fragment, Line, Literal, Malformed, Octets

# After these the client's next line is no command, if the upstream agrees by a continuation
# request (RFC 2177, RFC 3501 section 6.2.2).
_ASKS_FOR_MORE = frozenset((b"IDLE", b"AUTHENTICATE"))
_DONE = b"DONE\r\n"
# A command that is longer is not kept to be said again.
_MAX_KEPT = 64 * 1024
# With these a client asks for news.
_ASKS_FOR_NEWS = frozenset((b"NOOP", b"CHECK", b"IDLE"))
# With these it leaves the mailbox that the news before them are about.
_LEAVES = SELECTS | DESELECTS
_LOGGED_OUT = b"* BYE Logging out\r\n%b OK Logout completed.\r\n"


class ClientSide:
    """Takes commands and sends them on. ``owner`` hears of their answers; ``come_back`` gets the
    session another partner for a command that is held.
    """

    def __init__(
        self,
        state: SessionState,
        ending: Ending,
        answers: AnswerOrder,
        owner: CommandOwner,
        own: OwnCommands,
        come_back: Callable[[], None],
    ) -> None:
        self._state = state
        self._ending = ending
        self._answer = answers.answer
        self._settle = answers.settle
        self._owner = owner
        self._own = own
        self._come_back = come_back

    def fragment(self, fragment: Fragment) -> None:
        """Take the client's next fragment; only while the session is ready."""
        state = self._state
        state.partner.gather()
        if isinstance(fragment, Octets):
            if not state.discarding:
                self._note_more(fragment.data)
                state.partner.write(fragment.data)
        elif isinstance(fragment, Line):
            self.line(fragment)
        else:
            self._malformed(fragment)

    def line(self, line: Line) -> None:
        """Take a line: a command, or more of one."""
        state = self._state
        if state.discarding:
            self._discard(line.literal)
        elif state.half_written is not None:
            self._write(state.half_written, line)
        elif state.continued is not None:
            self._continue(state.continued, line)
        else:
            self._new_command(line)

    # -- a command -----------------------------------------------------------------------------

    def _new_command(self, line: Line) -> None:
        state = self._state
        command = read_client_line(line.data)
        if state.news:
            self._tell_news(command)
        if command is None:
            self._answer(b"* BAD This is not an IMAP command: it does not begin with a tag\r\n")
            self._discard(line.literal)
        elif command.name in REFUSED_COMMANDS:
            self._answer(command.tag + b" BAD " + command.name + b" is not offered here\r\n")
            self._discard(line.literal)
        elif _is_logout(command.rest) and (state.parting.stays or state.is_alone):
            state.logged_out = True
            self._answer(_LOGGED_OUT % command.tag)
        elif state.comeback is not None and state.comeback.gone:
            state.comeback.held = line
            self._come_back()
        elif not self._planned(command, line):
            self.relay(command, line)

    def _tell_news(self, command: ClientLine | None) -> None:
        if command is not None and command.name in _LEAVES:
            self._state.news.drop()
        else:
            self._state.news.tell()

    def relay(self, command: ClientLine, line: Line) -> RelayedCommand:
        """Send a command to the partner, of which ``line`` is the first line or all."""
        state = self._state
        if state.comeback is not None and state.comeback.flags_question:
            self._ask_for_flags(command.name)
        whole = line.literal is None
        relayed = RelayedCommand(self._owner, command.tag, command.name)
        relayed.line = command if whole and len(line.data) <= _MAX_KEPT else None
        relayed.told_before = state.told
        state.order.append(relayed)
        if command.name == b"LOGOUT":
            self._ending.expect_logout()
        if state.caching is not None:
            state.caching.relaying(relayed, command, whole=whole)
        if state.comeback is not None:
            state.comeback.relaying(relayed, command, whole=whole)
            if not whole:
                self._watch_append(relayed, command)
        self._write(relayed, Line(command.rest, line.literal))
        return relayed

    def _watch_append(self, relayed: RelayedCommand, command: ClientLine) -> None:
        """Note down by what an APPEND could be found, should its answer be lost."""
        state = self._state
        state.appends = None
        selected = None if state.caching is None else state.caching.selected
        if selected is None or selected.known is None or selected.mailbox is None:
            return
        if command.name == b"APPEND":
            state.appends = append_question(
                command, selected.mailbox.name, selected.known, state.appended
            )
            relayed.question = state.appends

    def _planned(self, command: ClientLine, line: Line) -> bool:
        """Answer a command with the help of the cache, if that can be done."""
        state = self._state
        if state.caching is None or line.literal is not None:
            return False
        fetch = state.caching.planned(command, state.order)
        if fetch is None:
            return False
        if isinstance(fetch, bytes):
            self._answer(fetch)
            return True
        fetch.line, fetch.told_before = command, state.told
        if state.comeback is not None:
            state.comeback.relaying(fetch, command, whole=True)
        state.order.append(fetch)
        if fetch.serves:
            state.waits_for_turn = True
            self._settle()
        else:
            fetch.begin()
        return True

    def _ask_for_flags(self, name: bytes) -> None:
        """Before the client asks for news, ask for those that a lost connection would have told."""
        state, comeback = self._state, self._state.comeback
        if comeback is None or name not in _ASKS_FOR_NEWS:
            return
        question, comeback.flags_question = comeback.flags_question, b""
        if state.caching is not None and state.caching.selected.known is not None:
            self._own.send(FlagsQuestion(comeback, question), question)

    # -- literals, and what else follows -------------------------------------------------------

    def _write(self, command: RelayedCommand, line: Line) -> None:
        state = self._state
        data, literal = line
        convert = literal is not None and not literal.synchronizing and not state.literal_plus
        if convert:
            data = data.replace(b"+}\r\n", b"}\r\n")
        if command.tag:
            self._note_more(data)
            state.partner.write(data)
        else:
            state.partner.start(command, data, command.client_tag)
        if literal is None:
            state.written(command)
            if command.name in _ASKS_FOR_MORE and not command.answered:
                state.undecided = command
            return
        asks_first = literal.synchronizing or convert
        if asks_first and command.answered:
            # A server that has answered takes no more literals of this command.
            state.written(command)
            self._discard(literal)
            return
        state.half_written = command
        command.literal_converted = convert
        if asks_first:
            state.undecided = command

    def _note_more(self, octets: bytes) -> None:
        state = self._state
        if state.caching is not None:
            state.caching.went_on(octets)
        if state.appends is not None:
            state.appends.went_on(octets)
        if state.comeback is not None and state.comeback.ledger.reads_on:
            state.comeback.ledger.went_on(octets)

    def _continue(self, command: RelayedCommand, line: Line) -> None:
        state = self._state
        if state.renewing is command:
            state.renewing = None  # DONE was said already; the answer is the client's now
            command.owner = self._owner
        else:
            state.partner.write(line.data)
        if line.data.upper() == _DONE:
            # Nothing but the answer is missing, should the partner be lost now.
            command.line = ClientLine(command.client_tag, b" NOOP\r\n", b"NOOP")
        else:
            command.line = None
        if command.name == b"IDLE":  # takes one line, DONE; other dialogues go on until the tag
            state.commands_again()

    def _discard(self, literal: Literal | None) -> None:
        """Skip what follows of a command that has its answer."""
        self._state.discarding = literal is not None and not literal.synchronizing
        if literal is not None and literal.synchronizing:
            self._state.client.refuse_literal()

    def _malformed(self, malformed: Malformed) -> None:
        if malformed.fatal or self._state.half_written is not None:
            self._ending.say_bye(b"BAD " + malformed.reason.encode())
            return
        tag = tag_of_broken_line(malformed.start)
        self._answer(tag + b" BAD " + malformed.reason.encode() + b"\r\n")


def _is_logout(rest: bytes) -> bool:
    return rest[:10].upper() == b" LOGOUT\r\n"
