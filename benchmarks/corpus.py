"""The generated mailbox on disk: made once, then used by every run."""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.messages import SEED, make_messages
from tests.real.dovecot import Account, Message

# A new number when messages.py makes other messages, so that nobody measures yesterday's.
_EDITION = 1


def default_directory() -> Path:
    """Where generated mailboxes are kept unless told otherwise.

    Not in a home directory: the server reads mail as an unprivileged user, who has to get through.
    """
    return Path(tempfile.gettempdir()) / f"imapproxy-benchmarks-{os.getuid()}"


def put_in_place(account: Account, kept: Path, count: int) -> None:
    """Make the home of ``account`` one with ``count`` messages in INBOX that is kept in ``kept``.

    The server's own index stays there as well, as it does on a server that has been up for long.
    """
    kept.mkdir(parents=True, exist_ok=True)
    if kept.stat().st_uid != os.getuid():
        raise PermissionError(f"{kept} belongs to somebody else; choose another with --data")
    kept.chmod(0o755)
    home = kept / f"{count}-messages-{SEED}.{_EDITION}"
    if not home.exists():
        _generate(account, home, count)
    shutil.rmtree(account.home)
    account.home.symlink_to(home)


def _generate(account: Account, home: Path, count: int) -> None:
    print(f"generating {count:,} messages in {home}", flush=True)
    # Under another name until it is whole: an interrupted run leaves nothing that looks done.
    half_made = home.with_name(f"{home.name}.{os.getpid()}")
    half_made.mkdir()
    replace(account, home=half_made).seed("INBOX", (Message(*m) for m in make_messages(count)))
    half_made.rename(home)
