"""``imapproxy cache verify`` with a server to compare with, as people see it."""

import random
from typing import Any

import click

from imapproxy.cache_commands.compare import Compared, compare
from imapproxy.cache_commands.place import Place
from imapproxy.cache_commands.warming import Account
from imapproxy.logs import begin_logging
from imapproxy.mail_cache import account_name, open_cache
from imapproxy.running import reactor_of_process, run_to_end
from imapproxy.upstream.dial import dial
from imapproxy.upstream.errors import printable
from imapproxy.upstream.log_in import log_in


def compare_all(place: Place, account: Account, sample: int) -> int:
    """Compare a sample of each mailbox of an account; 1 if something is wrong.

    Raises ``ConfigError``, ``StoreError`` and ``UpstreamError``.
    """
    begin_logging(verbose=False, as_json=False, quiet=True)
    reactor = reactor_of_process()
    return run_to_end(reactor, _compare_all(reactor, place, account, sample))


async def _compare_all(reactor: Any, place: Place, account: Account, sample: int) -> int:
    upstream, credentials, _ = account
    client = await dial(reactor, upstream)
    store = None
    try:
        await log_in(client, credentials)
        store = open_cache(reactor, place.cache).store
        name = account_name(upstream.address, credentials)
        held = [one for one in store.reader.holdings() if one.mailbox.account == name]
        if not held:
            click.echo(f"Nothing is held of {printable(name)}.")
        chance = random.Random()  # noqa: S311 - which messages is no secret
        compared = [await compare(client, store, one, sample, chance) for one in held]
    finally:
        if store is not None:
            await store.close()
        await client.logout()
    for one in compared:
        _tell(one)
    return 1 if any(one.faults for one in compared) else 0


def _tell(compared: Compared) -> None:
    if compared.note:
        click.echo(f"{compared.mailbox}: {printable(compared.note)}")
        return
    for fault in compared.faults:
        click.echo(printable(fault))
    gone = f", {compared.gone} are gone from there" if compared.gone else ""
    click.echo(f"{compared.mailbox}: {compared.same} are as the server has them{gone}")
    if compared.faults:
        click.echo(f"{compared.mailbox} is taken out of the cache: what it held was not true.")
