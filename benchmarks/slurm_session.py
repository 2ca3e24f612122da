"""Record a session on a real Slurm, for the reader who has none at hand.

``python benchmarks/slurm_session.py`` starts a Slurm of four virtual nodes on this machine, as the
tests do (`tests/cluster/lab.py`; `.ci/cluster` installs what it takes), and writes what Slurm and
`segkit segment` print to ``results/slurm.json``: one plain run, and one under adaptive scaling
with a job cancelled in the middle. The frames are simulated.
"""

import argparse
import json
import os
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


def look(slurm):
    """Return what sinfo and squeue print."""
    return {name: lab.ask(slurm, name) for name in ("sinfo", "squeue")}


def states(slurm):
    """Return the state of each job: {"7": "RUNNING on n2"}."""
    rows = lab.ask(slurm, "squeue", "-h", "-o", "%i %T %N").splitlines()
    split = [[*row.split(), ""][:3] for row in rows]
    return {job: f"{state} on {node}" if node else state for job, state, node in split}


def script(slurm, python):
    """Return the script of a job, with the paths of any checkout in place of this one's."""
    code = "from segkit import cluster\nwith cluster.client('slurm', log_directory='jobs') as one:"
    code += "\n  print(one.cluster.job_script())"
    with tempfile.TemporaryDirectory() as folder:
        text = subprocess.check_output(
            [sys.executable, "-c", code], text=True, cwd=folder, env={**os.environ, **slurm}
        )
    return text.replace(sys.executable, python)


def follow(run, slurm, out, *, at=None, do=None):
    """Watch a run to its end; return (seconds, event) pairs, and a look when jobs first run.

    Parameters
    ----------
    at : int, optional
        When so many batches are on disk, `do` is called with the running jobs; it returns an
        event.
    """
    began, known, events, during = time.monotonic(), {}, [], None

    def note(event):
        events.append({"seconds": round(time.monotonic() - began, 2), "event": event})

    while run.poll() is None:
        now = states(slurm)
        for job in known.keys() - now.keys():
            note(f"job {job} is gone")
        for job in sorted(now.keys() - known.keys() | {j for j in now if now[j] != known.get(j)}):
            if now[job] != known.get(job):
                note(f"job {job} {now[job]}")
        known = now
        running = sorted(job for job in now if now[job].startswith("RUNNING"))
        if during is None and len(running) > 1:
            during = look(slurm)
        if do is not None and running and lab.parts(out) >= at:
            note(f"{lab.parts(out)} batches are on disk")
            note(do(running))
            do = None
        time.sleep(0.02)
    note(f"the command has ended; {lab.parts(out)} batches are on disk")
    return events, during


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=HERE / "results" / "slurm.json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        room = Path(scratch)
        frames = lab.links(simulate.write(room / "simulated"), 200, room / "frames")
        alone = lab.segkit(frames, "--out", room / "alone", "--batch", 5)
        subprocess.run(alone, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with lab.slurm(4) as slurm, lab.programs(room / "programs") as start:
            result = {
                "command": "python benchmarks/slurm_session.py",
                **environment(),
                "slurm": lab.ask(slurm, "sbatch", "--version"),
                "frames": "200 simulated frames",
                "configuration": lab.JOBQUEUE.strip(),
                "job_script": script(slurm, ".venv/bin/python"),
                "before": look(slurm),
            }
            result["versions"]["dask-jobqueue"] = version("dask-jobqueue")
            words = ["--batch", 5, "--scheduler", "slurm", "--workers", 4]
            run = start(*lab.segkit(frames, "--out", room / "plain", *words), env=slurm)
            events, during = follow(run, slurm, room / "plain")
            lab.wait(lambda: not states(slurm), "the jobs to end")
            result |= {"while": during, "after": look(slurm), "plain": closing(run, words)}
            result["plain"] |= {"timeline": events} | same(room / "plain", room / "alone")

            def cancel(jobs):
                subprocess.run(["scancel", jobs[0]], check=True, env={**os.environ, **slurm})
                return f"scancel {jobs[0]}"

            words += ["--adaptive"]
            command = lab.segkit(frames, "--out", room / "adaptive", *words)
            run = start(*command, env={**slurm, **PATIENCE})
            events, _ = follow(run, slurm, room / "adaptive", at=8, do=cancel)
            result["adaptive"] = closing(run, words) | {"settings": PATIENCE, "timeline": events}
            result["adaptive"] |= same(room / "adaptive", room / "alone")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for event in result["adaptive"]["timeline"]:
        print(f"{event['seconds']:7.2f} s  {event['event']}")
    print(result["plain"]["printed"], result["adaptive"]["printed"], sep="\n")


def closing(run, words):
    """Return the command as a reader would write it, and its last line."""
    if run.returncode:
        raise SystemExit(run.log.read_text())
    command = " ".join(["segkit segment FRAMES --out OUT", *map(str, words)])
    return {"command": command, "printed": run.log.read_text().strip().splitlines()[-1]}


def same(out, alone):
    """Return whether a table has the bytes of the one that threads on this machine made."""
    return {"same_bytes_as_threads_here": lab.digest(out) == lab.digest(alone)}


if __name__ == "__main__":
    main()
