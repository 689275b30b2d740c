"""Writing commands that single extensions brought (RFC 4467, RFC 5267, RFC 5464, RFC 5465)."""

from collections.abc import Iterable

from imapproxy.wire.commands import (
    CancelUpdate,
    EventGroup,
    GenUrlAuth,
    GetMetadata,
    Notify,
    NotifyEvent,
    ResetKey,
    SetMetadata,
    UrlFetch,
)
from imapproxy.wire.encode_fetch_att import encode_fetch_att
from imapproxy.wire.strings import (
    LiteralPart,
    Part,
    encode_astring,
    encode_keyword,
    encode_nstring,
    encode_string,
    separated,
)


def encode_get_metadata(command: GetMetadata) -> list[Part]:
    """The arguments of GETMETADATA."""
    options = []
    if command.max_size is not None:
        options.append(b"MAXSIZE %d" % command.max_size)
    if command.depth != 0:
        options.append(b"DEPTH infinity" if command.depth is None else b"DEPTH %d" % command.depth)
    parts: list[Part] = [b" (%b)" % b" ".join(options)] if options else []
    entries = separated(map(encode_astring, command.entries))
    return [*parts, b" ", encode_astring(command.mailbox), b" (", *entries, b")"]


def encode_set_metadata(command: SetMetadata) -> list[Part]:
    """The arguments of SETMETADATA."""
    values: list[Part] = []
    for entry, value in command.values:
        values += (encode_astring(entry), _value(value))
    return [b" ", encode_astring(command.mailbox), b" (", *separated(values), b")"]


def _value(value: bytes | None) -> Part:
    if value is not None and b"\0" in value:
        return LiteralPart(value, binary=True)
    return encode_nstring(value)


def encode_cancel_update(command: CancelUpdate) -> list[Part]:
    """The arguments of CANCELUPDATE."""
    return [b" ", *separated(map(encode_string, command.tags))]


def encode_notify(command: Notify) -> list[Part]:
    """The arguments of NOTIFY."""
    if not command.groups:
        return [b" NONE"]
    parts: list[Part] = [b" SET STATUS" if command.status else b" SET"]
    for group in command.groups:
        parts += (b" (", *_group(group), b")")
    return parts


def _group(group: EventGroup) -> Iterable[Part]:
    yield encode_keyword(group.where)
    if group.mailboxes:
        yield from (b" (", *separated(map(encode_astring, group.mailboxes)), b")")
    if not group.events:
        yield b" NONE"
        return
    yield b" ("
    yield from separated([part for event in group.events for part in [_event(event)]])
    yield b")"


def _event(event: NotifyEvent) -> bytes:
    name = encode_keyword(event.name)
    if not event.attributes:
        return name
    return b"%b (%b)" % (name, b" ".join(map(encode_fetch_att, event.attributes)))


def encode_gen_url_auth(command: GenUrlAuth) -> list[Part]:
    """The arguments of GENURLAUTH."""
    words: list[Part] = []
    for url, mechanism in command.requests:
        words += (encode_astring(url), encode_keyword(mechanism))
    return [b" ", *separated(words)]


def encode_url_fetch(command: UrlFetch) -> list[Part]:
    """The arguments of URLFETCH."""
    return [b" ", *separated(map(encode_astring, command.urls))]


def encode_reset_key(command: ResetKey) -> list[Part]:
    """The arguments of RESETKEY."""
    if command.mailbox is None:
        return []
    words = [encode_astring(command.mailbox), *map(encode_keyword, command.mechanisms)]
    return [b" ", *separated(words)]
