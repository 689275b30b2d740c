"""A Dovecot with what its plugins bring: ACL, QUOTA, COMPRESS, and more SASL mechanisms."""

import os
import pwd
from pathlib import Path

from tests.real.dovecot import Dovecot

_CONFIGURATION = """
auth_mechanisms = plain login cram-md5 scram-sha-256
mail_plugins = acl quota zlib
protocol imap {{
  mail_plugins = acl imap_acl quota imap_quota zlib imap_zlib
}}
namespace others {{
  type = shared
  separator = .
  prefix = user.%%u.
  location = maildir:%%h/Maildir
  subscriptions = no
  list = children
}}
plugin {{
  acl = vfile
  acl_shared_dict = file:{shared}/shared-mailboxes
  quota = maildir:User quota
  quota_rule = *:storage=1M:messages=20
}}
"""


class DovecotWithPlugins(Dovecot):
    """Any account may share its mailboxes, and has room for 20 messages."""

    def _write_configuration(self) -> Path:
        path = super()._write_configuration()
        shared = self.directory / "shared"
        shared.mkdir(exist_ok=True)
        if os.getuid() == 0:
            owner = pwd.getpwnam("mail")
            os.chown(shared, owner.pw_uid, owner.pw_gid)
        with path.open("a") as configuration:
            configuration.write(_CONFIGURATION.format(shared=shared))
        return path
