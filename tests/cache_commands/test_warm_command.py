"""``imapproxy cache warm`` as a program: what it prints, how it ends, how it goes on."""

import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from fakeserver.faults import StallAt
from tests.cache_commands.commands import refused
from tests.cache_commands.warm_house import WarmHouse
from tests.deadline import in_reactor, soon
from tests.logged_errors import logged_errors
from tests.shell import Shell, shell

__all__ = ["logged_errors", "shell"]

_INTERRUPTED = "interrupted; what has come is kept, and the next run goes on from there\n"
_UP = ("--upstream", "imaps://localhost:1", "--user", "ann")


@pytest_twisted.async_yield_fixture
async def house(tmp_path: Any) -> AsyncIterator[WarmHouse]:
    house = WarmHouse(tmp_path)
    await house.start()
    yield house
    await soon(house.stop())


def arguments(house: WarmHouse, *more: object) -> list[object]:
    url = f"imaps://localhost:{house.server.tls_port}"
    server = ("--upstream", url, "--ca-file", house.server.ca_file, "--user", "ann")
    return ["cache", "warm", *server, "--data-dir", house.directory, *more]


@in_reactor
async def test_it_tells_what_it_does(house: WarmHouse, shell: Shell) -> None:
    house.deliver(3)
    house.server.account().create(b"Entw&APw-rfe")
    house.deliver(2, "Entwürfe")
    ended = await shell.run(*arguments(house, "--password-stdin"), stdin=b"pw\n")
    assert (ended.code, ended.out) == (0, "")
    inbox, drafts, end = ended.err.splitlines()
    assert inbox.startswith("INBOX: 3 of 3 are held, ")
    assert drafts.startswith("Entwürfe: 2 of 2 are held, ")
    assert "KiB came; the cache has " in end
    assert end.endswith(" of 2.0 GiB")


@in_reactor
async def test_so_when_there_is_nothing_to_do(house: WarmHouse, shell: Shell) -> None:
    house.deliver(3)
    await house.warm()
    ended = await shell.run(*arguments(house), IMAPPROXY_PASSWORD="pw")
    assert ended.code == 0
    assert ended.err.startswith("INBOX: 3 of 3 are held\n0 B came; the cache has ")


@in_reactor
async def test_from_the_configuration(house: WarmHouse, shell: Shell) -> None:
    house.deliver(1)
    file = shell.directory / "imapproxy.toml"
    file.write_text(
        f'data_dir = "cache"\n[upstream.fake]\nurl = "imaps://localhost:{house.server.tls_port}"\n'
        f'ca_file = "{house.server.ca_file}"\n[[listener]]\nlisten = "127.0.0.1:0"\n'
    )
    options = ("cache", "warm", "--config", file, "--user", "ann", "--password-stdin")
    ended = await shell.run(*options, stdin=b"pw\n")
    assert ended.err.startswith("INBOX: 1 of 1 are held, ")
    assert list(house.bodies()) == [1]


@in_reactor
async def test_what_is_left_out_is_told(house: WarmHouse, shell: Shell) -> None:
    ended = await shell.run(
        *arguments(house, "--password-stdin", "--mailbox", "Nope"), stdin=b"pw\n"
    )
    assert ended.code == 1
    assert ended.err.startswith("Nope cannot be had: NO Mailbox doesn't exist: Nope\n")


@in_reactor
async def test_a_wrong_password(house: WarmHouse, shell: Shell) -> None:
    ended = await shell.run(*arguments(house, "--password-stdin"), stdin=b"opensesame\n")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "imapproxy: NO [AUTHENTICATIONFAILED] Authentication failed.\n"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)]
)
@in_reactor
async def test_it_goes_on_where_it_was_ended(
    house: WarmHouse, shell: Shell, number: signal.Signals, code: int
) -> None:
    messages = house.deliver(7, size=1_500_000)
    house.server.fault(StallAt(100), command="UID FETCH", nth=4)  # the third of bodies
    asked: Deferred[None] = Deferred()

    def third() -> bool:
        is_here = len(house.fetched("BODY.PEEK[]")) == 3
        if is_here:
            asked.callback(None)
        return is_here

    house.server.transcript.tell(third)
    program = shell.start(*arguments(house), under=["env", "IMAPPROXY_PASSWORD=pw"])
    await asked
    program.signal(number)
    assert await deferToThread(program.wait) == code
    assert program.output() == (_INTERRUPTED if number == signal.SIGINT else "")
    held = house.bodies()
    assert len(held) >= 4
    house.server.transcript.clear()
    await house.warm()
    assert house.bodies() == dict(enumerate(messages, 1))
    again = {uid for uids in house.fetched("BODY.PEEK[]") for uid in numbers(uids)}
    assert not again & held.keys()


def numbers(uids: bytes) -> set[int]:
    found = set()
    for part in uids.split(b","):
        low, _, high = part.partition(b":")
        found |= set(range(int(low), int(high or low) + 1))
    return found


class TestWrongCommandLines:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--user", "ann"), "say where the mail is: --upstream imaps://"),
            (("--user", "ann", "--upstream", "imap://x"), "--upstream: 'imap://x': plaintext"),
            ((*_UP, "--ca-file", "none.pem"), "--ca-file: cannot read the CA file"),
            ((*_UP, "--pin", "x"), "--pin: 'x' is not a pin"),
            ((*_UP, "--rate", "fast"), "--rate: 'fast' is not a size; write it as 500MB"),
            ((*_UP, "--rate", "1B"), "--rate: 1B is too slow"),
            ((*_UP, "--config", "none.toml"), "none.toml: cannot be read"),
        ],
    )
    def test_one_line_says_what(self, options, words):
        assert words in refused("warm", *options)

    def test_which_of_several_servers(self, tmp_path):
        file = tmp_path / "imapproxy.toml"
        file.write_text(
            '[upstream.work]\nurl = "imaps://a"\n[upstream.home]\nurl = "imaps://b"\n'
            '[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "work"\n'
        )
        config = ("warm", "--config", file, "--user", "ann")
        assert "say which one with --upstream: work, home" in refused(*config)
        assert "no [upstream.x]; there are work, home" in refused(*config, "--upstream", "x")
        assert "leave out --ca-file and --pin" in refused(*config, "--ca-file", "x")


@in_reactor
async def test_it_is_interrupted_in_the_middle_of_its_work(house: WarmHouse, shell: Shell) -> None:
    house.deliver(40, size=500_000)
    asked: Deferred[None] = Deferred()

    def second() -> bool:
        is_here = len(house.fetched("BODY.PEEK[]")) == 2
        if is_here:
            asked.callback(None)
        return is_here

    house.server.transcript.tell(second)
    slowly = arguments(house, "--rate", "6MB")
    program = shell.start(*slowly, under=["env", "IMAPPROXY_PASSWORD=pw"])
    await asked
    program.signal(signal.SIGTERM)
    assert await deferToThread(program.wait) == 130
    assert program.output() == _INTERRUPTED
    assert len(house.bodies()) >= 8
