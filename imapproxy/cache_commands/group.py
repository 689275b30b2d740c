"""The commands below ``imapproxy cache``."""

import sys
from pathlib import Path

import click
import msgspec

from imapproxy.cache_commands.place import (
    ServerOptions,
    place_of,
    place_options,
    rate_of,
    server_of,
    server_options,
)
from imapproxy.cli_options import guarded, options, password_of
from imapproxy.config import ConfigError

_account_option = click.option(
    "--account",
    "--user",
    "account",
    metavar="ACCOUNT",
    help="Whose: as `cache stats` shows it, or the user name of it.",
)
_mailbox_option = click.option(
    "--mailbox", "mailboxes", multiple=True, metavar="NAME", help="Which alone. Repeatable."
)
_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of stdin."
)
_selection_options = options(_account_option, _mailbox_option)


@click.group()
def cache() -> None:
    """Look at the mail that is kept on this machine, check it, fill it, take it out.

    All of these work with and without a proxy that is running. The cache is where the proxy has
    it: say --config FILE or --data-dir DIR if the proxy was started with that.

    \b
    What is there:   imapproxy cache stats
    Get it all:      imapproxy cache warm --upstream imaps://imap.example.com --user me
    Is it sound:     imapproxy cache verify
    Take it along:   imapproxy cache export --maildir Mail
    Begin anew:      imapproxy cache clear
    """


@cache.command()
@place_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def stats(config_file: str | None, data_dir: str | None, as_json: bool) -> None:
    """Show what is held of which mailbox, and how often it was of use.

    The hit rate is the share of messages of which a FETCH could be answered from here. The size
    of a mailbox counts a message that is in two mailboxes twice; what all of it takes does not.
    """
    from imapproxy.cache_commands import stats as look  # noqa: PLC0415
    from imapproxy.cache_commands.looking import keeper_of, taken_by  # noqa: PLC0415

    def show() -> None:
        from rich.console import Console  # noqa: PLC0415

        place = place_of(config_file, data_dir)
        with keeper_of(place) as keeper:
            holdings, taken = keeper.holdings(), taken_by(keeper, place)
        if as_json:
            click.echo(msgspec.json.encode(look.as_json(taken, holdings)))
        else:
            look.show(look.console_for(Console()), taken, holdings)

    guarded(show)


@cache.command()
@place_options
@server_options
@click.option("--user", required=True, metavar="NAME", help="Log in as; the password is asked for.")
@_password_option
@click.option(
    "--mailbox", "mailboxes", multiple=True, metavar="NAME", help="Not all. Repeatable, in order."
)
@click.option("--newest", type=click.IntRange(1), metavar="N", help="Of each only the newest N.")
@click.option("--headers-only", is_flag=True, help="What lists show, without the text.")
@click.option("--rate", metavar="SIZE", help="Octets a second at most: 500KB, 2MiB. Default: all.")
def warm(
    config_file: str | None,
    data_dir: str | None,
    upstream: str | None,
    ca_file: str | None,
    pins: tuple[str, ...],
    user: str,
    password_stdin: bool,
    mailboxes: tuple[str, ...],
    newest: int | None,
    headers_only: bool,
    rate: str | None,
) -> None:
    """Fetch the mail of an account into the cache, the newest first.

    What is held is not asked for again: stop it at any time, and the next run goes on. A server
    that has had enough is left alone for a while. No flag changes, and nothing that is held is
    pushed out: when the cache is full, that is the end. Log in by the same name, and at the same
    URL, as the mail program and the proxy do. Exit code 0 if all that is wanted is held, else 1.
    The password may also be in the environment variable IMAPPROXY_PASSWORD.

    \b
    imapproxy cache warm --upstream imaps://imap.example.com --user me
    imapproxy cache warm --config imapproxy.toml --user me --mailbox INBOX --newest 1000
    imapproxy cache warm --upstream … --user me --headers-only --rate 500KB
    """
    from imapproxy.cache_commands.wanted import Wishes  # noqa: PLC0415
    from imapproxy.cache_commands.warm_command import warm as fill  # noqa: PLC0415
    from imapproxy.cache_commands.warming import account_of  # noqa: PLC0415

    def do_warm() -> None:
        place = place_of(config_file, data_dir)
        server = server_of(place, ServerOptions(upstream, ca_file, pins))
        octets = rate_of(rate)
        account = account_of(server, user, password_of(user, password_stdin), octets)
        sys.exit(fill(place, account, Wishes(mailboxes, newest, headers_only)))

    guarded(do_warm)


