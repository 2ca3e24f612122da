"""The command line: ``segkit``, with a command for each thing that the package does.

No logic here: each command calls one function and prints what it returns. An error that a user
can correct is one line on standard error, and exit status 1.
"""

import argparse
import sys
from pathlib import Path

import segkit


def fetch(args):
    """Download the frames, or take them from a mirror."""
    from segkit import data

    print(data.fetch(args.into, mirror=args.mirror))


def verify(args):
    """List damaged and unexpected files of the real data set, and count the missing ones."""
    from segkit import data, writing

    folder = Path(args.folder) if args.folder else data.root() / data.DATASET.name
    found = data.verify(folder)
    wrong = [(kind, file) for kind in ("damaged", "unexpected") for file in found[kind]]
    for kind, file in wrong:
        print(f"{kind}: {writing.printable(file)}")
    print(", ".join(f"{len(files)} {kind}" for kind, files in found.items()), "in", folder)
    if wrong:
        print("run 'segkit fetch' for what is missing or damaged; move unexpected files yourself")
    return int(bool(wrong))  # a mirror may hold only some of the files


def simulate(args):
    """Write simulated frames with their true masks."""
    from segkit import simulate

    print(simulate.write(args.into, frames=args.frames, seed=args.seed))


def segment(args):
    """Segment and measure frames into a table."""
    from segkit import data, run
    from segkit.reading import FrameError

    options = {"method": args.method, "batch": args.batch, "labels": args.labels}
    options |= {"pixel_size": args.pixel_size, "skip": args.on_error == "skip"}
    files = data.images(Path(args.images).absolute(), kind=str)[: args.frames]
    if passed_over := data.passed_over(args.images):
        print(f"not read in {args.images}: {passed_over}", file=sys.stderr)
    try:
        with run.scheduler(args.scheduler, workers=args.workers):
            result = run.segment(files, args.out, **options)
    except FrameError as error:
        if options["skip"]:
            raise
        raise FrameError(error.file, f"{error.reason}, or add --on-error skip") from error
    if result["there"]:
        print("{there} of {batches} batches were there already".format(**result))
    if result["skipped"]:
        print(f"frames skipped: {len(result['skipped'])}, see {Path(args.out) / 'skipped.csv'}")
    print("frames={frames} nuclei={nuclei} seconds={seconds:.2f}".format(**result))


def score(args):
    """Compare label images with the ground truth."""
    from segkit import run, score

    method = run.find_method(args.method) if args.method else None
    table = score.evaluate(args.folder, split=args.split, method=method, labels=args.labels)
    if args.csv:
        table.to_csv(args.csv, index=False)
    print(score.summary(table))


def doctor(args):
    """Say whether this machine is ready for the course."""
    from segkit import doctor

    return int(not doctor.report())


def parser():
    """Build the parser of the command line, for the command and for the tests."""
    from segkit.frame import METHODS

    main = argparse.ArgumentParser(prog="segkit", description=segkit.__doc__.split("\n")[0])
    main.add_argument("--version", action="version", version=segkit.__version__)
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(function):
        text = function.__doc__
        sub = commands.add_parser(function.__name__, help=text, description=text)
        sub.set_defaults(run=function)
        return sub.add_argument

    add = command(fetch)
    add("--into", metavar="DIR", help="folder to fill (default: that of the course's data set)")
    add("--mirror", metavar="DIR_OR_URL", help="folder or address that holds the same three zips")

    add = command(verify)
    add("folder", nargs="?", help="default: that of the course's data set")

    add = command(simulate)
    add("--frames", type=count, default=48, metavar="N", help="default: 48")
    add("--seed", type=int, default=39, metavar="S", help="default: 39")
    add("--into", required=True, metavar="DIR", help="folder to write")

    add = command(segment)
    add("images", help="folder of a data set, or of TIFF files")
    add("--out", required=True, metavar="DIR", help="folder for the results")
    methods = f"{', '.join(METHODS)} (default: tutorial), or your own as MODULE:FUNCTION"
    add("--method", default="tutorial", metavar="NAME", help=methods)
    add("--frames", type=count, metavar="N", help="only the first N")
    add("--batch", type=count, default=25, metavar="N", help="frames per task (default: 25)")
    add("--labels", action="store_true", help="write labels.ome.zarr too")
    add("--pixel-size", type=float, metavar="UM", help="for the labels (default: as files say)")
    where = "threads (default), local (processes), or the address of a Dask scheduler"
    add("--scheduler", default="threads", metavar="NAME", help=where)
    add("--workers", type=count, metavar="N", help="threads or processes (default: one per core)")
    add("--on-error", choices=("stop", "skip"), default="stop", help="default: stop at a bad frame")

    add = command(score)
    add("folder", help="folder of a data set")
    splits = "training, validation (default), test or all"
    add("--split", default="validation", metavar="NAME", help=splits)
    add("--method", metavar="NAME", help="segment with this method, as for segment")
    add("--labels", metavar="DIR", help="score these label images instead")
    add("--csv", metavar="FILE", help="write one line per frame there")

    command(doctor)
    return main


def count(text):
    """Return a whole number of at least 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def main(argv=None):
    """Run one command; return its exit status."""
    args = parser().parse_args(argv)
    try:
        return args.run(args) or 0
    except (segkit.SegkitError, OSError, ValueError, RuntimeError, MemoryError) as error:
        # what a user can correct comes as one of these, in one line; anything else is our bug
        print(f"segkit: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("segkit: stopped; the same command goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
