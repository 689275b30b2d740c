r"""The account of the imaplib walk-through ("Python Module of the Week", imaplib).

The article was made over some years, and its outputs disagree: INBOX has two messages in STATUS
and in the log of EXAMINE, one in SELECT and in SEARCH ALL; the header is 3108 octets in one place
and 595 in another; "Deleted Messages" has three messages in STATUS and none in SEARCH. This is the
one account that agrees with nearly all of it:

* INBOX: UIDVALIDITY 1457297769, UIDNEXT 6, two messages. Number 1 is the unread "PyMOTW Example
  message 2" (so SEARCH finds ``1``, FETCH 1 has no flags, UNSEEN is 1); number 2 has been read (so
  "archive read" copies ``2``).
* Example: empty, UIDVALIDITY 1457297771, UIDNEXT 2. Example.2016: one read message,
  UIDVALIDITY 1457297772, UIDNEXT 3.
* Archive: empty, UIDVALIDITY 1457297770, UIDNEXT 1.
* Deleted Messages: three messages, UIDVALIDITY 1457297773, UIDNEXT 4.

No RECENT anywhere, delimiter ``.``.
"""

import datetime

from fakeserver.mail.message import Message
from fakeserver.store.account import Account
from fakeserver.store.mailbox import Mailbox
from imapproxy.wire.flags import SEEN, Flag

_ZONE = datetime.timezone(datetime.timedelta(hours=-5))
_FROM_DOUG = (
    "Return-Path: <doug@doughellmann.com>",
    "Received: from mx5.nyi.internal (localhost [127.0.0.1])",
    "\tby mx5.nyi.internal (Postfix) with ESMTP id 47CBA280DB3",
    "\tfor <doug@doughellmann.com>; {date} (EST)",
    "X-Spam-score: 0.0",
    "X-Spam-hits: ALL_TRUSTED -1, BAYES_00 -1.9, LANGUAGES unknown, BAYES_USED global,",
    "  SA_VERSION 3.3.2",
    "X-Delivered-to: doug@doughellmann.com",
    "From: Doug Hellmann <doug@doughellmann.com>",
    "Content-Type: text/plain; charset=us-ascii",
    "Content-Transfer-Encoding: 7bit",
    "Subject: {subject}",
    "Message-Id: <{message_id}@doughellmann.com>",
    "Date: {date}",
    "To: Doug Hellmann <doug@doughellmann.com>",
    "Mime-Version: 1.0 (Mac OS X Mail 9.2 \\(3112\\))",
    "X-Mailer: Apple Mail (2.3112)",
    "",
    "{text}",
    "",
)
_APPENDED = "Subject: subject goes here|From: pymotw@example.com|To: example@example.com||{text}|"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def fill_with_walkthrough(account: Account) -> None:
    """Fill an account that is new with the mailboxes and messages of the walk-through."""
    inbox = account.add_mailbox(b"INBOX", 1457297769)
    account.add_mailbox(b"Archive", 1457297770)
    example = account.add_mailbox(b"Example", 1457297771)
    example_2016 = account.add_mailbox(b"Example.2016", 1457297772)
    deleted = account.add_mailbox(b"Deleted Messages", 1457297773)
    account.subscriptions.update(dict.fromkeys(account.mailboxes))

    second = "This is the second example message."
    _add(inbox, 4, 6, "\r\n".join(_FROM_DOUG), second, "PyMOTW Example message 2")
    _add(inbox, 5, 7, _APPENDED.replace("|", "\r\n"), "This is the body of the message.", "", SEEN)
    first = "This is the first example message."
    _add(example_2016, 2, 6, "\r\n".join(_FROM_DOUG), first, "PyMOTW Example message 1", SEEN)
    for uid in (1, 2, 3):
        text, subject = "Lorem ipsum dolor sit amet.", f"Lorem ipsum {uid}"
        _add(deleted, uid, uid, "\r\n".join(_FROM_DOUG), text, subject, SEEN)
    example.uid_next = 2
    inbox.highest_mod_seq = 20
    for mailbox in account.mailboxes.values():
        mailbox.first_recent = mailbox.uid_next


def _add(
    mailbox: Mailbox, uid: int, day: int, form: str, text: str, subject: str, *flags: Flag
) -> None:
    moment = datetime.datetime(2016, 3, day, 16, 16, 2, tzinfo=_ZONE)
    values = {
        "subject": subject,
        "text": text,
        "message_id": f"00ABCD46-DADA-4912-A451-{mailbox.uid_validity}{uid:02}",
        "date": f"{_DAYS[moment.weekday()]}, {day} Mar 2016 16:16:02 -0500",
    }
    octets = form.format_map(values).encode()
    arrived = moment + datetime.timedelta(seconds=1)
    mailbox.append(Message(octets), flags, arrived, uid=uid)
