"""Faults told in TOML or JSON."""

from pathlib import Path
from typing import Any

import pytest

from fakeserver.certificates import Kind
from fakeserver.fault_table import ACTIONS, FaultMistake, fault_of, read_fault_file
from fakeserver.faults import (
    Action,
    CloseAt,
    DropAfterStartTls,
    Fault,
    Garbage,
    Inject,
    InjectAfterStartTls,
    Reply,
    ShowCertificate,
    Stall,
)

STALL = '[[fault]]\naction = "stall"\n'
CERTIFICATE = '[[fault]]\naction = "show-certificate"\n'


@pytest.mark.parametrize(
    ("table", "action"),
    [
        ({"action": "stall"}, Stall()),
        ({"action": "close-at", "octets": 7}, CloseAt(7)),
        ({"action": "reply", "condition": "NO", "code": "LIMIT"}, Reply("NO", code="LIMIT")),
        (
            {"action": "inject", "octets": "\xff\r\n", "before-tagged": True},
            Inject(b"\xff\r\n", True),
        ),
        ({"action": "garbage"}, Garbage()),
        ({"action": "inject-after-starttls", "octets": "x"}, InjectAfterStartTls(b"x")),
        ({"action": "drop-after-starttls", "octets": 3}, DropAfterStartTls(3)),
        ({"action": "show-certificate", "kind": "wrong-name"}, ShowCertificate(Kind.WRONG_NAME)),
    ],
    ids=repr,
)
def test_actions(table: dict[str, Any], action: Action) -> None:
    assert fault_of(table) == Fault((action,))


def test_when() -> None:
    table = {"action": "stall", "command": "uid fetch", "user": "a", "connection": 2, "nth": 3}
    assert fault_of({**table, "times": "always"}) == Fault((Stall(),), "UID FETCH", "a", 2, 3, None)
    assert fault_of({**table, "times": 4}) == Fault((Stall(),), "UID FETCH", "a", 2, 3, 4)


def test_every_action_has_a_name() -> None:
    assert list(ACTIONS) == [
        "reply", "delay", "stall", "stall-at", "close-before", "close-at", "close-after",
        "truncate-literal", "fragment", "inject", "garbage", "wrong-literal-size",
        "reorder-untagged", "duplicate-exists", "inject-after-starttls", "drop-after-starttls",
        "show-certificate",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('[[fault]]\naction = "stall"\n[[fault]]\naction = "stal"\n', "4: action: there is no 'st"),
        ('[[fault]]\ncommand = "X"\n', "1: action: has to be one of reply, delay,"),
        ('[[fault]]\naction = "close-at"\n', "1: octets: is missing"),
        (STALL + "nht = 2\n", "3: nht: stall has no such key; it has command,"),
        (STALL + "nth = 0\n", "3: nth: has to be a number from 1 on"),
        (STALL + 'times = "no"\n', '3: times: has to be a number from 1 on or "always"'),
        ('[[fault]]\naction = "close-at"\noctets = "x"\n', "3: octets: Expected `int`, got `str`"),
        ('[[fault]]\naction = "inject"\noctets = "€"\n', "3: octets: has to be text of characters"),
        (CERTIFICATE + 'kind = "old"\n', "3: kind: Invalid enum value 'old'"),
        ("a = 1\n", "1: a: there are [[fault]] tables here"),
        ("[fault]\na = 1\n", "1: fault: there are [[fault]] tables here"),
    ],
)  # fmt: skip
def test_mistakes_name_key_and_line(tmp_path: Path, text: str, mistake: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(FaultMistake) as raised:
        read_fault_file(path)
    assert str(raised.value).startswith(f"{path}:{mistake}")


def test_no_toml(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text("[[fault", "utf-8")
    with pytest.raises(FaultMistake, match=r"faults\.toml: Expected "):
        read_fault_file(path)
