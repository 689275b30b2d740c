"""No fault may end up in the log alone."""

from tests.house import house
from tests.logged_errors import logged_errors
from tests.shell import shell

__all__ = ["house", "logged_errors", "shell"]
