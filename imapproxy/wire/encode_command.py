"""Writing commands (RFC 9051 section 6, section 9 ``command``)."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from imapproxy.wire import commands
from imapproxy.wire import encode_extension_command as extension
from imapproxy.wire import encode_mailbox_command as mailbox
from imapproxy.wire import encode_search as search
from imapproxy.wire.commands import Command, CommandBody
from imapproxy.wire.dates import encode_date_time
from imapproxy.wire.encode_fetch_att import encode_fetch_att, encode_fetch_atts
from imapproxy.wire.errors import EncodeError
from imapproxy.wire.flags import encode_flag
from imapproxy.wire.strings import (
    LiteralPart,
    Part,
    encode_astring,
    encode_keyword,
    encode_nstring,
    encode_string,
    merge,
)

_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]++")
_LITERAL_AT = re.compile(rb"(~?)\{([0-9]{1,19})\+?\}\r\n")


def encode_command(command: Command) -> tuple[Part, ...]:
    """The parts of a command, with its tag and the last CRLF.

    Neighbouring octets are one part, so that a command without literals is a single ``bytes``;
    see :func:`imapproxy.wire.strings.render`. Raises ``EncodeError`` for a value that has no form
    on the wire.
    """
    if _TAG.fullmatch(command.tag) is None:
        raise EncodeError("octets that are not a tag")
    parts: list[Part] = [command.tag, b" ", *_body(command.body)]
    _one_line_only(parts)
    return merge(parts)


def command_name(body: CommandBody) -> str:
    """The name of the command in upper case, ``UID FETCH`` for a UID form."""
    if isinstance(body, commands.Opaque):
        return body.name
    name = type(body).__name__.upper()
    by_uid = getattr(body, "by_uid", False) or getattr(body, "uids", None) is not None
    return f"UID {name}" if by_uid else name


def _body(body: CommandBody) -> Iterable[Part]:
    if isinstance(body, commands.Opaque):
        return _cut_literals(body.octets)
    encode = _ARGUMENTS.get(type(body))
    arguments = [] if encode is None else encode(body)
    return [*_all_cut([command_name(body).encode("ascii"), *arguments]), b"\r\n"]


def _one_line_only(parts: Iterable[Part]) -> None:
    # Arguments that are passed on as they came, and secrets, are not looked into. None of them may
    # end the line and begin a command of its own.
    line = b"".join(part for part in parts if isinstance(part, bytes))
    if line.find(b"\n") != len(line) - 1 or not line.endswith(b"\r\n"):
        raise EncodeError("a command with a line end inside of it")


def encode_append_message(message: commands.AppendMessage) -> list[Part]:
    """The parts of one message of APPEND, a space before each argument."""
    parts = append_options(message)
    if isinstance(message.data, tuple):
        inner: list[Part] = []
        for part in message.data:
            inner += (b" ", *_catenate_part(part))
        return [*parts, b" CATENATE (", *inner[1:], b")"]
    literal = LiteralPart(message.data, message.binary)
    return [*parts, b" UTF8 (", literal, b")"] if message.utf8 else [*parts, b" ", literal]


def append_options(message: commands.AppendMessage) -> list[Part]:
    """The flags and the date of one message, a space before each."""
    parts: list[Part] = []
    if message.flags is not None:
        parts.append(b" (%b)" % _flags(message.flags))
    if message.internal_date is not None:
        parts += (b" ", encode_date_time(message.internal_date))
    return parts


def _catenate_part(part: commands.CatenateText | commands.CatenateUrl) -> Iterable[Part]:
    if isinstance(part, commands.CatenateUrl):
        return b"URL ", encode_astring(part.url)
    literal = LiteralPart(part.octets, part.binary)
    return (b"UTF8 (", literal, b")") if part.utf8 else (b"TEXT ", literal)


def _append(command: commands.Append) -> list[Part]:
    parts: list[Part] = [b" ", encode_astring(command.mailbox)]
    for message in command.messages:
        parts += encode_append_message(message)
    return parts


def _replace(command: commands.Replace) -> list[Part]:
    head: list[Part] = [b" %d " % command.number, encode_astring(command.mailbox)]
    return head + encode_append_message(command.message)


def _id(command: commands.Id) -> list[Part]:
    if command.parameters is None:
        return [b" NIL"]
    parts: list[Part] = []
    for name, value in command.parameters:
        parts += (b" ", encode_string(name), b" ", encode_nstring(value))
    return [b" (", *parts[1:], b")"]


def _authenticate(command: commands.Authenticate) -> list[Part]:
    parts: list[Part] = [b" ", encode_keyword(command.mechanism)]
    if command.initial_response is not None:
        parts += (b" ", command.initial_response.reveal())
    return parts


def _fetch(command: commands.Fetch) -> list[Part]:
    parameters = list(command.parameters)
    if command.vanished:
        parameters.insert(0, commands.Parameter("VANISHED"))
    if command.changed_since is not None:
        argument = b"%d" % command.changed_since
        parameters.insert(0, commands.Parameter("CHANGEDSINCE", argument))
    attributes = encode_fetch_atts(command.attributes)
    head = b" %b %b" % (command.sequence_set.encode(), attributes)
    return [head, mailbox.encode_parameters(parameters)]


def _partial(command: commands.Partial) -> list[Part]:
    attribute = encode_fetch_att(command.attribute)
    return [b" %d %b %d %d" % (command.number, attribute, command.offset, command.length)]


def _store(command: commands.Store) -> list[Part]:
    parameters = list(command.parameters)
    if command.unchanged_since is not None:
        argument = b"%d" % command.unchanged_since
        parameters.insert(0, commands.Parameter("UNCHANGEDSINCE", argument))
    silent = ".SILENT" if command.silent else ""
    item = f" {command.action.value}{command.item}{silent}".encode("ascii")
    head = b" %b" % command.sequence_set.encode()
    return [head, mailbox.encode_parameters(parameters), item, *_stored(command)]


def _stored(command: commands.Store) -> list[Part]:
    if command.item == "FLAGS":
        return [b" (%b)" % _flags(command.flags)]
    parts: list[Part] = []
    for label in command.flags:
        # \Inbox goes as a flag, any other label as an astring.
        parts += (b" ", label if label.startswith(b"\\") else encode_astring(label))
    return [b" (", *parts[1:], b")"]


def _flags(flags: Iterable[bytes]) -> bytes:
    return b" ".join(map(encode_flag, flags))


def _copy(command: commands.Copy | commands.Move) -> list[Part]:
    return [b" %b " % command.sequence_set.encode(), encode_astring(command.mailbox)]


def _expunge(command: commands.Expunge) -> list[Part]:
    return [] if command.uids is None else [b" ", command.uids.encode()]


def _words(*names: str) -> Callable[[Any], list[Part]]:
    """Arguments that are astrings, one behind the other, by the names of their fields."""

    def encode(command: Any) -> list[Part]:
        parts: list[Part] = []
        for name in names:
            parts += (b" ", encode_astring(getattr(command, name)))
        return parts

    return encode


def _login(command: commands.Login) -> list[Part]:
    user, password = command.user, command.password.reveal()
    return [b" ", encode_astring(user), b" ", encode_astring(password)]


def _all_cut(parts: Iterable[Part]) -> Iterable[Part]:
    for part in parts:
        if isinstance(part, bytes):
            yield from _cut_literals(part)
        else:
            yield part


def _cut_literals(octets: bytes) -> Iterable[Part]:
    at = 0
    found = _LITERAL_AT.search(octets)
    while found is not None:
        end = found.end() + int(found[2])
        yield octets[at : found.start()]
        yield LiteralPart(octets[found.end() : end], bool(found[1]))
        at = end
        found = _LITERAL_AT.search(octets, at)
    yield octets[at:]


_ARGUMENTS: dict[type, Callable[[Any], list[Part]]] = {
    commands.Id: _id,
    commands.Authenticate: _authenticate,
    commands.Login: _login,
    commands.Enable: lambda body: [b" " + encode_keyword(name) for name in body.capabilities],
    commands.Compress: lambda body: [b" ", encode_keyword(body.mechanism)],
    commands.Select: mailbox.encode_select,
    commands.Examine: mailbox.encode_select,
    commands.Create: mailbox.encode_create,
    commands.Delete: _words("mailbox"),
    commands.Rename: mailbox.encode_rename,
    commands.Subscribe: _words("mailbox"),
    commands.Unsubscribe: _words("mailbox"),
    commands.List: mailbox.encode_list,
    commands.Lsub: mailbox.encode_lsub,
    commands.Find: mailbox.encode_find,
    commands.Status: mailbox.encode_status,
    commands.Append: _append,
    commands.Replace: _replace,
    commands.GetAcl: _words("mailbox"),
    commands.SetAcl: _words("mailbox", "identifier", "rights"),
    commands.DeleteAcl: _words("mailbox", "identifier"),
    commands.ListRights: _words("mailbox", "identifier"),
    commands.MyRights: _words("mailbox"),
    commands.GetQuota: _words("root"),
    commands.GetQuotaRoot: _words("mailbox"),
    commands.SetQuota: mailbox.encode_set_quota,
    commands.GetMetadata: extension.encode_get_metadata,
    commands.SetMetadata: extension.encode_set_metadata,
    commands.CancelUpdate: extension.encode_cancel_update,
    commands.Notify: extension.encode_notify,
    commands.GenUrlAuth: extension.encode_gen_url_auth,
    commands.UrlFetch: extension.encode_url_fetch,
    commands.ResetKey: extension.encode_reset_key,
    commands.Expunge: _expunge,
    commands.Search: search.encode_search,
    commands.Sort: search.encode_sort,
    commands.Thread: search.encode_thread,
    commands.Fetch: _fetch,
    commands.Partial: _partial,
    commands.Store: _store,
    commands.Copy: _copy,
    commands.Move: _copy,
}
