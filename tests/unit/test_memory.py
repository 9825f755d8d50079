"""Memory: limits of containers and jobs are known, and what cannot fit is told before the system ends the process."""

import platform
import subprocess
import sys

import numpy as np
import pytest

from dotbench import memory
from dotbench.cards import load_dataset
from dotbench.cards.kernels import Gaussian
from dotbench.data.check import check
from dotbench.data.own_files import as_channels
from dotbench.data.record import ImageRecord
from dotbench.inference.device import choose
from dotbench.inference.intensity import Input, Intensity
from dotbench.inference.tiles import predict_map
from dotbench.memory import TooLarge, available_bytes, left_in_groups
from dotbench.targets.render import render


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize(
    ("line", "place", "names"),
    [
        ("0::/slurm/job_7", "", ("memory__max", "memory__current")),
        ("4:memory:/slurm/job_7", "memory", ("memory__limit_in_bytes", "memory__usage_in_bytes")),
    ],
)
def test_limits_of_jobs_and_containers_are_known(tmp_path, line, place, names):
    limit, used = names
    write(tmp_path, groups=f"1:cpu:/\n{line}\n")
    top = tmp_path / "root" / place
    write(
        top / "slurm" / "job_7", **{limit: "1000", used: "700", "memory__stat": "inactive_file 100\nanon 3"}
    )
    write(top / "slurm", **{limit: "max", used: "9"})
    write(top, **{limit: "5000", used: "4900"})
    assert list(left_in_groups(tmp_path / "groups", tmp_path / "root")) == [400, 100]


def test_a_machine_without_groups(tmp_path):
    assert list(left_in_groups(tmp_path / "none", tmp_path)) == []
    assert available_bytes() > 0


@pytest.fixture
def little(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000)


def test_a_converted_image_must_fit_and_a_mapped_one_need_not(little, tmp_path):
    def checked(dtype):
        image = np.memmap(tmp_path / "image", dtype, "w+", shape=(40, 50))
        image[0, 0] = 1
        return check(ImageRecord("a", image, np.empty(0), origin="a.tif"), load_dataset("vgg")).image

    assert isinstance(checked("<f4"), np.memmap), "looked at in slabs, never copied"
    with pytest.raises(TooLarge, match="converted from >u2, is larger than the memory") as caught:
        checked(">u2")
    assert caught.value.where == "a.tif" and "little-endian" in caught.value.next


def test_maps_that_do_not_fit_name_their_image(little):
    with pytest.raises(TooLarge, match="target map"):
        render(np.empty((0, 2)), (40, 50), Gaussian(sigma=2), where="image a")
    intensity, image = Intensity(Input(), ndim=2, channels=1), np.eye(50, dtype=np.uint8)
    with pytest.raises(TooLarge, match="image a"):
        predict_map(None, image, intensity, choose("cpu"), stride=1, receptive_field=None, where="image a")


def test_colours_are_mixed_in_slabs():
    image = np.random.default_rng(0).integers(0, 255, (2000, 1100, 3)).astype(np.uint8)
    expected = np.rint(image @ np.array([0.299, 0.587, 0.114]))
    assert np.array_equal(as_channels(image, "grey", 2, None), expected)


FAULTS = """
import resource, sys
from dotbench.memory import keep_freed

if sys.argv[1] == "keep":
    keep_freed()
for _ in range(10):
    # Not an array of NumPy's, which asks for huge pages: few faults either way.
    bytearray(b"1") * 8 * 10**7
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def test_what_is_freed_is_used_again():
    def faults(how):
        return int(
            subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, check=True).stdout
        )

    if platform.libc_ver()[0] != "glibc":
        pytest.skip("another allocator than glibc's")
    assert faults("keep") < 0.5 * faults("leave")
