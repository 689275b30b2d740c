"""``python -m imapproxy``."""

from imapproxy.cli import main

if __name__ == "__main__":
    main()
