"""Capabilities: what the server can do, what it tells, and which name switches what.

What is switched off is refused as a server without it would refuse it: its commands are unknown,
its parameters and items are mistakes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from imapproxy.wire.strings import LiteralStyle

# In the order in which they are told. All of them are done and on unless switched off.
DEFAULT = (
    "IMAP4rev1",
    "IMAP4rev2",
    "LITERAL+",
    "SASL-IR",
    "ID",
    "ENABLE",
    "IDLE",
    "NAMESPACE",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "CHILDREN",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "STATUS=SIZE",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "I18NLEVEL=1",
    "THREAD=REFERENCES",
    "THREAD=REFS",
    "THREAD=ORDEREDSUBJECT",
    "MULTIAPPEND",
    "CATENATE",
    "URL-PARTIAL",
    "BINARY",
    "APPENDLIMIT",
    "OBJECTID",
    "SAVEDATE",
    "PREVIEW",
    "CONDSTORE",
    "QRESYNC",
    "CONTEXT=SEARCH",
    "CONTEXT=SORT",
    "METADATA",
    "NOTIFY",
    "PARTIAL",
    "UIDONLY",
    "REPLACE",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "QUOTA=RES-MAILBOX",
    "QUOTASET",
    "ACL",
    "RIGHTS=texk",
    "COMPRESS=DEFLATE",
    "STARTTLS",
    "AUTH=SCRAM-SHA-256",
    "AUTH=CRAM-MD5",
    "AUTH=PLAIN",
    "AUTH=LOGIN",
    "AUTH=XOAUTH2",
    "AUTH=OAUTHBEARER",
)
# Done too, and told only where they are asked for. UTF8=ACCEPT refuses 8-bit headers of those who
# did not enable it, and shows them surrogates of others'; UTF8=ONLY refuses them nearly everything;
# INPROGRESS would speak during a delay that a test wants silent; URLAUTH adds to what SELECT tells.
OPTIONAL = (
    "UTF8=ACCEPT",
    "UTF8=ONLY",
    "INPROGRESS",
    "URLAUTH",
    "LITERAL-",
    "LOGINDISABLED",
    "X-GM-EXT-1",
)

# What IMAP4rev2 has within itself (RFC 9051 appendix E, item 2).
IN_REV2 = frozenset(
    {
        "BINARY",
        "CHILDREN",
        "ENABLE",
        "ESEARCH",
        "IDLE",
        "LIST-EXTENDED",
        "LIST-STATUS",
        "MOVE",
        "NAMESPACE",
        "SASL-IR",
        "SEARCHRES",
        "SPECIAL-USE",
        "STATUS=SIZE",
        "UIDPLUS",
        "UNSELECT",
    }
)

# Mechanisms that do not send the password.
_WITHOUT_PASSWORD = ("AUTH=SCRAM-SHA-256", "AUTH=CRAM-MD5")
_BEFORE_LOGIN = ("STARTTLS", "LOGINDISABLED")
# Extensions that build on others, such as QRESYNC (RFC 7162 section 3.2).
_IMPLIES = {
    # A server that says it lacks one of these is taken at its word, so it is none of IMAP4rev2.
    "IMAP4REV2": (*IN_REV2, "LITERAL+"),
    "QRESYNC": ("CONDSTORE", "ENABLE"),
    "PARTIAL": ("ESEARCH",),
    "CONTEXT=SEARCH": ("ESEARCH",),
    "CONTEXT=SORT": ("ESORT", "CONTEXT=SEARCH"),
    "UIDONLY": ("ENABLE",),
    "URL-PARTIAL": ("CATENATE",),
    "LIST-STATUS": ("LIST-EXTENDED",),
    "CREATE-SPECIAL-USE": ("SPECIAL-USE",),
    "RIGHTS=TEXK": ("ACL",),
    "QUOTASET": ("QUOTA",),
    "QUOTA=RES-STORAGE": ("QUOTA",),
    "QUOTA=RES-MESSAGE": ("QUOTA",),
    "QUOTA=RES-MAILBOX": ("QUOTA",),
}


class UnknownExtension(ValueError):
    """There is no such extension here; ``str()`` says so and names those that there are."""


@dataclass(frozen=True)
class Extensions:
    """The capabilities that are switched on, in upper case, in the order they are told in."""

    names: tuple[str, ...] = DEFAULT
    _keys: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = {name.upper(): name for name in (*DEFAULT, *OPTIONAL)}
        for name in self.names:
            if name.upper() not in known:
                choices = ", ".join(known.values())
                raise UnknownExtension(f"unknown extension {name!r}; known are {choices}")
        keys = {name.upper() for name in self.names}
        if "UTF8=ONLY" in keys:
            # RFC 6855 section 6: it includes UTF8=ACCEPT, and one of the two is told.
            keys.add("UTF8=ACCEPT")
            names = tuple(name for name in self.names if name.upper() != "UTF8=ACCEPT")
            object.__setattr__(self, "names", names)
        object.__setattr__(self, "_keys", frozenset(keys))

    @classmethod
    def with_changes(
        cls, *, without: Iterable[str] = (), added: Iterable[str] = ()
    ) -> "Extensions":
        """The default ones less those named, and what builds on them; and those added."""
        return cls().changed(without=without, added=added)

    def changed(self, *, without: Iterable[str] = (), added: Iterable[str] = ()) -> "Extensions":
        """These less those named, and what builds on them; and those added."""
        off = {name.upper() for name in without}
        off |= {name for name, needs in _IMPLIES.items() if off.intersection(needs)}
        Extensions(tuple(without))
        return Extensions((*(name for name in self.names if name.upper() not in off), *added))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.upper() in self._keys

    @property
    def keys(self) -> frozenset[str]:
        """Names in upper case."""
        return self._keys

    def told(self, *, tls: bool, tls_available: bool, authenticated: bool) -> list[str]:
        """What CAPABILITY tells in this state of a connection."""
        if authenticated:
            return [name for name in self.names if not self._is_for_login(name)]
        told = []
        for name in self.names:
            hidden = (
                (name == "STARTTLS" and (tls or not tls_available))
                or (name == "LOGINDISABLED" and tls)
                or self.is_refused(name, tls=tls)
            )
            if not hidden:
                told.append(name)
        return told

    def login_disabled(self, *, tls: bool) -> bool:
        """Whether no password may be sent, since the connection can be read by others."""
        return "LOGINDISABLED" in self and not tls

    def is_refused(self, name: str, *, tls: bool) -> bool:
        """Whether this is a mechanism that sends the password, and no password may be sent."""
        if not name.startswith("AUTH=") or name in _WITHOUT_PASSWORD:
            return False
        return self.login_disabled(tls=tls)

    @property
    def literal_style(self) -> LiteralStyle:
        """Which literals a client may send without being asked to."""
        if "LITERAL+" in self:
            return "plus"
        # RFC 9051 section 4.3 has LITERAL- within itself.
        return "minus" if "LITERAL-" in self or "IMAP4rev2" in self else "sync"

    def _is_for_login(self, name: str) -> bool:
        return name in _BEFORE_LOGIN or name.startswith("AUTH=")
