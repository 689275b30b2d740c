"""What a connection was told since its log-in, and whether that left a trace on it.

A connection may go from one session to the next only if nobody can tell it from a new one. Servers
keep state for each: the selected mailbox, which can be left, and what was switched on, which never
can be switched off again. Only commands that are known to switch nothing on leave no trace; what
is not known here may do anything.
"""

import re
from collections.abc import Callable
from enum import Enum

# What they change, if anything, is the mail, and so everybody's (RFC 3501, 9051, 2087, 2177, 2342,
# 3691, 4314, 4467, 5256, 5464, 6851, 7377, 8508). Not among them:
#
# * ENABLE, NOTIFY, LANGUAGE, COMPARATOR, CANCELUPDATE: they are about state of the connection;
# * ID (RFC 2971): its use is that the server treats one program differently from another, and
#   there are some that let nobody select a mailbox before it;
# * LOGOUT: the connection is at its end.
_TRACELESS = frozenset(
    b"CAPABILITY NOOP CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB XLIST NAMESPACE STATUS"
    b" APPEND IDLE SELECT EXAMINE CHECK CLOSE UNSELECT EXPUNGE SEARCH SORT THREAD FETCH STORE COPY"
    b" MOVE REPLACE ESEARCH SETACL DELETEACL GETACL LISTRIGHTS MYRIGHTS SETQUOTA GETQUOTA"
    b" GETQUOTAROOT GETMETADATA SETMETADATA GENURLAUTH RESETKEY URLFETCH".split()
)
_TRACELESS_BY_UID = frozenset(b"FETCH STORE SEARCH SORT THREAD COPY MOVE REPLACE EXPUNGE".split())

# These are the exception with some of their arguments, which may also stand behind a literal.
_MAY_SWITCH_ON = frozenset(b"STATUS LIST SEARCH SORT THREAD FETCH STORE ESEARCH UID".split())

_NAME = re.compile(rb" +(UID +)?([^ \r\n]+)", re.IGNORECASE)
_SELECTS = frozenset((b"SELECT", b"EXAMINE"))
_CHANGES_SELECTION = _SELECTS | {b"CLOSE", b"UNSELECT"}


class Selection(Enum):
    """Whether a mailbox is selected on the connection."""

    NONE = "none"
    SOME = "some"
    #: A SELECT failed while one was selected. RFC 3501 section 6.3.1 says that none is now; there
    #: are servers that stay with the one before.
    UNKNOWN = "unknown"


class Footprint:
    """What the commands on one connection have left behind.

    ``traceless`` turns false with the first command that could have switched something on.
    """

    __slots__ = ("_asked", "_leaves_trace", "selection", "traceless")

    def __init__(self) -> None:
        self.traceless = True
        self.selection = Selection.NONE
        self._asked: dict[bytes, bytes] = {}  # names by tag, of those that may change the selection
        # What tells of octets of the last command that it leaves a trace.
        self._leaves_trace: Callable[[bytes], bool] | None = None

    @property
    def reads_on(self) -> bool:
        """Whether what follows of the last command has to be looked at as well."""
        return self._leaves_trace is not None

    def begun(self, tag: bytes, rest: bytes) -> None:
        """A command was written: its tag, and what follows it on its first line."""
        if not self.traceless:
            return
        name = traceless_name(rest)
        if name is None:
            self._trace_left()
            return
        if name in _CHANGES_SELECTION:
            self._asked[tag] = name
        if name in _SELECTS:
            self._leaves_trace = _has_parameter
        else:
            self._leaves_trace = _switches_on if may_switch_on(name) else None
        self.went_on(rest)

    def went_on(self, octets: bytes) -> None:
        """More of the last command was written."""
        if self._leaves_trace is not None and self._leaves_trace(octets):
            self._trace_left()

    def _trace_left(self) -> None:
        self.traceless = False
        self._leaves_trace = None
        self._asked.clear()

    def answered(self, tag: bytes, text: bytes) -> None:
        """A command has its tagged response; ``text`` is what follows the tag: ``b"OK …"``."""
        name = self._asked.pop(tag, None)
        if name is None:
            return
        if text[:3].upper() == b"OK ":
            self.selection = Selection.SOME if name in _SELECTS else Selection.NONE
        elif name in _SELECTS and self.selection is Selection.SOME:
            self.selection = Selection.UNKNOWN


def traceless_name(rest: bytes) -> bytes | None:
    """The name in upper case, ``UID`` for its forms; ``None`` if the command may leave a trace."""
    found = _NAME.match(rest)
    name = found[2].upper() if found is not None else b""
    if found is not None and found[1] is not None:
        return b"UID" if name in _TRACELESS_BY_UID else None
    return name if name in _TRACELESS else None


def may_switch_on(name: bytes) -> bool:
    """Whether some arguments of a command without a trace leave one; see :func:`traceless_name`."""
    return name in _MAY_SWITCH_ON


def _has_parameter(octets: bytes) -> bool:
    """Whether SELECT may have one. What those of extensions to come do nobody knows (RFC 4466)."""
    return b"(" in octets


def _switches_on(octets: bytes) -> bool:
    """Whether what stands there, in a command that may, switches anything on.

    Sets of UIDs make lines of a megabyte: a word is found in them in a fraction of the time that a
    pattern takes. If it was in a text that is searched for, nothing is lost but a log-in.
    """
    octets = octets.upper()
    return enables_condstore(octets) or keeps_searching(octets)


def enables_condstore(octets: bytes) -> bool:
    """Whether it may, for as long as the connection lives (RFC 7162 section 3.1); in upper case."""
    return (
        b"MODSEQ" in octets
        or b"CHANGEDSINCE" in octets
        or b"CONDSTORE" in octets
        or b"QRESYNC" in octets
    )


def keeps_searching(octets: bytes) -> bool:
    """Whether it may begin a search that the server keeps up to date (RFC 5267 section 4.3)."""
    return b"RETURN" in octets and (b"UPDATE" in octets or b"CONTEXT" in octets)
