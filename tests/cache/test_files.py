"""Whose the files of a store are, and who may read them."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imapproxy.cache.keeper import Finding
from imapproxy.cache.sqlite import schema
from imapproxy.cache.sqlite.keeper import open_keeper
from imapproxy.cache.sqlite.store import open_store
from imapproxy.cache.store import StoreError
from tests.cache import formats, small
from tests.cache.waiting import Opened, Waiting


def refused(directory: Path) -> str:
    """What is said of a store that is not opened."""
    with pytest.raises(StoreError) as told:
        open_store(Waiting(), directory)
    assert "\n" not in str(told.value)
    return str(told.value)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def directory(tmp_path) -> Path:
    small.make(tmp_path / "cache")
    return tmp_path / "cache"


def test_nobody_else_can_read_what_is_made(tmp_path):
    before = os.umask(0)
    try:
        directory = tmp_path / "some" / "where"
        with Opened(directory) as opened:
            small.fill(opened.store)
            opened.flush()
            assert mode(directory) == 0o700
            files = {path.name: mode(path) for path in directory.iterdir()}
    finally:
        os.umask(before)
    assert files == dict.fromkeys(("cache.sqlite", "cache.sqlite-wal", "cache.sqlite-shm"), 0o600)


@pytest.mark.parametrize("bits", [0o040, 0o010, 0o004, 0o001])
def test_a_directory_that_others_may_use_is_refused(directory, bits):
    directory.chmod(0o700 | bits)
    assert refused(directory) == f"{directory} can be read by others; chmod 700 {directory}"


@pytest.mark.parametrize("name", ["cache.sqlite", "cache.sqlite-wal", "cache.sqlite-shm"])
@pytest.mark.parametrize("bits", [0o040, 0o020, 0o004])
def test_a_file_that_others_may_use_is_refused(directory, name, bits):
    path = directory / name
    path.touch()
    path.chmod(0o600 | bits)
    assert refused(directory) == f"{path} can be read by others; chmod 600 {path}"


def test_what_belongs_to_somebody_else_is_refused(directory, monkeypatch):
    somebody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)
    assert f"{directory} belongs to another user" in refused(directory)


def test_a_link_is_not_followed(directory, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(directory)
    assert f"{link} is not a directory" in refused(link)
    moved = (directory / "cache.sqlite").rename(tmp_path / "elsewhere")
    (directory / "cache.sqlite").symlink_to(moved)
    assert "cache.sqlite is not a file" in refused(directory)
    (directory / "cache.sqlite").unlink()
    (directory / "cache.sqlite").symlink_to(tmp_path / "nowhere")
    assert "cache.sqlite is not a file" in refused(directory)
    assert not (tmp_path / "nowhere").exists()


def test_where_no_directory_can_be_made_that_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    told = refused(tmp_path / "file" / "cache")
    assert re.search(r"cannot use .*/file.*: Not a directory; .*another directory", told)
    assert "is not a directory" in refused(tmp_path / "file")


# -- formats ---------------------------------------------------------------------------------


def test_a_store_of_the_future_is_refused(directory):
    with sqlite3.connect(directory / "cache.sqlite") as database:
        database.execute(f"PRAGMA user_version = {schema.FORMAT + 1}")
    database.close()
    told = refused(directory)
    assert f"cache.sqlite has format {schema.FORMAT + 1}" in told
    assert "use a newer imapproxy, or another directory" in told
    assert not (directory / "damaged.sqlite").exists()


def test_a_store_that_is_migrated_under_us_is_left_alone(directory, logged_errors):
    with Opened(directory) as opened:
        with sqlite3.connect(directory / "cache.sqlite") as database:
            database.execute(f"PRAGMA user_version = {schema.FORMAT + 1}")
        opened.store.writer.drop(small.INBOX)
        opened.flush()
        (boxes,) = database.execute("SELECT count(*) FROM mailbox").fetchone()
        assert boxes == 2
        database.execute(f"PRAGMA user_version = {schema.FORMAT}")
        database.close()
    assert "cannot be written (it has been given a newer format)" in logged_errors.text()


@pytest.mark.parametrize("file", formats.kept(), ids=lambda file: file.stem)
def test_a_store_of_an_older_format_is_migrated(tmp_path, file):
    formats.restore(file, tmp_path / "old")
    with Opened(tmp_path / "old") as old, Opened(tmp_path / "new") as new:
        if not formats.begins_anew(file):
            formats.fill(new.store)
            new.flush()
        assert formats.everything(old.store) == formats.everything(new.store)
        for mailbox in small.MAILBOXES:
            old.store.writer.drop(mailbox)
        small.fill(old.store)
        old.flush()
        assert small.true_share(old.store) == 1
        assert tables(old.database) == tables(new.database)
    keeper = open_keeper(tmp_path / "old")
    assert not [told for told in keeper.verify() if isinstance(told, Finding)]
    keeper.close()


def tables(path: Path) -> dict[str, list[object]]:
    """Columns and indexes, as SQLite has understood them."""
    database = sqlite3.connect(path)
    found: dict[str, list[object]] = {}
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
        found[table] = [
            database.execute(f"PRAGMA {what}({table})").fetchall()
            for what in ("table_info", "index_list")
        ]
    found["version"] = database.execute("PRAGMA user_version").fetchone()
    database.close()
    return found


def test_several_open_an_older_store_at_once(tmp_path):
    (first, *_) = formats.kept()
    formats.restore(first, tmp_path / "old")
    with ThreadPoolExecutor(4) as several:
        stores = list(several.map(lambda _: Opened(tmp_path / "old"), range(4)))
    formats.fill(stores[0].store)
    stores[0].flush()
    for opened in stores:
        assert formats.everything(opened.store)["note"] == b"value"
        opened.__exit__()


# -- where nothing can be written ------------------------------------------------------------

_READ_ONLY = """
import os, sys
from pathlib import Path
from twisted.logger import FileLogObserver, globalLogPublisher
from imapproxy.cache.store import StoreError
from tests.cache import small
from tests.cache.waiting import Opened
globalLogPublisher.addObserver(FileLogObserver(sys.stdout, lambda event: event["log_format"]))
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with Opened(Path(sys.argv[1])) as opened:
        print("share", small.true_share(opened.store))
        small.fill(opened.store)
        opened.flush()
        opened.store.writer.keep_note(b"a", b"b", b"c")
        opened.flush()
        print("share", small.true_share(opened.store))