@cache.command()
@place_options
@_selection_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(
    config_file: str | None,
    data_dir: str | None,
    account: str | None,
    mailboxes: tuple[str, ...],
    yes: bool,
) -> None:
    """Take mail out of the cache, and give its room back to the file system.

    Everything, or one account, or some mailboxes of it. No mail is lost: the server has it, and
    it comes back here when it is read again.
    """
    from imapproxy.cache_commands.looking import clear_selected  # noqa: PLC0415
    from imapproxy.cache_commands.selection import Selection  # noqa: PLC0415

    def take_out() -> None:
        place = place_of(config_file, data_dir)
        clear_selected(place, Selection(account, mailboxes), ask=not yes)

    guarded(take_out)


@cache.command()
@place_options
@_selection_options
@click.option("--mbox", metavar="FILE", type=click.Path(path_type=Path), help="One mailbox.")
@click.option(
    "--maildir", metavar="DIR", type=click.Path(path_type=Path), help="INBOX, others as folders."
)
def export(
    config_file: str | None,
    data_dir: str | None,
    account: str | None,
    mailboxes: tuple[str, ...],
    mbox: Path | None,
    maildir: Path | None,
) -> None:
    """Write the messages that are held whole into ordinary mail files.

    They have their date of arrival, and their flags as they were when they were told last. Lines
    end as files of this system have it. Exit code 1 if a message could not be read.

    \b
    imapproxy cache export --maildir Mail
    imapproxy cache export --mbox inbox.mbox --mailbox INBOX
    """
    from imapproxy.cache_commands.export import Target  # noqa: PLC0415
    from imapproxy.cache_commands.looking import export_selected  # noqa: PLC0415
    from imapproxy.cache_commands.selection import Selection  # noqa: PLC0415

    def write() -> None:
        if (mbox is None) == (maildir is None):
            raise ConfigError("say where to: --mbox FILE or --maildir DIR")
        place = place_of(config_file, data_dir)
        selection = Selection(account, mailboxes)
        sys.exit(export_selected(place, selection, Target(mbox, maildir)))

    guarded(write)


@cache.command()
@place_options
@click.option("--dry-run", is_flag=True, help="Only look at the store; take nothing out.")
@server_options
@click.option("--user", metavar="NAME", help="Compare with the server, too: log in as.")
@_password_option
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="Compare so many messages of each mailbox.",
)
def verify(
    config_file: str | None,
    data_dir: str | None,
    dry_run: bool,
    upstream: str | None,
    ca_file: str | None,
    pins: tuple[str, ...],
    user: str | None,
    password_stdin: bool,
    sample: int,
) -> None:
    """Look at everything in the cache, every length and every checksum.

    What is damaged is told and taken out; the server has it still. With --user a random sample of
    each mailbox of the account is compared with what the server says now: text, ENVELOPE, size
    and date. A mailbox of which one message is not the same is taken out whole. Exit code 0 if
    all is sound, 1 if something was not.

    \b
    imapproxy cache verify
    imapproxy cache verify --upstream imaps://imap.example.com --user me
    """
    from imapproxy.cache_commands.looking import verify_all  # noqa: PLC0415
    from imapproxy.cache_commands.verify_command import compare_all  # noqa: PLC0415
    from imapproxy.cache_commands.warming import account_of  # noqa: PLC0415

    def do_verify() -> None:
        place = place_of(config_file, data_dir)
        told = ServerOptions(upstream, ca_file, pins)
        if user is None and told.any_told:
            raise ConfigError("say whose mail is compared with the server: --user NAME")
        if user is not None and dry_run:
            raise ConfigError("--dry-run only looks at the store: leave out --user")
        server = server_of(place, told) if user is not None else None
        password = password_of(user, password_stdin)
        code = verify_all(place, mend=not dry_run)
        if server is not None and user is not None:
            code |= compare_all(place, account_of(server, user, password, None), sample)
        sys.exit(code)

    guarded(do_verify)
