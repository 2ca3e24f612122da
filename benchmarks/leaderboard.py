"""Score the methods of the course on one split and write benchmarks/leaderboard.csv.

    python benchmarks/leaderboard.py FOLDER --split validation

Rows of other splits and other methods that the file holds already stay as they are. The processor
time is the median over the frames, in one thread; take it on a machine that does nothing else.
"""

import argparse
import csv
import datetime
from pathlib import Path

from threadpoolctl import threadpool_limits

from segkit import frame, score

FILE = Path(__file__).parent / "leaderboard.csv"
COLUMNS = (
    "method",
    "split",
    "frames",
    "averageF1",
    "F1@0.5",
    "F1@0.7",
    "F1@0.9",
    "worst_frame",
    "worst_averageF1",
    "cpu_ms_a_frame",
    "source",
    "date",
    "command",
)
# Found by others, on other machines: what they did not state stays empty.
PUBLISHED = (
    {
        "method": "Cellpose-SAM, stock (deep learning, GPU)",
        "split": "test",
        "frames": 50,
        "F1@0.5": "0.956",
        "source": "github.com/Tejas-Sukesh/bbbc039-nuclei-segmentation, as stated there",
    },
)


def row(folder, split, method):
    """Score one method; return its row."""
    table = score.evaluate(folder, split=split, method=method)
    worst = table.loc[table["averageF1"].idxmin()]
    means = {name: f"{table[name].mean():.4f}" for name in COLUMNS[3:7]}
    return {
        "method": method,
        "split": split,
        "frames": len(table),
        **means,
        "worst_frame": worst["file"],
        "worst_averageF1": f"{worst['averageF1']:.4f}",
        "cpu_ms_a_frame": f"{table['cpu_ms'].median():.0f}",
        "source": "segkit",
        "date": datetime.date.today().isoformat(),
        "command": f"python benchmarks/leaderboard.py FOLDER --split {split}",
    }


def update(rows, old):
    """Put new rows in the place of old ones of the same method and split; sort by split."""
    known = {(line["method"], line["split"]): line for line in [*PUBLISHED, *old, *rows]}
    # The best of each split first; a row without an average, last.
    return sorted(
        known.values(), key=lambda line: (line["split"], -float(line.get("averageF1") or 0))
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="holds images, masks and metadata of BBBC039")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--methods", nargs="+", default=list(frame.METHODS))
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    old = []
    if options.out.exists():
        with options.out.open(newline="", encoding="utf-8") as lines:
            old = list(csv.DictReader(lines))
    rows = []
    for method in options.methods:
        # Idle threads of the linear algebra would count as processor time.
        with threadpool_limits(1):
            rows.append(row(options.folder, options.split, method))
        print(" ".join(f"{name}={rows[-1][name]}" for name in COLUMNS[:10]), flush=True)
    with options.out.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(update(rows, old))


if __name__ == "__main__":
    main()
