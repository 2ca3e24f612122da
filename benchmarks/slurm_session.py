"""Record a session on a real Slurm, for the reader who has none at hand.

``python benchmarks/slurm_session.py`` starts a Slurm of four virtual nodes on this machine, as the
tests do (`tests/cluster/lab.py`; `.ci/cluster` installs what it takes), runs the program of
notebook 14 on it with the notebook's jobqueue.yaml, and writes what became of the jobs to
``results/slurm.json``: one plain run, and one under adaptive scaling with a job cancelled in the
middle. The frames are simulated.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from report import environment

from segkit import simulate

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "cluster"))
import lab  # noqa: E402

PROGRAM = """
with SLURMCluster(security=True) as cluster, Client(cluster):
    cluster.{ask}
    result = run.segment(files, out, batch=5)
print("frames={{frames}} nuclei={{nuclei}} seconds={{seconds:.2f}}".format(**result))
""".strip()
PATIENCE = {"DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "1s"}
SESSIONS = {  # the request for jobs, settings, and the batches after which one is cancelled
    "plain": ("scale(jobs=4)", {}, float("inf")),
    "adaptive": ("adapt(minimum=1, maximum=4)", PATIENCE, 8),
}


def main():
    result = {"command": "python benchmarks/slurm_session.py", **environment()}
    result["versions"]["dask-jobqueue"] = version("dask-jobqueue")
    with tempfile.TemporaryDirectory() as scratch, lab.slurm(4) as slurm:
        result["slurm"] = lab.ask(slurm, "sbatch", "--version")
        folder, result["frames"] = Path(scratch), "200 simulated frames"
        frames = lab.links(simulate.write(folder / "simulated"), 200, folder / "frames")
        lab.run(*lab.segkit(frames, folder / "alone"), check=True)
        slurm |= {"HOME": scratch, "DASK_JOBQUEUE__SLURM__LOG_DIRECTORY": scratch}
        for kind, (ask, settings, cancel_at) in SESSIONS.items():
            code, out = PROGRAM.format(ask=ask), folder / kind
            with lab.programs(folder / "programs") as start:
                run = start(*lab.program(frames, out, code), env=slurm | settings)
                events = lab.follow(run, slurm, out, cancel_at=cancel_at)
            said = run.log.read_text().strip()
            if run.returncode:
                raise SystemExit(said)
            lab.wait(lambda: not lab.ask(slurm, "squeue", "-h"), "the jobs to end")
            result[kind] = {"program": code, "settings": settings, "timeline": events}
            result[kind]["printed"] = said.splitlines()[-1]
            same = lab.content(out) == lab.content(folder / "alone")
            result[kind]["same_bytes_as_threads_here"] = same
            print(result[kind]["printed"])
    (HERE / "results" / "slurm.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
