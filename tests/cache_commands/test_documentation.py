"""The commands of docs/caching.md, run as a reader would run them."""

import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.cache_commands.warm_house import WarmHouse
from tests.deadline import in_reactor, soon
from tests.logged_errors import logged_errors
from tests.shell import Shell, shell

__all__ = ["logged_errors", "shell"]

TEXT = (Path(__file__).parents[2] / "docs" / "caching.md").read_text("utf-8")
BLOCKS = re.findall(r"(<!-- run -->\n)?```sh\n(.*?)```", TEXT, re.DOTALL)
LINES = [line for _, block in BLOCKS for line in block.splitlines()]


@pytest_twisted.async_yield_fixture
async def house(tmp_path: Any) -> AsyncIterator[WarmHouse]:
    house = WarmHouse(tmp_path)
    await house.start()
    yield house
    await soon(house.stop())


def test_every_block_is_run() -> None:
    assert len(LINES) >= 8
    assert all(marked for marked, _ in BLOCKS)


@pytest.mark.parametrize("line", LINES)
@in_reactor
async def test_it_does_what_it_says(house: WarmHouse, shell: Shell, line: str) -> None:
    house.directory = shell.directory / "data" / "imapproxy"
    house.server.account().create(b"Archive")
    house.deliver(1, "INBOX")
    house.deliver(1, "Archive")
    await house.warm()
    name, *words = shlex.split(line.replace("me@example.com", "ann"))
    assert name == "imapproxy"
    if "--upstream" in words:
        at = words.index("--upstream")
        url = f"imaps://localhost:{house.server.tls_port}"
        words[at + 1 : at + 2] = [url, "--ca-file", str(house.server.ca_file)]
    data = str(shell.directory / "data")
    ended = await shell.run(*words, IMAPPROXY_PASSWORD="pw", XDG_DATA_HOME=data)
    assert (ended.code, ended.err if words[1] != "warm" else "") == (0, ""), ended
    assert ended.out or words[1] == "warm"
