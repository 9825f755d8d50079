"""The throwaway SLURM itself: it runs jobs, survives its node, and leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cluster import PREFIX, Cluster, remove_leftovers

pytestmark = pytest.mark.slurm


def test_a_job_gets_the_gpu_it_asks_for(cluster: Cluster, tmp_path: Path):
    output = tmp_path / "job.out"
    cluster.run(
        "sbatch", "--wait", "--gpus=1", f"--output={output}", "--wrap", "echo GPU $CUDA_VISIBLE_DEVICES"
    )
    assert output.read_text() == "GPU 0\n"
    assert cluster.jobs()[-1]["TresPerJob"] == "gres:gpu:1"


def test_a_killed_test_run_leaves_nothing_for_long(cluster: Cluster):
    script = Path(__file__).with_name("cluster.py")
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    folder = Path(process.stdout.readline().strip().partition("=")[2]).parent
    assert folder.name.startswith(PREFIX)
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    remove_leftovers()
    end = time.monotonic() + 5
    while any(_running(pid) for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not folder.exists()
    # Whoever still runs is left alone.
    assert cluster.folder.exists()


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_controller_that_crashed_is_started_again(cluster: Cluster):
    cluster.processes["slurmctld"].kill()
    cluster.processes["slurmctld"].wait()
    job = cluster.run("sbatch", "--parsable", "--wrap", "true", "--output=/dev/null").strip()
    assert job in {known["JobId"] for known in cluster.jobs()}
