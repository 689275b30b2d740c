"""Names of mailboxes: on the wire, as text, and the patterns of LIST.

A :data:`WireMailbox` is what stood on the wire, once quotes or a literal are taken off. A
:data:`MailboxName` is text for people. Between the two stands modified UTF-7 (RFC 3501 section
5.1.3) or, after ``ENABLE IMAP4rev2`` or ``UTF8=ACCEPT``, UTF-8.
"""

from typing import NewType

WireMailbox = NewType("WireMailbox", bytes)
MailboxName = NewType("MailboxName", str)

INBOX = WireMailbox(b"INBOX")
