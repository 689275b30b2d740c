"""The examples of docs/testing-with-fakeserver.md, run as a reader would run them."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real.programs import leave_out

DOCUMENT = Path(__file__).parents[2] / "docs" / "testing-with-fakeserver.md"
TEXT = DOCUMENT.read_text("utf-8")
BLOCK = re.compile(r"(?:<!-- (run|not run): (.*?) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
FILES = {name: code for how, name, _, code in BLOCK.findall(TEXT) if how == "run"}
SCRIPTS = [code for how, name, _, code in BLOCK.findall(TEXT) if (how, name) == ("run", "bash")]
SECONDS = 60


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def test_every_example_is_run_or_says_why_not() -> None:
    trivial = {"pip install imapproxy pytest\n", "pytest\n"}
    unmarked = [code for how, _, _, code in BLOCK.findall(TEXT) if not how]
    assert set(unmarked) == trivial


def test_python(tmp_path: Path) -> None:
    for name, code in FILES.items():
        if name.endswith(".py"):
            (tmp_path / name).write_text(code, "utf-8")
    # What no test function is in still has to be imported.
    (tmp_path / "test_imports.py").write_text("def test_imports():\n    import test_none\n")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("number", range(len(SCRIPTS)))
def test_shell(tmp_path: Path, number: int) -> None:
    if shutil.which("bash") is None or shutil.which("curl") is None:
        leave_out("needs bash and curl")
    script = "set -e\n" + SCRIPTS[number]
    for port in ("1143", "8025", "2525"):
        script = script.replace(f":{port}", f":{free_port()}")
    (tmp_path / "faults.toml").write_text(FILES["faults.toml"], "utf-8")
    # The program that a reader installed, as one that this Python runs.
    program = tmp_path / "fakeserver"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fakeserver "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    result = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert EXPECTED[number] in result.stdout


EXPECTED = ('"name": "FETCH"', "* STATUS INBOX (MESSAGES 2)")
