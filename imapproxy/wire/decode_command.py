"""Reading one complete command (RFC 9051 section 6, section 9 ``command``)."""

import re
from collections.abc import Callable
from functools import partial

from imapproxy.wire import commands
from imapproxy.wire import decode_append as append
from imapproxy.wire import decode_extension_command as extension
from imapproxy.wire import decode_mailbox_command as mailbox
from imapproxy.wire import decode_message_command as message
from imapproxy.wire import decode_search as search
from imapproxy.wire.commands import Command, CommandBody
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.secret import Secret

# tag = 1*<any ASTRING-CHAR except "+">
_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]++")
_NAME = re.compile(rb"[A-Za-z0-9.\-_+&=!$/]++")
# base64 = *(4base64-char) [base64-terminal]; "=" is an initial response of no octets (RFC 4959)
_INITIAL_RESPONSE = re.compile(
    rb"=|(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
)

_Reader = Callable[[Cursor], CommandBody]


class CommandError(DecodeError):
    """A command that is not understood; the server answers BAD.

    ``tag`` is the command's tag, ``None`` where not even that could be read (answered untagged).
    ``name`` is the command's name in upper case as far as it was read, else ``""``.
    """

    def __init__(
        self, message: str, position: int = 0, tag: bytes | None = None, name: str = ""
    ) -> None:
        super().__init__(message, position)
        self.tag = tag
        self.name = name


def decode_command(octets: bytes, *, lenient: bool = False) -> Command:
    """Decode a whole command: its line, literals joined in as they came, the last CRLF.

    A command whose name is not known comes back as :class:`~imapproxy.wire.commands.Opaque`; one
    that is known and has wrong arguments raises :class:`CommandError`. No other exception leaves.

    Strict by the grammar of RFC 9051 section 9, and the obsolete spellings of RFC 3501 and before.
    ``lenient`` also takes what old programs write, and Dovecot reads: several spaces for one,
    spaces at the end of a line or inside of parentheses.
    """
    cursor = Cursor(octets, lenient=lenient)
    tag = None
    name = ""
    try:
        tag = cursor.expect(_TAG, "a tag")[0]
        cursor.space()
        start = cursor.at
        name = _name(cursor)
        read = _READERS.get(name)
        if read is None:
            return Command(tag, _opaque(cursor, name, start))
        body = read(cursor)
        cursor.end()
    except DecodeError as error:
        raise CommandError(str(error), error.position, tag, name) from None
    return Command(tag, body)


def _name(cursor: Cursor) -> str:
    name = cursor.expect(_NAME, "a command")[0].decode("ascii").upper()
    if name == "UID":
        cursor.space()
        name = f"UID {cursor.expect(_NAME, 'a command')[0].decode('ascii').upper()}"
    return name


def _opaque(cursor: Cursor, name: str, start: int) -> commands.Opaque:
    if not cursor.octets.endswith(b"\r\n"):
        raise cursor.error("expected the end of the line")
    return commands.Opaque(name, cursor.octets[start:])


def _id(cursor: Cursor) -> commands.Id:
    cursor.space()
    if cursor.nil():
        return commands.Id(None)
    return commands.Id(cursor.list_of(lambda: _id_parameter(cursor), may_be_empty=True))


def _id_parameter(cursor: Cursor) -> tuple[bytes, bytes | None]:
    name = cursor.string()
    cursor.space()
    return name, cursor.nstring()


def _authenticate(cursor: Cursor) -> commands.Authenticate:
    cursor.space()
    mechanism = cursor.keyword()
    if cursor.at_end() or not cursor.skip_space():
        return commands.Authenticate(mechanism)
    found = cursor.expect(_INITIAL_RESPONSE, "base64")
    return commands.Authenticate(mechanism, Secret(found[0]))


def _login(cursor: Cursor) -> commands.Login:
    user = mailbox.read_astring(cursor)
    return commands.Login(user, Secret(mailbox.read_astring(cursor)))


def _enable(cursor: Cursor) -> commands.Enable:
    cursor.space()
    return commands.Enable(cursor.separated(cursor.keyword))


def _compress(cursor: Cursor) -> commands.Compress:
    cursor.space()
    return commands.Compress(cursor.keyword())


def _without_arguments(kind: Callable[[], CommandBody]) -> _Reader:
    return lambda cursor: kind()


def _with_mailbox(kind: Callable[[WireMailbox], CommandBody]) -> _Reader:
    return lambda cursor: kind(mailbox.read_mailbox(cursor))


def _both_forms(name: str, read: Callable[..., CommandBody]) -> dict[str, _Reader]:
    return {name: partial(read, by_uid=False), f"UID {name}": partial(read, by_uid=True)}


_READERS: dict[str, _Reader] = {
    "CAPABILITY": _without_arguments(commands.Capability),
    "NOOP": _without_arguments(commands.Noop),
    "LOGOUT": _without_arguments(commands.Logout),
    "STARTTLS": _without_arguments(commands.StartTls),
    "NAMESPACE": _without_arguments(commands.Namespace),
    "IDLE": _without_arguments(commands.Idle),
    "CHECK": _without_arguments(commands.Check),
    "CLOSE": _without_arguments(commands.Close),
    "UNSELECT": _without_arguments(commands.Unselect),
    "EXPUNGE": _without_arguments(commands.Expunge),
    "DELETE": _with_mailbox(commands.Delete),
    "SUBSCRIBE": _with_mailbox(commands.Subscribe),
    "UNSUBSCRIBE": _with_mailbox(commands.Unsubscribe),
    "GETACL": _with_mailbox(commands.GetAcl),
    "MYRIGHTS": _with_mailbox(commands.MyRights),
    "GETQUOTAROOT": _with_mailbox(commands.GetQuotaRoot),
    "ID": _id,
    "AUTHENTICATE": _authenticate,
    "LOGIN": _login,
    "ENABLE": _enable,
    "COMPRESS": _compress,
    "SELECT": partial(mailbox.read_select, commands.Select),
    "EXAMINE": partial(mailbox.read_select, commands.Examine),
    "CREATE": mailbox.read_create,
    "RENAME": mailbox.read_rename,
    "LIST": mailbox.read_list,
    "LSUB": mailbox.read_lsub,
    "FIND": mailbox.read_find,
    "STATUS": mailbox.read_status,
    "SETACL": mailbox.read_set_acl,
    "DELETEACL": mailbox.read_delete_acl,
    "LISTRIGHTS": mailbox.read_list_rights,
    "GETQUOTA": mailbox.read_get_quota,
    "SETQUOTA": mailbox.read_set_quota,
    "APPEND": append.read_append,
    "GETMETADATA": extension.read_get_metadata,
    "SETMETADATA": extension.read_set_metadata,
    "CANCELUPDATE": extension.read_cancel_update,
    "NOTIFY": extension.read_notify,
    "GENURLAUTH": extension.read_gen_url_auth,
    "URLFETCH": extension.read_url_fetch,
    "RESETKEY": extension.read_reset_key,
    "PARTIAL": message.read_partial,
    "UID EXPUNGE": message.read_uid_expunge,
    **_both_forms("FETCH", message.read_fetch),
    **_both_forms("STORE", message.read_store),
    **_both_forms("COPY", partial(message.read_copy, commands.Copy)),
    **_both_forms("MOVE", partial(message.read_copy, commands.Move)),
    **_both_forms("REPLACE", append.read_replace),
    **_both_forms("SEARCH", search.read_search),
    **_both_forms("SORT", search.read_sort),
    **_both_forms("THREAD", search.read_thread),
}
