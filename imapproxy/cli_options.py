"""What the commands of the command line have in common: options, passwords, errors."""

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from imapproxy.running import sentence_for

F = TypeVar("F", bound=Callable[..., Any])

UPSTREAM_HELP = (
    "The real server: imaps://HOST[:PORT] (TLS from the start) or "
    "imap+starttls://HOST[:PORT] (plaintext that is upgraded before anything is said)."
)
_CA_HELP = "PEM file with the authorities to trust instead of the system's."
_PIN_HELP = "Accept only this key of the server: sha256/BASE64, as `check` prints it. Repeatable."


def options(*several: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator."""

    def apply(function: F) -> F:
        for option in reversed(several):
            function = option(function)
        return function

    return apply


upstream_options = options(
    click.option("--ca-file", metavar="FILE", help=_CA_HELP),
    click.option("--pin", "pins", multiple=True, metavar="PIN", help=_PIN_HELP),
)
log_options = options(
    click.option("-v", "--verbose", is_flag=True, help="Log what each session does."),
    click.option("--log-json", is_flag=True, help="Log JSON, one object a line, for machines."),
)
cache_options = options(
    click.option("--data-dir", metavar="DIR", help="Where the cache lives."),
    click.option("--no-cache", is_flag=True, help="Keep nothing of the mail on this machine."),
    click.option(
        "--no-offline",
        is_flag=True,
        help="Keep no verifier of passwords: what is kept is not read while the server is away.",
    ),
)


def password_of(user: str | None, from_stdin: bool) -> str | None:
    """The password, from where it is told: never from the command line, which everybody can see."""
    if user is None:
        return None
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    told = os.environ.get("IMAPPROXY_PASSWORD")
    if told is not None:
        return told
    return str(click.prompt(f"Password of {user}", hide_input=True, err=True))


def guarded(action: Callable[[], None]) -> None:
    """Tell errors that are the user's to mend in one line, and exit with 2."""
    try:
        action()
    except Exception as error:
        sentence = sentence_for(error)
        if sentence is None:
            raise
        click.echo(f"imapproxy: {sentence}", err=True)
        sys.exit(2)
