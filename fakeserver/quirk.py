"""What a quirk is made of: :mod:`fakeserver.quirks` has them all."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from fakeserver.reply import Tagged
from imapproxy.wire import commands as wire

Tell = Callable[[bytes], bytes]
Refuse = Callable[[wire.CommandBody], Tagged | None]


@dataclass(frozen=True)
class Quirk:
    """``tell`` is given each whole response, ``refuse`` each command before it is run.

    ``seen`` is an address, or says with what it was observed. Where there is neither ``tell`` nor
    ``refuse``, the code of the command asks for the name.
    """

    name: str
    what: str
    seen: str
    tell: Tell | None = None
    refuse: Refuse | None = None


def replacing(pattern: bytes, by: bytes) -> Tell:
    """Change the beginning of a response; what is behind it, literals too, stays as it is."""
    compiled = re.compile(pattern, re.DOTALL)
    return lambda response: compiled.sub(by, response, count=1)
