"""The commands as people type them, in this process."""

from typing import NamedTuple

from click.testing import CliRunner

from imapproxy.cli import cli


class Said(NamedTuple):
    code: int
    out: str
    err: str


def cache(*arguments: object, stdin: str | None = None) -> Said:
    """``imapproxy cache …``."""
    result = CliRunner().invoke(cli, ["cache", *map(str, arguments)], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def refused(*arguments: object) -> str:
    """The one line that tells what is wrong; the exit code is 2."""
    said = cache(*arguments)
    assert said.code == 2, said
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line
