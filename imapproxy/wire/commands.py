"""What a client can say: one value per command of RFC 3501, RFC 9051 and the extensions.

Strings are the octets that stood on the wire once quotes or a literal are taken off. Words that
the grammar itself defines (names of commands, options, mechanisms) are upper-case ``str``.
``by_uid`` tells the ``UID …`` form, in which the numbers of ``sequence_set`` are UIDs.
"""

from dataclasses import dataclass, field

from imapproxy.wire.extension_commands import (
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
from imapproxy.wire.mailbox_commands import (
    Append,
    AppendMessage,
    CatenateText,
    CatenateUrl,
    Create,
    Delete,
    DeleteAcl,
    Examine,
    Find,
    GetAcl,
    GetQuota,
    GetQuotaRoot,
    List,
    ListRights,
    Lsub,
    MyRights,
    Namespace,
    Parameter,
    QResync,
    Rename,
    Select,
    SetAcl,
    SetQuota,
    Status,
    Subscribe,
    Unsubscribe,
)
from imapproxy.wire.message_commands import (
    Check,
    Close,
    Copy,
    Expunge,
    Fetch,
    Move,
    Partial,
    Replace,
    Search,
    Sort,
    SortKey,
    Store,
    StoreAction,
    Thread,
    Unselect,
)
from imapproxy.wire.session_commands import (
    Authenticate,
    Capability,
    Compress,
    Enable,
    Id,
    Idle,
    Login,
    Logout,
    Noop,
    StartTls,
)

__all__ = [
    "Append",
    "AppendMessage",
    "Authenticate",
    "CancelUpdate",
    "Capability",
    "CatenateText",
    "CatenateUrl",
    "Check",
    "Close",
    "Command",
    "CommandBody",
    "Compress",
    "Copy",
    "Create",
    "Delete",
    "DeleteAcl",
    "Enable",
    "EventGroup",
    "Examine",
    "Expunge",
    "Fetch",
    "Find",
    "GenUrlAuth",
    "GetAcl",
    "GetMetadata",
    "GetQuota",
    "GetQuotaRoot",
    "Id",
    "Idle",
    "List",
    "ListRights",
    "Login",
    "Logout",
    "Lsub",
    "Move",
    "MyRights",
    "Namespace",
    "Noop",
    "Notify",
    "NotifyEvent",
    "Opaque",
    "Parameter",
    "Partial",
    "QResync",
    "Rename",
    "Replace",
    "ResetKey",
    "Search",
    "Select",
    "SetAcl",
    "SetMetadata",
    "SetQuota",
    "Sort",
    "SortKey",
    "StartTls",
    "Status",
    "Store",
    "StoreAction",
    "Subscribe",
    "Thread",
    "Unselect",
    "Unsubscribe",
    "UrlFetch",
]


@dataclass(frozen=True, slots=True)
class Opaque:
    """A command that is not known here.

    ``octets`` is all that followed the tag and its space, exactly, with literals and the last
    CRLF. ``name`` is its first word in upper case (``UID FOO`` for a UID form).
    """

    name: str
    octets: bytes = field(repr=False)


CommandBody = (
    Capability
    | Noop
    | Logout
    | Id
    | StartTls
    | Authenticate
    | Login
    | Enable
    | Select
    | Examine
    | Create
    | Delete
    | Rename
    | Subscribe
    | Unsubscribe
    | List
    | Lsub
    | Find
    | Namespace
    | Status
    | Append
    | Idle
    | GetAcl
    | SetAcl
    | DeleteAcl
    | ListRights
    | MyRights
    | GetQuota
    | GetQuotaRoot
    | SetQuota
    | Check
    | Close
    | Unselect
    | Expunge
    | Search
    | Sort
    | Thread
    | Fetch
    | Partial
    | Store
    | Copy
    | Move
    | Replace
    | Compress
    | GetMetadata
    | SetMetadata
    | CancelUpdate
    | Notify
    | GenUrlAuth
    | UrlFetch
    | ResetKey
    | Opaque
)


@dataclass(frozen=True, slots=True)
class Command:
    """A tag and what it asks for."""

    tag: bytes
    body: CommandBody
