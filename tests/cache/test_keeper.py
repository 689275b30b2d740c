"""What people do with a cache: look at it, take mail out of it, check it, clear it."""

import re
import sqlite3

import pytest

from imapproxy.cache.keeper import Checked, Finding
from imapproxy.cache.sqlite.keeper import open_keeper
from imapproxy.cache.store import Form, Need, StoreError
from tests.cache import small
from tests.cache.small import INBOX, SENT
from tests.cache.waiting import Opened

BODY = Need(("",))


@pytest.fixture
def directory(tmp_path):
    small.make(tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def keeper(directory):
    keeper = open_keeper(directory)
    yield keeper
    keeper.close()


def findings(keeper, **how) -> list[str]:
    return [told.text for told in keeper.verify(**how) if isinstance(told, Finding)]


def sql(directory, statement: str) -> None:
    with sqlite3.connect(directory / "cache.sqlite") as database:
        database.execute(statement)
    database.close()


def test_where_there_is_none_none_is_made(tmp_path):
    for directory in (tmp_path / "none", tmp_path):
        with pytest.raises(StoreError, match=f"there is no cache in {directory}$"):
            open_keeper(directory)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_opened_is_left_there(directory):
    (directory / "cache.sqlite").write_bytes(b"something else" * 1000)
    with pytest.raises(StoreError, match=r"is damaged .*begins it anew"):
        open_keeper(directory)
    assert (directory / "cache.sqlite").read_bytes() == b"something else" * 1000
    (directory / "cache.sqlite").chmod(0o640)
    with pytest.raises(StoreError, match="can be read by others"):
        open_keeper(directory)


def test_what_is_held_is_told(keeper, directory):
    inbox, sent = keeper.holdings()
    assert (inbox.mailbox, inbox.messages, inbox.bodies) == (INBOX, small.COUNT, small.COUNT)
    assert sent.mailbox == SENT
    assert keeper.octets_on_disk() >= (directory / "cache.sqlite").stat().st_size


def test_messages_come_out_as_they_are(keeper):
    told = {
        m.uid: (m.flags, m.internal_date, m.size, b"".join(m.pieces)) for m in keeper.messages(SENT)
    }
    assert list(told) == list(range(1, small.COUNT + 1))
    for uid, (flags, internal_date, size, octets) in told.items():
        values = small.values(SENT, uid)
        assert (flags, internal_date) == (values["FLAGS"], values["INTERNALDATE"])
        assert octets == small.octets(SENT, uid, "")
        assert size == len(octets)


def test_a_quoted_message_comes_out_without_its_quotes(tmp_path):
    with Opened(tmp_path / "cache") as opened:
        for uid, value in enumerate((b'"a \\"b\\" \\\\\\\\c"', b"NIL", b'""'), 1):
            opened.store.writer.keep_section(INBOX, uid, "", Form.AS_IS, value)
        opened.flush()
        keeper = open_keeper(tmp_path / "cache")
        told = [(m.flags, m.size, b"".join(m.pieces)) for m in keeper.messages(INBOX)]
        keeper.close()
    assert told == [(None, 9, b'a "b" \\\\c'), (None, 0, b""), (None, 0, b"")]


def test_a_message_that_is_damaged_is_told(keeper, directory):
    sql(directory, "UPDATE chunk SET seal = seal + 1 WHERE length(octets) > 200000")
    with pytest.raises(StoreError, match="damaged"):
        for message in keeper.messages(SENT):
            b"".join(message.pieces)
    assert message.uid == 7


# -- verify ----------------------------------------------------------------------------------


def test_a_whole_store_is_whole(keeper):
    told = list(keeper.verify())
    assert not [finding for finding in told if isinstance(finding, Finding)]
    assert {what for what, _, _ in told} == {
        "trees", "mailboxes", "messages", "attributes", "sections",
    }  # fmt: skip
    for what, done, total in told:
        assert 0 <= done <= total, what
    last = {checked.what: checked for checked in told if isinstance(checked, Checked)}
    assert all(checked.done == checked.total > 0 for checked in last.values())


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE chunk SET octets = zeroblob(length(octets)) WHERE length(octets) = 262144",
         r"^(INBOX|Sent), UID 7: its section \[\] has a damaged piece \(0\)$"),
        ("DELETE FROM chunk WHERE length(octets) = 262144",
         r"^INBOX, UID 7: its section \[\] has a damaged piece \(0\)$"),
        ("DELETE FROM content WHERE id = (SELECT content FROM section WHERE key = '1')",
         r"^INBOX, UID 1: its section \[1\] is not in the list of contents$"),
        ("UPDATE content SET size = 1 WHERE id = (SELECT content FROM section WHERE key = '1')",
         r"^INBOX, UID 1: its section \[1\] has another size there$"),
        ("UPDATE section SET clean = 1 WHERE key = '1' AND message & 255 = 9",
         r"^INBOX, UID 9: one of its sections is damaged$"),
        ("UPDATE attribute SET envelope = body WHERE id & 255 = 9",
         r"^INBOX, UID 9: its attributes are damaged$"),
        ("UPDATE message SET flags = x'2829' WHERE id & 255 = 9",
         r"^INBOX, UID 9: its flags are damaged$"),
        ("UPDATE mailbox SET uid_validity = 9 WHERE label = CAST('INBOX' AS BLOB)",
         r"^mailbox \d+: its name is damaged$"),
        ("UPDATE uid_list SET uid_next = uid_next + 1",
         r"^INBOX: its list of UIDs is damaged$"),
        ("UPDATE note SET value = x'00'", r"^note: one of an account is damaged$"),
        ("DELETE FROM section WHERE key = '1' AND message & 255 = 9",
         r"^2 contents belong to no message$"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_found_and_mended(keeper, directory, statement, told):
    sql(directory, statement)
    found = findings(keeper)
    assert any(re.search(told, text) for text in found), found
    assert findings(keeper)[: len(found)] == found  # looking changes nothing
    findings(keeper, mend=True)
    assert findings(keeper) == []
    with Opened(directory) as opened:
        small.true_share(opened.store)


def test_damaged_trees_are_found(keeper, directory):
    database = sqlite3.connect(directory / "cache.sqlite")
    database.executescript(
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET rootpage ="
        "  (SELECT rootpage FROM sqlite_master WHERE name = 'note') WHERE name = 'shape';"
    )
    database.close()
    other = open_keeper(directory)
    assert any("page" in text or "index" in text for text in findings(other))
    other.close()


def test_a_store_is_verified_while_it_is_written(tmp_path):
    with Opened(tmp_path / "cache", max_octets=2_000_000) as opened:
        small.fill(opened.store)
        opened.flush()
        keeper = open_keeper(tmp_path / "cache")
        checking = keeper.verify()
        found = [next(checking)]
        opened.store.writer.drop(INBOX)
        opened.settle()
        found += checking
        assert not [told for told in found if isinstance(told, Finding)]
        assert findings(keeper) == []
        keeper.close()


# -- clear -----------------------------------------------------------------------------------


def test_one_mailbox_is_cleared_and_a_running_proxy_sees_it(directory):
    with Opened(directory) as opened:
        keeper = open_keeper(directory)
        before = keeper.octets_on_disk()
        assert keeper.clear(INBOX.account, b"INBOX") == 1
        assert keeper.octets_on_disk() < before - 300_000
        assert [holding.mailbox for holding in keeper.holdings()] == [SENT]
        assert keeper.clear(INBOX.account, b"INBOX") == 0
        assert keeper.clear(b"somebody", b"Sent") == 0
        keeper.close()
        assert len(opened.store.reader.held(INBOX, (), [BODY], 1, 2**32 - 1)) == 0
        assert opened.store.reader.note(INBOX.account, b"key") == b"value"
        small.fill(opened.store)
        opened.flush()
        assert small.true_share(opened.store) == 1


@pytest.mark.parametrize("account", [INBOX.account, None])
def test_all_of_an_account_is_cleared(directory, account):
    with Opened(directory) as opened:
        opened.store.writer.keep_note(b"other", b"key", b"value")
        opened.flush()
        keeper = open_keeper(directory)
        assert keeper.clear(account) == 2
        assert keeper.holdings() == []
        assert keeper.octets_on_disk() < 500_000
        keeper.close()
        reader = opened.store.reader
        assert reader.note(INBOX.account, b"key") is None
        assert reader.shape(INBOX.account, b"request") is None
        assert reader.note(b"other", b"key") == (b"value" if account else None)
