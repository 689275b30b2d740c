"""docs/operations.md quotes what the log says; it is said somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_TABLE_ROW = re.compile(r"^\| (?!what happens|---|to know)(.*) \|$", re.MULTILINE)


def source() -> str:
    """All of the program, with texts that go over two lines in one."""
    texts = [path.read_text("utf-8") for path in sorted((ROOT / "imapproxy").rglob("*.py"))]
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(texts))


def quoted() -> list[str]:
    """What stands in the column of the log."""
    found = []
    for row in _TABLE_ROW.findall((ROOT / "docs/operations.md").read_text("utf-8")):
        columns = row.split(" | ")
        if len(columns) == 4:
            found += re.findall(r"`([^`]+)`", columns[2])
    return found


SOURCE = source()


@pytest.mark.parametrize("text", quoted())
def test_the_log_says_that(text):
    assert text in SOURCE


def test_something_is_quoted():
    assert len(quoted()) > 15
