r"""LIST and LSUB: the names of mailboxes (RFC 3501 section 6.3.8, RFC 5258, RFC 5819, RFC 6154)."""

from collections.abc import Iterator
from dataclasses import dataclass

from fakeserver.commands.names import NamePattern, mailbox_name, utf8_name
from fakeserver.commands.require import access_of
from fakeserver.commands.status import check_items, status_response
from fakeserver.mail.quoting import nstring
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.access import Access
from imapproxy.wire import commands as wire
from imapproxy.wire.mailbox import WireMailbox

# Selection and return options, and the extension each of them belongs to.
_SELECTION = {
    "SUBSCRIBED": "LIST-EXTENDED",
    "REMOTE": "LIST-EXTENDED",
    "RECURSIVEMATCH": "LIST-EXTENDED",
    "SPECIAL-USE": "SPECIAL-USE",
}
_RETURN = {
    "SUBSCRIBED": "LIST-EXTENDED",
    "CHILDREN": "LIST-EXTENDED",
    "SPECIAL-USE": "SPECIAL-USE",
    "STATUS": "LIST-STATUS",
}


def list_mailboxes(session: Session, command: wire.List) -> Handler:
    """LIST, plain and extended."""
    access = access_of(session)
    if not command.is_extended:
        yield from _plain(session, access, command)
    else:
        _check_options(session, command)
        yield from _extended(session, access, command)
    return Tagged("List completed.")


def lsub(session: Session, command: wire.Lsub) -> Handler:
    """RFC 3501 section 6.3.9."""
    access = access_of(session)
    pattern = _pattern(session, access, command.reference, command.pattern)
    yield b""
    for name, subscribed in _with_parents(access, pattern).items():
        # A name that is none itself, of which only something below is subscribed to, is
        # \Noselect; it is told where the pattern has "%", which cannot show what is below.
        attributes = [] if subscribed else [rb"\Noselect"]
        yield _response(session, access, b"LSUB", attributes, name)
    return Tagged("Lsub completed.")


def _plain(session: Session, access: Access, command: wire.List) -> Iterator[bytes]:
    if command.patterns == (b"",):
        # "An empty mailbox name argument is a special request to return the hierarchy delimiter
        # and the root name of the name given in the reference."
        root = command.reference.partition(access.delimiter)
        name = WireMailbox(root[0] + root[1]) if root[1] else WireMailbox(b"")
        yield _response(session, access, b"LIST", [rb"\Noselect"], name)
        return
    pattern = _pattern(session, access, command.reference, command.patterns[0])
    for name, selectable in access.all_names().items():
        if pattern.matches(name):
            attributes = [] if selectable else [rb"\Noselect"]
            if session.has("CHILDREN"):
                attributes.append(_children(access, name))
            attributes += _special_use(session, access, name)
            yield _response(session, access, b"LIST", attributes, name)


def announce(
    session: Session, name: WireMailbox, *, old: bytes | None = None, no_access: bool = False
) -> bytes:
    """``* LIST`` of one mailbox that no LIST asked for (RFC 9051 sections 6.3.2 and 6.3.9.7).

    ``old`` is the name that it had, as the client would write it. ``no_access``: the user may not
    look into it (RFC 5465 section 5.9).
    """
    access = access_of(session)
    exists = name in access.mailboxes
    attributes = [] if exists else [rb"\NonExistent"]
    if no_access:
        attributes = [rb"\NoAccess"]
    attributes += [rb"\Subscribed"] if name in access.subscriptions else []
    if exists or access.has_children(name):
        attributes.append(_children(access, name))
    attributes += _special_use(session, access, name)
    extended = b""
    if old is not None:
        extended = b' ("OLDNAME" (%b))' % utf8_name(old)
    return _response(session, access, b"LIST", attributes, name, extended)


def _pattern(session: Session, access: Access, reference: bytes, pattern: bytes) -> NamePattern:
    # The reference is put before the pattern. As in a file system, one that begins with "/" begins
    # at the root (RFC 3501 section 6.3.8); with another delimiter there is no such thing.
    is_absolute = access.delimiter == b"/" and pattern.startswith(b"/")
    whole = pattern if is_absolute else reference + pattern
    return NamePattern(session, access.canonical(whole), access.delimiter)


def _with_parents(access: Access, pattern: NamePattern) -> dict[WireMailbox, bool]:
    """Subscribed names that match; and, of those that do not, the nearest matching name above."""
    names: dict[WireMailbox, bool] = {}
    for name in access.subscriptions:
        if pattern.matches(name):
            names[name] = True
            continue
        above = next((one for one in access.parents_of(name) if pattern.matches(one)), None)
        if above is not None:
            names.setdefault(above, False)
    return dict(sorted(names.items()))


