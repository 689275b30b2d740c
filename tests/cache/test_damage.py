"""A store of which the disk made something else: nothing but the truth is given, and it heals."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from imapproxy.cache.keeper import Finding
from imapproxy.cache.sqlite.keeper import open_keeper
from imapproxy.cache.store import Need, StoreError
from tests.cache import small
from tests.cache.small import INBOX
from tests.cache.waiting import Opened

BODY = Need(("",))
ALL = 1, 2**32 - 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A store with everything in it, closed."""
    directory = tmp_path_factory.mktemp("whole") / "cache"
    small.make(directory)
    return directory


@pytest.fixture
def directory(whole, tmp_path) -> Path:
    return shutil.copytree(whole, tmp_path / "cache")


def flip(path: Path, at: int, bit: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        (octet,) = file.read(1)
        file.seek(at)
        file.write(bytes([octet ^ 1 << bit]))


def sql(directory: Path, statement: str, *parameters) -> None:
    with sqlite3.connect(directory / "cache.sqlite") as database:
        database.execute(statement, parameters)
    database.close()


def test_everything_is_there_to_begin_with(directory):
    with Opened(directory) as opened:
        assert small.true_share(opened.store) == 1


# -- damage that is there when the store is opened -------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"This is not a database. " * 100),
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        lambda path: path.write_bytes(b"\0" * 8192 + path.read_bytes()[8192:]),
        lambda path: sql(path.parent, "PRAGMA application_id = 77"),
        lambda path: sql(path.parent, "DROP TABLE state"),
        lambda path: sql(path.parent, "DELETE FROM state"),
    ],
    ids=["other", "cut", "zeros", "foreign", "no table", "no state"],
)
def test_what_is_no_store_is_moved_aside(directory, logged_errors, damage):
    damage(directory / "cache.sqlite")
    with Opened(directory) as opened:
        opened.flush()
        assert small.true_share(opened.store) == 0
        small.fill(opened.store)
        opened.flush()
        assert small.true_share(opened.store) == 1
    moved = directory / "damaged.sqlite"
    assert moved.exists()
    assert str(moved) in logged_errors.text()
    with Opened(directory) as opened:
        assert small.true_share(opened.store) == 1


def test_an_empty_file_is_a_new_store(directory, logged_errors):
    (directory / "cache.sqlite").write_bytes(b"")
    with Opened(directory) as opened:
        assert small.true_share(opened.store) == 0
    assert not (directory / "damaged.sqlite").exists()
    assert "moved" not in logged_errors.text()


def test_only_the_last_damaged_store_is_left_there(directory):
    for text in (b"first", b"second"):
        (directory / "cache.sqlite").write_bytes(text * 100)
        Opened(directory).__exit__()
    assert (directory / "damaged.sqlite").read_bytes() == b"second" * 100
    assert {path.name for path in directory.iterdir()} == {"cache.sqlite", "damaged.sqlite"}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_store_that_was_cut_off_gives_what_is_left(directory, share):
    database = directory / "cache.sqlite"
    octets = database.read_bytes()
    database.write_bytes(octets[: int(len(octets) * share)])
    assert_it_heals(directory)


@pytest.mark.parametrize("seed", range(30))
def test_a_bit_that_fell_over_is_never_given(directory, seed):
    chance = random.Random(seed)
    database = directory / "cache.sqlite"
    size = database.stat().st_size
    for _ in range(chance.choice([1, 1, 3, 20])):
        # Half of them where the trees are, which is a small part of the file.
        at = chance.randrange(size) if chance.random() < 0.5 else chance.randrange(16) * 8192
        flip(database, min(at + chance.randrange(200), size - 1), chance.randrange(8))
    assert_it_heals(directory)


@pytest.mark.parametrize("seed", range(10))
def test_a_page_that_went_elsewhere_is_never_given(directory, seed):
    chance = random.Random(seed)
    database = directory / "cache.sqlite"
    pages = database.stat().st_size // 8192
    octets = bytearray(database.read_bytes())
    for _ in range(chance.choice([1, 2, 5])):
        source, target = chance.randrange(1, pages), chance.randrange(1, pages)
        octets[target * 8192 : target * 8192 + 8192] = octets[source * 8192 : source * 8192 + 8192]
    database.write_bytes(octets)
    assert_it_heals(directory)


# -- damage that comes while the store is open -----------------------------------------------


