"""What a client has set up on its connection, so that another connection can be set up the same.

A server keeps state for each connection. Some of it a client can be given again: what it enabled,
how it introduced itself, which mailbox is selected. Whatever else may be there is a *hindrance*:
then a connection that is lost cannot be replaced.
"""

import re
from collections.abc import Hashable
from typing import NamedTuple

from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.known_commands import SELECTS
from imapproxy.upstream.footprint import (
    enables_condstore,
    keeps_searching,
    may_switch_on,
    traceless_name,
)

# A SELECT whose name is no literal, with the parameters of RFC 7162 or none.
_SELECT = re.compile(
    rb'( +(?:SELECT|EXAMINE) +(?:"(?:[^"\\\r\n]|\\.)*"|[^ ("{\r\n]+))'
    rb"(?: +\((?:(CONDSTORE)|QRESYNC +\([^\r\n]*\))\))? *\r\n",
    re.IGNORECASE,
)
_MAX_SETUP = 16  # commands; nobody enables so much


class Selection(NamedTuple):
    """The selected mailbox: ``words`` select it (without tag and CRLF)."""

    words: bytes
    read_only: bool


class Ledger:
    """Kept for one session, command by command.

    ``setup`` are the commands that have to be said again on a new connection, behind their tags;
    ``selection`` is the selected mailbox, ``None`` also while another one is being selected.
    ``condstore`` and ``qresync`` tell what was enabled (RFC 7162).
    """

    def __init__(self) -> None:
        self.setup: list[bytes] = []
        self.selection: Selection | None = None
        self.condstore = False
        self.qresync = False
        self.reads_on = False  # what follows of the last command has to be looked at as well
        self._hindrance = ""
        self._doubt = ""  # a hindrance until the next SELECT
        self._enabled_by_select = False
        self._asked: dict[Hashable, tuple[bytes, bytes]] = {}  # name and line, by command
        self._was_selected = False

    @property
    def hindrance(self) -> str:
        """Why no other connection can be set up as this one; empty if one can."""
        if self._hindrance or self._doubt:
            return self._hindrance or self._doubt
        if self._enabled_by_select and self.selection is None:
            return "CONDSTORE was enabled by a SELECT that is over"
        return ""

    def begun(self, command: Hashable, line: ClientLine, *, whole: bool) -> None:
        """A command is about to be sent; ``whole`` tells that its line is all of it."""
        self.reads_on = False
        name = line.name
        if name in SELECTS:
            self._selecting(line)
        elif name in (b"ENABLE", b"ID"):
            if not whole:
                self._hindrance = f"{name.decode()} was said with a literal"
        elif name == b"LOGOUT":
            return
        else:
            traceless = traceless_name(line.rest)
            if traceless is None:
                self._hindrance = "the client said " + name.decode("ascii", "replace")
                return
            self.reads_on = may_switch_on(traceless)
            self.went_on(line.rest)
            if name not in (b"CLOSE", b"UNSELECT"):
                return
        self._asked[command] = name, line.rest

    def went_on(self, octets: bytes) -> None:
        """More of a command was sent that :attr:`reads_on`."""
        if not self.reads_on:
            return
        octets = octets.upper()
        if enables_condstore(octets) and not self.condstore:
            self._hindrance = "CONDSTORE may have been enabled on the way"
        elif b"RETURN" in octets and b"SAVE" in octets:
            self._doubt = "a search result is saved"  # RFC 5182
        elif keeps_searching(octets):
            self._hindrance = "the server keeps a search up to date"

    def answered(self, command: Hashable, text: bytes) -> None:
        """A command has its tagged response, ``b"OK …"`` behind the tag."""
        name, rest = self._asked.pop(command, (b"", b""))
        is_ok = text[:3].upper() == b"OK "
        if name in SELECTS:
            self._selected(rest, text, is_ok=is_ok)
        elif is_ok and name in (b"CLOSE", b"UNSELECT"):
            self.selection = None
        elif is_ok and name in (b"ENABLE", b"ID"):
            self._set_up(name, rest)

    def lost(self) -> None:
        """The connection is gone; what was asked on it is not answered any more."""
        self._asked.clear()
        self._was_selected = False
        self.reads_on = False

    def _set_up(self, name: bytes, rest: bytes) -> None:
        if rest not in self.setup:
            self.setup.append(rest)
        if len(self.setup) > _MAX_SETUP:
            self._hindrance = "too much was set up"
        if name == b"ENABLE":
            extensions = rest.upper().split()
            self.qresync = self.qresync or b"QRESYNC" in extensions
            self.condstore = self.condstore or self.qresync or b"CONDSTORE" in extensions

    @property
    def _enables(self) -> bool:
        """Whether the setup enables CONDSTORE."""
        return any(enables_condstore(words.upper()) for words in self.setup)

    def _selecting(self, line: ClientLine) -> None:
        self._was_selected = self._was_selected or self.selection is not None
        self.selection = None
        self._doubt = "" if _SELECT.fullmatch(line.rest) else "how to select it again is not known"

    def _selected(self, rest: bytes, text: bytes, *, is_ok: bool) -> None:
        if any(name in SELECTS for name, _ in self._asked.values()):
            return  # another one is under way, and has the last word
        was_selected, self._was_selected = self._was_selected, False
        if not is_ok:
            # RFC 3501 section 6.3.1 says that none is selected then; some servers stay with the
            # one before.
            self._doubt = "a SELECT has failed" if was_selected else ""
            return
        found = _SELECT.fullmatch(rest)
        if found is None:
            return
        if found[2] is not None and not self._enables:
            self._enabled_by_select = self.condstore = True
        self._enabled_by_select = self._enabled_by_select and not self._enables
        words = found[1] + (b" (CONDSTORE)" if self._enabled_by_select else b"")
        self.selection = Selection(words, b"[READ-ONLY]" in text.upper())
