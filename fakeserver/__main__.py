"""``python -m fakeserver``."""

from fakeserver.cli import main

if __name__ == "__main__":
    main()
