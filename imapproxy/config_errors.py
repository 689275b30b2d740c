"""Telling a person which line of the configuration file is wrong, and what would be right."""

import re
import typing

import msgspec

# As msgspec puts it: what is wrong, and the place, where a name of the user's is "[...]".
_FORM = re.compile(r"(?P<fault>.*?)(?: - at `\$\.?(?P<place>.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_TYPES = re.compile(r"Expected `(.*)`, got `(.*)`")
_TYPE_NAMES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([\w.\-\"' ]+?)\s*=")


def explain(fault: str, kind: type[msgspec.Struct]) -> tuple[str, str]:
    """The place (``listener[0].listen``) and a sentence for what msgspec says of a ``kind``."""
    form = _FORM.fullmatch(fault)
    assert form is not None
    place, fault = form["place"] or "", form["fault"]
    if found := _UNKNOWN.fullmatch(fault):
        known = ", ".join(_fields(kind, place))
        return _join(place, found[1]), f"there is no such setting; there are: {known}"
    if found := _MISSING.fullmatch(fault):
        return _join(place, found[1]), "is missing"
    if found := _TYPES.fullmatch(fault):
        # TOML has no null: it is what stands for a key that is not there.
        names = (name.removesuffix(" | null") for name in found.groups())
        wanted, got = (_TYPE_NAMES.get(name, name) for name in names)
        return place, f"has to be {wanted}, not {got}"
    parent, _, field = place.rpartition(".")
    choices = typing.get_args(_fields(kind, parent).get(field))
    if fault.startswith("Invalid enum value") and choices:
        return place, f"has to be one of {', '.join(choices)}"
    return place, fault


def line_of(text: str, place: str) -> int | None:
    """The line on which a place stands, or the table that it should stand in."""
    lines = _lines(text)
    while place:
        pattern = re.compile(re.escape(place).replace(re.escape("[...]"), r"\.[^.]+"))
        for written, number in lines:
            if pattern.fullmatch(written):
                return number
        place = re.sub(r"(?:^|\.)[^.\[]+$|\[[^\[]*\]$", "", place)
    return None


def _lines(text: str) -> list[tuple[str, int]]:
    """Each place with its line; what is inside of multi-line values is taken for no place."""
    found: list[tuple[str, int]] = []
    table = ""
    arrays: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            table = _bare(header[2])
            if header[1] == "[[":
                arrays[table] = arrays.get(table, -1) + 1
                table = f"{table}[{arrays[table]}]"
            found.append((table, number))
        elif key := _KEY.match(line):
            found.append((_join(table, _bare(key[1])), number))
    return found


def _bare(name: str) -> str:
    return ".".join(part.strip(" \"'") for part in name.split("."))


def _join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _fields(kind: type[msgspec.Struct], place: str) -> dict[str, typing.Any]:
    """The settings of the table at a place, and their types."""
    hints = typing.get_type_hints(kind)
    for key in filter(None, re.split(r"\.|\[.*?\]", place)):
        inner = hints.get(key)
        for each in (inner, *typing.get_args(inner)):
            if isinstance(each, type) and issubclass(each, msgspec.Struct):
                hints = typing.get_type_hints(each)
    return hints
