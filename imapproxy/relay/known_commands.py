"""What a command may do to the session's view of the mailbox, by its name."""

from imapproxy.wire.capability import Capabilities

#: A mailbox is selected by these …
SELECTS = frozenset((b"SELECT", b"EXAMINE"))
#: … and no longer is after these.
DESELECTS = frozenset((b"CLOSE", b"UNSELECT", b"LOGOUT"))
#: While only these run, the upstream may not tell of expunged messages (RFC 9051 section 7.5.1).
#: Neither while STORE does, but its answers could be taken for those to a question of our own.
KEEPS_NUMBERS = frozenset((b"FETCH", b"SEARCH"))
#: These change no number that the client writes, but the upstream may tell of expunged messages.
BY_UID = frozenset((b"UID FETCH", b"UID SEARCH"))
#: Behind the last word to these no news are left that a FETCH would bring.
TELLS_NEWS = frozenset(b"SELECT EXAMINE NOOP CHECK FETCH STORE SEARCH EXPUNGE".split()) | {
    b"UID FETCH",
    b"UID STORE",
    b"UID SEARCH",
    b"UID EXPUNGE",
}

_FOLLOWED = frozenset(
    b"CAPABILITY NOOP LOGOUT ID ENABLE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB XLIST"
    b" NAMESPACE STATUS APPEND IDLE CHECK EXPUNGE SORT THREAD COPY MOVE REPLACE SETACL DELETEACL"
    b" GETACL LISTRIGHTS MYRIGHTS SETQUOTA GETQUOTA GETQUOTAROOT GETMETADATA SETMETADATA GENURLAUTH"
    b" RESETKEY URLFETCH ESEARCH".split()
) | {
    b"UID EXPUNGE",
    b"UID SORT",
    b"UID THREAD",
    b"UID COPY",
    b"UID MOVE",
    b"UID REPLACE",
    *SELECTS,
    *DESELECTS,
    b"STORE",
    b"UID STORE",
    *KEEPS_NUMBERS,
    *BY_UID,
}
# What is told once these are enabled is what the view follows (RFC 7162). Others (UTF8=ACCEPT,
# UIDONLY) change what messages or responses look like.
_HARMLESS_EXTENSIONS = frozenset((b"CONDSTORE", b"QRESYNC"))


def is_followed(name: bytes, rest: bytes, offered: Capabilities | None = None) -> bool:
    """Whether the view knows what the command can do; ``rest`` is its line behind the tag.

    ``offered`` is what the upstream offers, if that is known: extensions that it does not know it
    ignores (RFC 5161 section 3.1). mutt enables UTF8=ACCEPT wherever there is ENABLE.
    """
    if name == b"ENABLE":
        enabled = frozenset(rest.upper().split()[1:]) - _HARMLESS_EXTENSIONS
        return not enabled or (
            offered is not None
            and not any(one.decode("ascii", "replace") in offered for one in enabled)
        )
    return name in _FOLLOWED
