"""Download the real frames of BBBC039 without knowing the package: python data_fetch.py.

`segkit fetch` does the same, once the package is installed.
"""

import argparse
import sys


def main(arguments=None):
    """Read the command line, fetch, and return the exit status."""
    parser = argparse.ArgumentParser(description="Download the real frames of BBBC039.")
    parser.add_argument("--into", metavar="DIR", help="folder to fill (default: data/BBBC039)")
    parser.add_argument(
        "--mirror",
        metavar="DIR_OR_URL",
        help="folder or http(s) address with images.zip, masks.zip and metadata.zip "
        "(default: SEGKIT_MIRROR, else the official address)",
    )
    options = parser.parse_args(arguments)
    try:
        from segkit import data

        print(data.fetch(options.into, mirror=options.mirror))
    except ModuleNotFoundError as error:
        print(
            f"{error.name} is not installed for {sys.executable}: run 'make setup' and use the "
            "python in .venv, or run 'python -m pip install -e .' here.",
            file=sys.stderr,
        )
        return 1
    except OSError as error:  # a DataError says in one line what to do
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped: the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