def test_damage_while_running_is_told_and_begun_anew(directory, logged_errors):
    with Opened(directory) as opened:
        octets = opened.database.read_bytes()
        opened.database.write_bytes(octets[:8192] + b"\xff" * (len(octets) - 8192))
        with pytest.raises(StoreError, match="ask the upstream"):
            opened.store.reader.held(INBOX, ["ENVELOPE"], [BODY], *ALL)
        with pytest.raises(StoreError, match="anew"):
            opened.store.reader.held(INBOX, ["ENVELOPE"], [BODY], *ALL)
        opened.flush()
        assert small.true_share(opened.store) == 0
        small.fill(opened.store)
        opened.flush()
        assert small.true_share(opened.store) == 1
    assert logged_errors.text().count("is moved to") == 1


def test_damage_that_is_found_by_writing_is_begun_anew(directory, logged_errors):
    with Opened(directory) as opened:
        octets = opened.database.read_bytes()
        opened.database.write_bytes(octets[:8192] + b"\xff" * (len(octets) - 8192))
        small.fill(opened.store)
        opened.flush()
        small.fill(opened.store)
        opened.flush()
        assert small.true_share(opened.store) == 1
    assert logged_errors.text().count("is moved to") == 1


def test_a_file_that_is_cut_off_under_us_ends_nothing(directory):
    with Opened(directory) as opened:
        opened.store.reader.held(INBOX, ["ENVELOPE"], [BODY], *ALL)
        with opened.database.open("r+b") as file:
            file.truncate(5000)
        small.true_share(opened.store)
        opened.flush()
        small.true_share(opened.store)
        small.fill(opened.store)
        opened.flush()
        small.fill(opened.store)
        opened.flush()
        assert small.true_share(opened.store) == 1


def test_another_process_that_was_quicker_is_followed(directory):
    with Opened(directory) as one, Opened(directory) as other:
        octets = one.database.read_bytes()
        one.database.write_bytes(octets[:8192] + b"\xff" * (len(octets) - 8192))
        for opened in (one, other):
            small.true_share(opened.store)
            opened.flush()
            small.fill(opened.store)
            opened.flush()
        assert small.true_share(one.store) == small.true_share(other.store) == 1
        one.store.writer.drop(INBOX)
        one.flush()
        assert list(other.store.reader.held(INBOX, (), [BODY], *ALL)) == []


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        ("UPDATE chunk SET octets = replace(octets, 'INBOX 3', 'INBOX 4')", [3, 30, 31, 32]),
        ("UPDATE section SET content = content + 1 WHERE key = '' AND message & 255 = 3", [3]),
        ("UPDATE section SET message = message + 1000 WHERE message & 255 = 3", [3]),
        ("UPDATE section SET size = size - 1 WHERE key = '' AND message & 255 = 3", [3]),
        ("UPDATE section SET form = 2 WHERE key = '' AND message & 255 = 3", [3]),
        ("DELETE FROM chunk WHERE instr(octets, CAST('INBOX 3' AS BLOB))", [3, 30, 31, 32]),
    ],
)
def test_a_body_that_is_not_what_it_was_is_taken_out(directory, logged_errors, statement, lost):
    sql(directory, statement)
    with Opened(directory) as opened:
        left = [s.uid for s in opened.store.reader.sections(INBOX, BODY, *ALL, 2**40)]
        assert not set(lost) & set(left)
        assert small.true_share(opened.store) < 1
        opened.flush()
        assert list(opened.store.reader.held(INBOX, (), [BODY], *ALL)) == left
    assert "damaged" in logged_errors.text()


def assert_it_heals(directory: Path) -> None:
    """Nothing but the truth is given, and after everything was told anew it is there again.

    Where a tree is in disorder there may be places in which nothing can be put and that no reading
    comes upon; whoever looks at everything finds those.
    """
    try:
        opened = Opened(directory)
    except StoreError as error:
        assert "has format" in str(error)  # a single bit makes a newer version of it
        return
    with opened:
        small.true_share(opened.store)
        opened.settle()
        for _ in range(3):
            small.fill(opened.store)
            opened.flush()
            share = small.true_share(opened.store)
            opened.settle()
        assert share == 1 or is_found(directory)
    with Opened(directory) as opened:
        assert small.true_share(opened.store) == 1 or is_found(directory)


def is_found(directory: Path) -> bool:
    """Whether it is known that something is wrong."""
    keeper = open_keeper(directory)
    try:
        return any(isinstance(told, Finding) for told in keeper.verify())
    except StoreError:
        return True
    finally:
        keeper.close()
