"""Mail from files, octet for octet."""

import datetime
import email.message
import mailbox
from pathlib import Path

import pytest

from fakeserver.load import NotMail, read_messages, read_tree
from tests.fakeserver.peers import MemoryServer

MAIL = b"Subject: x\r\n\r\nhello\r\n"
MBOX = b"""From a@example.org Thu Feb  3 04:05:06 2022
Subject: one
Status: RO
X-Status: AF

From the start
>From here
>>From there

From b@example.org at 04:05
Subject: two

no end"""


def test_mbox(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(MBOX)
    first, second = read_messages(path)
    assert first.octets.endswith(b"\r\n\r\nFrom the start\r\nFrom here\r\n>From there\r\n")
    assert first.flags == {rb"\Seen", rb"\Answered", rb"\Flagged"}
    assert first.internal_date == datetime.datetime(2022, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
    assert second.octets == b"Subject: two\r\n\r\nno end"
    assert second.internal_date is None


def test_an_mbox_as_python_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    box = mailbox.mbox(path)
    for number in range(3):
        box.add(f"Subject: {number}\n\nFrom me\n")
    box.close()
    assert [one.octets for one in read_messages(path)] == [
        b"Subject: %d\r\n\r\nFrom me\r\n" % number for number in range(3)
    ]


def test_maildir(tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "mail")
    message = mailbox.MaildirMessage(b"Subject: seen\n\n")
    message.set_subdir("cur")
    message.set_flags("RST")
    box.add(message)
    box.add(b"Subject: new\n\n")
    sent = box.add_folder("Sent.2016")
    sent.add(b"Subject: sent\n\n")
    tree = read_tree(tmp_path / "mail")
    assert [one.flags for one in tree[()]] == [{rb"\Answered", rb"\Seen", rb"\Deleted"}, set()]
    assert [one.octets for one in tree[("Sent", "2016")]] == [b"Subject: sent\r\n\r\n"]


@pytest.mark.parametrize("octets", [MAIL, b"\xff\x00\r\n\n.\r", b"", b"a: b\n\nmixed\r\n\n"])
def test_octets_of_an_eml_file_stay(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "one.eml"
    path.write_bytes(octets)
    assert read_messages(path)[0].octets == octets


def test_what_is_no_mail(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"\x89PNG")
    with pytest.raises(NotMail, match="picture: neither a message nor an mbox"):
        read_messages(path)
    with pytest.raises(NotMail, match="a directory that is no Maildir"):
        read_messages(tmp_path)


def test_a_directory(tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(MAIL)
    (tmp_path / "Old.mbox").write_bytes(MBOX)
    (tmp_path / "Work" / "Été").mkdir(parents=True)
    (tmp_path / "Work" / "Été" / "two.eml").write_bytes(MAIL)
    home = MemoryServer()
    home.server.add_account("demo", "pw", empty=True)
    home.server.load(tmp_path)
    counts = {name: len(box.messages) for name, box in home.server.account().mailboxes.items()}
    assert counts == {b"INBOX": 1, b"Old": 2, b"Work": 0, b"Work.&AMk-t&AOk-": 1}


def test_append(tmp_path: Path) -> None:
    home = MemoryServer()
    home.server.add_account("demo", "pw", empty=True)
    (tmp_path / "mbox").write_bytes(MBOX)
    message = email.message.EmailMessage()
    message["Subject"] = "x"
    message.set_content("hello\n")
    sources = (MAIL, "Subject: x\n\nhello\n", message, tmp_path / "mbox")
    for source in sources:
        home.server.append(source, flags=[b"Loaded"])
    stored = home.server.mailbox().messages
    assert [one.content.octets for one in stored[:2]] == [MAIL, MAIL]
    assert stored[2].content.octets.endswith(b"\r\n\r\nhello\r\n")
    assert stored[3].flags == {rb"\Seen", rb"\Answered", rb"\Flagged", b"Loaded"}