def _response(
    session: Session,
    access: Access,
    verb: bytes,
    attributes: list[bytes],
    name: bytes,
    extended: bytes = b"",
) -> bytes:
    return b"* %b (%b) %b %b%b\r\n" % (
        verb,
        b" ".join(attributes),
        nstring(access.delimiter),
        mailbox_name(session, name),
        extended,
    )


def _children(access: Access, name: bytes) -> bytes:
    return rb"\HasChildren" if access.has_children(name) else rb"\HasNoChildren"


def _special_use(session: Session, access: Access, name: WireMailbox) -> list[bytes]:
    mailbox = access.mailboxes.get(name)
    if mailbox is None or not session.has("SPECIAL-USE"):
        return []
    return list(mailbox.special_use)


# --- LIST-EXTENDED ------------------------------------------------------------------------------


def _check_options(session: Session, command: wire.List) -> None:
    selection = command.selection_options or ()
    returned = command.return_options or ()
    for option, known in [(one, _SELECTION) for one in selection] + [
        (one, _RETURN) for one in returned
    ]:
        if option not in known or not session.has(known[option]):
            raise BadCommand(f"Unknown option {option}")
    # RFC 9051 appendix C: IMAP4rev2 alone has no several patterns.
    if command.parenthesized and "LIST-EXTENDED" not in session.host.extensions:
        raise BadCommand("Invalid pattern.")
    if "RECURSIVEMATCH" in selection and not {"SUBSCRIBED", "SPECIAL-USE"} & set(selection):
        # RFC 5258 section 3.1: it modifies another selection, and REMOTE is none to modify.
        raise BadCommand("RECURSIVEMATCH must not be the only selection.")
    if "STATUS" in returned and not command.status_items:
        raise BadCommand("STATUS without items.")
    check_items(session, command.status_items)


@dataclass(slots=True)
class _Found:
    """A name to tell: whether it was selected itself, and what is below it that would be."""

    itself: bool = False
    below: bool = False


def _extended(session: Session, access: Access, command: wire.List) -> Iterator[bytes]:
    patterns = [
        _pattern(session, access, command.reference, one) for one in command.patterns if one
    ]
    for name, found in _select_names(access, command, patterns).items():
        yield _extended_response(session, access, command, name, found)
        mailbox = access.mailboxes.get(name)
        if command.status_items and mailbox is not None and found.itself:
            yield status_response(session, mailbox, command.status_items)


def _select_names(
    access: Access, command: wire.List, patterns: list[NamePattern]
) -> dict[WireMailbox, _Found]:
    selection = command.selection_options or ()
    recursive = "RECURSIVEMATCH" in selection
    found: dict[WireMailbox, _Found] = {}
    for name in _candidates(access, selection):
        if any(pattern.matches(name) for pattern in patterns):
            found.setdefault(name, _Found()).itself = True
        elif recursive:
            # RFC 5258 section 4: also names above, where what is below them is not told itself.
            for above in access.parents_of(name):
                if any(pattern.matches(above) for pattern in patterns):
                    found.setdefault(above, _Found()).below = True
    return dict(sorted(found.items()))


def _candidates(access: Access, selection: tuple[str, ...]) -> list[WireMailbox]:
    """The names that meet all selection options; without any, all that there are."""
    names = dict.fromkeys(access.all_names())
    if "SUBSCRIBED" in selection:
        names = dict.fromkeys(access.subscriptions)
    if "SPECIAL-USE" in selection:
        special = {name for name, one in access.mailboxes.items() if one.special_use}
        names = dict.fromkeys(name for name in names if name in special)
    return list(names)


def _extended_response(
    session: Session, access: Access, command: wire.List, name: WireMailbox, found: _Found
) -> bytes:
    selection = command.selection_options or ()
    returned = command.return_options or ()
    attributes = _attributes(session, access, command, name)
    extended = b""
    if found.below and "RECURSIVEMATCH" in selection:
        criteria = [option for option in ("SUBSCRIBED", "SPECIAL-USE") if option in selection]
        told = b" ".join(nstring(option.encode()) for option in criteria)
        extended = b" (CHILDINFO (%b))" % told
    if name in access.subscriptions and ("SUBSCRIBED" in selection or "SUBSCRIBED" in returned):
        attributes.insert(0, rb"\Subscribed")
    return _response(session, access, b"LIST", attributes, name, extended)


def _attributes(
    session: Session, access: Access, command: wire.List, name: WireMailbox
) -> list[bytes]:
    returned = command.return_options or ()
    attributes: list[bytes] = []
    if name not in access.mailboxes:
        # RFC 5258 section 3: it implies \Noselect.
        attributes.append(rb"\NonExistent")
    if "CHILDREN" in returned:
        attributes.append(_children(access, name))
    if "SPECIAL-USE" in returned or "SPECIAL-USE" in (command.selection_options or ()):
        attributes += _special_use(session, access, name)
    return attributes
