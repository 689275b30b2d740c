"""SECURITY.md names a test for each promise, and each of them is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text("utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", TEXT)


def names_of_tests(path: Path) -> set[str]:
    """Every test of a file, those of a class with its name in front."""
    found: set[str] = set()
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{each.name}"
                for each in node.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return {name for name in found if name.rpartition("::")[2].startswith("test_")}


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_is_named_is_there(file, test):
    assert test in names_of_tests(ROOT / file)


def test_every_promise_names_one():
    promises = TEXT.split("## What is promised")[1].split("## What is not promised")[0]
    rows = [line for line in promises.splitlines() if line.startswith("| ")]
    told = [row for row in rows if row != "| promise | shown by |"]
    assert len(told) > 20
    for row in told:
        assert "`tests/" in row, row


def test_each_hostile_test_is_named():
    """What is tested of security is promised, too."""
    named = {test for file, test in NAMED if file.startswith("tests/security/")}
    for path in (ROOT / "tests/security").glob("test_*.py"):
        if path != Path(__file__):
            assert named & names_of_tests(path), f"{path.name} is not in SECURITY.md"
