r"""Faults as tables: of a TOML file, or of JSON.

    [[fault]]
    action = "reply"
    condition = "NO"
    code = "UNAVAILABLE"
    command = "FETCH"
    nth = 2

``action`` is one of :data:`ACTIONS`; the keys behind it are those of the action, and those of
:class:`fakeserver.faults.Fault`. ``times`` is a number or ``"always"``. Octets are text whose
characters stand for the octets 0 to 255: ``"* 9 EXISTS\r\n"``.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from fakeserver.faults import Action, Fault

_WHEN = {"command": "", "user": None, "connection": None, "nth": 1, "times": 1}


def _action_name(kind: type) -> str:
    """``close-at`` for ``CloseAt``."""
    return (
        re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower().replace("start-tls", "starttls")
    )


ACTIONS: dict[str, type] = {_action_name(kind): kind for kind in get_args(Action)}


class FaultMistake(ValueError):
    """A table is no fault. ``key`` is where it is wrong, empty for the whole of it."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(f"{key}: {text}" if key else text)
        self.key = key


class _When(msgspec.Struct, forbid_unknown_fields=True):
    """The keys of a table that every fault has."""

    command: str = ""
    user: str | None = None
    connection: int | None = None
    nth: int = 1
    times: int | str | None = 1


def fault_of(table: Mapping[str, Any]) -> Fault:
    """The fault that a table tells. Raises :class:`FaultMistake`."""
    rest = dict(table)
    name = rest.pop("action", None)
    if not isinstance(name, str):
        raise FaultMistake("action", f"has to be one of {', '.join(ACTIONS)}")
    if name not in ACTIONS:
        raise FaultMistake("action", f"there is no {name!r}; there are {', '.join(ACTIONS)}")
    when = {key: rest.pop(key) for key in _When.__struct_fields__ if key in rest}
    action = _action(name, rest)
    told: _When = _convert(when, _When)
    return Fault(
        (action,), told.command.upper(), told.user, told.connection, _at_least_one(told.nth, "nth"),
        None if told.times in ("always", None) else _at_least_one(told.times, "times"),
    )  # fmt: skip


def read_fault_file(path: Path) -> list[Fault]:
    """The faults of a TOML file. Raises :class:`FaultMistake`, which names the line."""
    text = path.read_text("utf-8")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FaultMistake("", f"{path}: {error}") from None
    unknown = [key for key in document if key != "fault"]
    if unknown or not _are_tables(document.get("fault", [])):
        key = unknown[0] if unknown else "fault"
        raise FaultMistake(
            "", f"{path}:{_line(text, 0, key)}: {key}: there are [[fault]] tables here"
        )
    found = []
    for number, table in enumerate(document.get("fault", []), 1):
        try:
            found.append(fault_of(table))
        except FaultMistake as error:
            place = f"{path}:{_line(text, number, error.key)}"
            raise FaultMistake("", f"{place}: {error}") from None
    return found


def _action(name: str, arguments: dict[str, Any]) -> Action:
    kind: Any = ACTIONS[name]
    fields = {field.name: field for field in msgspec.inspect.type_info(kind).fields}  # type: ignore[attr-defined]
    told: dict[str, Any] = {}
    for key, value in arguments.items():
        field = fields.get(key.replace("-", "_"))
        if field is None:
            known = ", ".join([*(one.replace("_", "-") for one in fields), *_WHEN])
            raise FaultMistake(key, f"{name} has no such key; it has {known}")
        is_octets = isinstance(field.type, msgspec.inspect.BytesType)
        told[field.name] = _octets(key, value) if is_octets else value
    converted: Action = _convert(told, kind)
    return converted


def _convert(value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$.")
        missing = re.search(r"missing required field `(\w+)`", text)
        key = missing[1] if missing else place.removesuffix("`")
        raise FaultMistake(key.replace("_", "-"), "is missing" if missing else text) from None


def _octets(key: str, value: Any) -> bytes:
    if not isinstance(value, str) or any(ord(character) > 255 for character in value):
        raise FaultMistake(key, "has to be text of characters up to \\u00FF, one for each octet")
    return value.encode("latin-1")


def _at_least_one(value: Any, key: str) -> int:
    if not isinstance(value, int) or value < 1:
        always = ' or "always"' if key == "times" else ""
        raise FaultMistake(key, f"has to be a number from 1 on{always}")
    return value


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _line(text: str, table: int, key: str) -> int:
    """The line of a key in the n-th ``[[fault]]``, that of the table where it is not there."""
    tables = 0
    begins = 1
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*\[\[\s*fault\s*\]\]", line):
            tables += 1
            begins = number if tables == table else begins
        if key and tables == table and re.match(rf'\s*(\[\[?\s*)?"?{re.escape(key)}\b', line):
            return number
    return begins
