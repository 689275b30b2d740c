"""``python -m fuzz.with_atheris TARGET [libFuzzer's own options]``: led by what was run through.

libFuzzer ends the process it runs in, so each target has one of its own. It is found a file for
each input that broke something.
"""

import sys

import atheris

from fuzz.targets import load


def main() -> None:
    """Fuzz for ever, or as long as libFuzzer's options say."""
    with atheris.instrument_imports(include=["imapproxy"]):
        target = load(sys.argv[1])
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda octets: target.check(bytes(octets)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
