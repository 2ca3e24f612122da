"""Score the methods of the course on one split and write benchmarks/leaderboard.csv.

    python benchmarks/leaderboard.py FOLDER --split validation

Rows of other splits and other methods stay as they are, such as those that others have published;
the best of each split comes first. The processor time is the median over the frames, in one
thread; take it on a machine that does nothing else.
"""

import argparse
import datetime
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from segkit import frame, score

MEANS = ["averageF1", "F1@0.5", "F1@0.7", "F1@0.9"]


def row(folder, split, method):
    """Score one method; return its row."""
    with threadpool_limits(1):  # idle threads of the linear algebra would count as processor time
        table = score.evaluate(folder, split=split, method=method)
    worst = table.loc[table["averageF1"].idxmin()]
    return {
        "method": method,
        "split": split,
        "frames": len(table),
        **table[MEANS].mean().map("{:.4f}".format),
        "worst_frame": worst["file"],
        "worst_averageF1": f"{worst['averageF1']:.4f}",
        "cpu_ms_a_frame": f"{table['cpu_ms'].median():.0f}",
        "source": "segkit",
        "date": datetime.date.today().isoformat(),
        "command": f"python benchmarks/leaderboard.py FOLDER --split {split}",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="holds images, masks and metadata of BBBC039")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--methods", nargs="+", default=list(frame.METHODS))
    parser.add_argument("--file", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    old = pd.read_csv(options.file, dtype=str, keep_default_na=False)
    new = pd.DataFrame([row(options.folder, options.split, name) for name in options.methods])
    board = pd.concat([old, new]).drop_duplicates(["method", "split"], keep="last")
    board = board.sort_values(["split", "averageF1"], ascending=[True, False])
    board.to_csv(options.file, index=False)
    print(new[["method", "split", *MEANS, "cpu_ms_a_frame"]].to_string(index=False))


if __name__ == "__main__":
    main()
