r"""Rights on a mailbox, as letters (RFC 4314 section 2.1). Pure."""

from collections.abc import Iterable, Mapping

from imapproxy.wire.flags import Flag

Rights = frozenset[str]
Acl = Mapping[bytes, Rights]

# In the order in which they are told.
_LETTERS = "lrwstipekxa"
ALL_RIGHTS: Rights = frozenset(_LETTERS)
# "Obsolete Rights" (section 2.1.1): each stands for several that RFC 2086 did not tell apart.
_OBSOLETE = {"c": frozenset("kx"), "d": frozenset("et")}
# What an owner always has, or the mailbox could be lost to everyone.
OWNER_RIGHTS: Rights = frozenset("la")
# Whoever has none of these does not hear that there is such a mailbox (section 4).
VISIBLE: Rights = frozenset("lrikxa")
# With any of these a mailbox is selected READ-WRITE.
CHANGING: Rights = frozenset("swtie")
ANYONE = b"anyone"


def parse_rights(octets: bytes) -> Rights:
    """Rights from their letters; raises ``ValueError`` for any other character."""
    rights: set[str] = set()
    for letter in octets.decode("latin-1"):
        if letter in _OBSOLETE:
            rights |= _OBSOLETE[letter]
        elif letter in ALL_RIGHTS:
            rights.add(letter)
        else:
            raise ValueError(letter)
    return frozenset(rights)


def encode_rights(rights: Rights) -> bytes:
    """The letters, obsolete ones too where something of theirs is there (section 2.1.1)."""
    told = "".join(letter for letter in _LETTERS if letter in rights)
    return (told + "".join(old for old, new in _OBSOLETE.items() if new & rights)).encode()


def separate_rights() -> list[bytes]:
    """Rights as LISTRIGHTS tells them: one that may be given alone stands alone."""
    return [letter.encode() for letter in (*_LETTERS, *_OBSOLETE)]


def effective_rights(acl: Acl, user: bytes, owner: bytes) -> Rights:
    """What a user may do: what they and anyone were given, less what was taken from either."""
    given = acl.get(user, frozenset()) | acl.get(ANYONE, frozenset())
    # "-" before an identifier: negative rights (section 2).
    taken = acl.get(b"-" + user, frozenset()) | acl.get(b"-" + ANYONE, frozenset())
    required = OWNER_RIGHTS if user == owner else frozenset()
    return (given - taken) | required


def changeable(flags: Iterable[Flag], rights: Rights) -> list[Flag]:
    r"""Those of the flags that may be set and cleared: ``s`` is for \Seen, ``t`` for \Deleted."""
    return [flag for flag in flags if _RIGHT_OF.get(bytes(flag), "w") in rights]


_RIGHT_OF = {rb"\Seen": "s", rb"\Deleted": "t"}
