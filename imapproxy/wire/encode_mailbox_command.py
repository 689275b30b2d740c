"""Writing the commands that are about mailboxes (RFC 9051 section 6.3)."""

import re
from collections.abc import Iterable

from imapproxy.wire.commands import (
    Create,
    Examine,
    Find,
    List,
    Lsub,
    Parameter,
    QResync,
    Rename,
    Select,
    SetQuota,
    Status,
)
from imapproxy.wire.flags import encode_flag
from imapproxy.wire.strings import Part, encode_astring, encode_keyword, encode_string

# list-mailbox = 1*list-char / string (RFC 9051 section 9)
_LIST_CHARS = re.compile(rb"[^\x00-\x20\x7f-\xff(){\"\\]++")


def encode_select(select: Select | Examine) -> list[Part]:
    """The parts behind ``SELECT`` or ``EXAMINE``."""
    words = [b"CONDSTORE"] if select.condstore else []
    if select.qresync is not None:
        words.append(_qresync(select.qresync))
    words += map(_parameter, select.parameters)
    return [b" ", encode_astring(select.mailbox), _in_parentheses(words)]


def encode_create(create: Create) -> list[Part]:
    """The parts behind ``CREATE``."""
    words = list(map(_parameter, create.parameters))
    if create.special_use is not None:
        words.insert(0, b"USE (%b)" % b" ".join(map(encode_flag, create.special_use)))
    return [b" ", encode_astring(create.mailbox), _in_parentheses(words)]


def encode_rename(rename: Rename) -> list[Part]:
    """The parts behind ``RENAME``."""
    names: list[Part] = [
        b" ",
        encode_astring(rename.mailbox),
        b" ",
        encode_astring(rename.new_name),
    ]
    return [*names, encode_parameters(rename.parameters)]


def encode_list(command: List) -> list[Part]:
    """The parts behind ``LIST``."""
    parts: list[Part] = []
    if command.selection_options is not None:
        parts.append(b" (%b)" % _options(command.selection_options))
    parts += (b" ", encode_astring(command.reference), b" ")
    patterns: list[Part] = []
    for pattern in command.patterns:
        patterns += (b" ", _pattern(pattern))
    in_list = command.parenthesized or len(command.patterns) != 1
    parts += [b"(", *patterns[1:], b")"] if in_list else patterns[1:]
    if command.return_options is not None:
        parts.append(b" RETURN (%b)" % _return_options(command))
    return parts


def encode_lsub(lsub: Lsub) -> list[Part]:
    """The parts behind ``LSUB``."""
    return [b" ", encode_astring(lsub.reference), b" ", _pattern(lsub.pattern)]


def encode_find(find: Find) -> list[Part]:
    """The parts behind ``FIND``."""
    what = b" ALL.MAILBOXES " if find.all_mailboxes else b" MAILBOXES "
    return [what, _pattern(find.pattern)]


def encode_status(status: Status) -> list[Part]:
    """The parts behind ``STATUS``."""
    return [b" ", encode_astring(status.mailbox), b" (%b)" % _options(status.items)]


def encode_set_quota(command: SetQuota) -> list[Part]:
    """The parts behind ``SETQUOTA``."""
    limits = b" ".join(b"%b %d" % (encode_keyword(name), limit) for name, limit in command.limits)
    return [b" ", encode_astring(command.root), b" (%b)" % limits]


def encode_parameters(parameters: Iterable[Parameter]) -> bytes:
    """A space and the parameters in parentheses; nothing where there are none."""
    return _in_parentheses(list(map(_parameter, parameters)))


def _in_parentheses(words: list[bytes]) -> bytes:
    return b" (%b)" % b" ".join(words) if words else b""


def _parameter(parameter: Parameter) -> bytes:
    name = encode_keyword(parameter.name)
    return name if parameter.argument is None else b"%b %b" % (name, parameter.argument)


def _qresync(qresync: QResync) -> bytes:
    words = [b"%d" % qresync.uid_validity, b"%d" % qresync.mod_seq]
    if qresync.known_uids is not None:
        words.append(qresync.known_uids.encode())
    if qresync.known_match is not None:
        numbers, uids = qresync.known_match
        words.append(b"(%b %b)" % (numbers.encode(), uids.encode()))
    return b"QRESYNC (%b)" % b" ".join(words)


def _pattern(pattern: bytes) -> Part:
    return pattern if _LIST_CHARS.fullmatch(pattern) else encode_string(pattern)


def _options(names: Iterable[str]) -> bytes:
    # An option that is not known may carry its argument behind a space, as it came.
    return b" ".join(name.encode("latin-1") for name in names)


def _return_options(command: List) -> bytes:
    items = command.status_items
    status = f"STATUS ({' '.join(items)})" if items else "STATUS"
    options = command.return_options or ()
    return _options(status if name == "STATUS" else name for name in options)