except StoreError as error:
    print("refused", error)
"""


@pytest.fixture
def somewhere():
    """A directory that the user "nobody" gets through to, for root may write anywhere."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def without_rights(directory: Path) -> str:
    """What happens with the store of a user who may not write there."""
    for path in (*directory.rglob("*"), directory):
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
        path.chmod(0o500 if path.is_dir() else 0o400)
    command = [sys.executable, "-c", _READ_ONLY, str(directory)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_store_on_a_read_only_disk_is_read(somewhere):
    small.make(somewhere / "cache")
    told = without_rights(somewhere / "cache")
    assert told.count("share 1.0") == 2
    assert told.count("the cache cannot be written") == 1


def test_where_there_is_none_and_none_can_be_made_that_is_told(somewhere):
    (somewhere / "cache").mkdir(mode=0o700)
    told = without_rights(somewhere / "cache")
    assert re.fullmatch(r"refused the cache cannot use .*/cache.*: Permission denied; .*\n", told)


def test_a_read_only_store_that_was_not_closed_is_not_believed(somewhere):
    """Its log cannot be gone through: what is in the file alone may be half a transaction."""
    made = somewhere / "made"
    with Opened(made) as opened:
        small.fill(opened.store)
        opened.flush()
        (somewhere / "cache").mkdir(mode=0o700)
        for name in ("cache.sqlite", "cache.sqlite-wal"):
            (somewhere / "cache" / name).write_bytes((made / name).read_bytes())
            (somewhere / "cache" / name).chmod(0o600)
    told = without_rights(somewhere / "cache")
    assert re.search(r"^refused the cache .*cannot be opened: .*; see that .*$", told, re.M)
