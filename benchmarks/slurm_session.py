"""Record a session on a real Slurm, for the reader who has none at hand.

``python benchmarks/slurm_session.py`` starts a Slurm of four virtual nodes on this machine, as the
tests do (`tests/cluster/lab.py`; `.ci/cluster` installs what it takes), runs the program of
notebook 14 on it with the notebook's jobqueue.yaml, and writes what Slurm and the program print to
``results/slurm.json``: one plain run, and one under adaptive scaling with a job cancelled in the
middle. The frames are simulated.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from report import environment

from segkit import simulate

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "cluster"))
import lab  # noqa: E402

PATIENCE = {"DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "1s"}
PROGRAM = """
with SLURMCluster(security=True) as cluster, Client(cluster):
    cluster.{ask}
    result = run.segment(files, out, batch=5)
print("frames={{frames}} nuclei={{nuclei}} seconds={{seconds:.2f}}".format(**result))
""".strip()


def look(slurm):
    """Return what sinfo and squeue print."""
    return {name: lab.ask(slurm, name) for name in ("sinfo", "squeue")}


def states(slurm):
    """Return the state of each job: {"7": "RUNNING on n2"}."""
    rows = lab.ask(slurm, "squeue", "-h", "-o", "%i %T %N").splitlines()
    split = [[*row.split(), ""][:3] for row in rows]
    return {job: f"{state} on {node}" if node else state for job, state, node in split}


def follow(run, slurm, out, *, cancel_at):
    """Watch a run to its end; return what happened when, and a look when jobs first run.

    Parameters
    ----------
    cancel_at : float
        Cancel a job when so many batches are on disk.
    """
    began, known, events, during = time.monotonic(), {}, [], None

    def note(event):
        events.append({"seconds": round(time.monotonic() - began, 2), "event": event})

    while run.poll() is None:
        now = states(slurm)
        for job in sorted(known.keys() - now.keys()):
            note(f"job {job} is gone")
        for job in sorted(now):
            if now[job] != known.get(job):
                note(f"job {job} {now[job]}")
        known = now
        running = sorted(job for job in now if now[job].startswith("RUNNING"))
        if during is None and len(running) > 1:
            during = look(slurm)
        if running and len(lab.parts(out)) >= cancel_at:
            note(f"{len(lab.parts(out))} batches are on disk")
            lab.ask(slurm, "scancel", running[0])
            note(f"scancel {running[0]}")
            cancel_at = float("inf")
        time.sleep(0.02)
    note(f"the program has ended; {len(lab.parts(out))} batches are on disk")
    return events, during


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=HERE / "results" / "slurm.json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        frames = lab.links(simulate.write(folder / "simulated"), 200, folder / "frames")
        subprocess.run(lab.segkit(frames, folder / "alone"), check=True, capture_output=True)
        home = {"HOME": scratch, "DASK_JOBQUEUE__SLURM__LOG_DIRECTORY": scratch}
        result = {"command": "python benchmarks/slurm_session.py", **environment()}
        result["versions"]["dask-jobqueue"] = version("dask-jobqueue")
        with lab.slurm(4) as slurm, lab.programs(folder / "programs") as start:
            result |= {"slurm": lab.ask(slurm, "sbatch", "--version")}
            result |= {"frames": "200 simulated frames", "before": look(slurm)}
            for kind, ask, env, cancel_at in (
                ("plain", "scale(jobs=4)", {}, float("inf")),
                ("adaptive", "adapt(minimum=1, maximum=4)", PATIENCE, 8),
            ):
                code, out = PROGRAM.format(ask=ask), folder / kind
                run = start(*lab.program(frames, out, code), env=slurm | home | env)
                events, during = follow(run, slurm, out, cancel_at=cancel_at)
                said = run.log.read_text().strip()
                if run.returncode:
                    raise SystemExit(said)
                lab.wait(lambda: not states(slurm), "the jobs to end")
                result.setdefault("while", during)
                result.setdefault("after", look(slurm))
                same = lab.content(out) == lab.content(folder / "alone")
                result[kind] = {"program": code, "settings": env, "timeline": events}
                result[kind] |= {"printed": said.splitlines()[-1]}
                result[kind] |= {"same_bytes_as_threads_here": same}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(result["plain"]["printed"], result["adaptive"]["printed"], sep="\n")


if __name__ == "__main__":
    main()
