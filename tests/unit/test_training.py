"""Training: batches, schedules, interruptions, failures, records."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file
from trainings import train

from dotbench.cards import load_dataset
from dotbench.cards.kernels import Gaussian
from dotbench.cards.method import METHOD, Input, Schedule, Stage
from dotbench.contract.predictions import write_train_failure
from dotbench.contract.status import Failure, Stopped
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Dataset
from dotbench.data.splits import Split
from dotbench.errors import UserError
from dotbench.files import read_csv, read_json
from dotbench.inference.device import Compute, choose
from dotbench.inference.intensity import Intensity
from dotbench.networks import load_network
from dotbench.targets.write import write_targets
from dotbench.training.batches import cut
from dotbench.training.draws import draw
from dotbench.training.losses import pixel_loss
from dotbench.training.network import _without_flat_layers
from dotbench.training.pool import Pool, Source
from dotbench.training.schedule import learning_rate
from dotbench.training.task import Task

ROOT = Path(__file__).resolve().parents[2]
KERNEL = Gaussian(sigma=2.0, scale=100.0)


# --- batches ---------------------------------------------------------------------------------------------------------


def pool_of(shapes, compute, normalise="none", roi=False):
    """Images whose voxels all differ, with a target that is the image plus one."""
    rng = np.random.default_rng(0)
    sources = []
    for shape in shapes:
        image = rng.random(shape).astype(np.float32)
        region = np.zeros(shape, np.uint8) if roi else None
        if roi:
            region[shape[0] // 2 :] = 1
        sources.append(Source(image, (np.zeros(1), np.ones(1)), image + 1, region, np.zeros((1, len(shape)))))
    return Pool(sources, Intensity(Input(normalise=normalise), len(shapes[0]), 1), compute)


@pytest.fixture
def cpu():
    return choose("cpu", deterministic=True)


BOTH = ("flip", "rot90")


@pytest.mark.parametrize("shapes", [[(20, 30), (41, 17)], [(9, 20, 30), (12, 41, 17)]])
@pytest.mark.parametrize("crop", [(8, 16, 16), (5, 12, 10), None])
def test_maps_follow_their_images(cpu, shapes, crop):
    pool = pool_of(shapes, cpu)
    for step in range(6):
        chosen = draw(pool.sizes, 5, crop, BOTH, 0, (1, 2), step)
        batch = cut(pool, chosen, pool.boxes(chosen), 8)
        weight = torch.ones_like(batch.image) if batch.weight is None else batch.weight
        assert all(size % 8 == 0 for size in batch.image.shape[2:])
        assert torch.equal(batch.target * weight, (batch.image + 1) * weight)
        assert (batch.image * (1 - weight) == 0).all()


def test_crops_are_pieces_of_the_image_flipped_and_turned(cpu):
    pool = pool_of([(40, 30)], cpu)
    image = pool.sources[0].image
    chosen = draw(pool.sizes, 64, (8, 16), BOTH, 0, (0, 0), 0)
    batch = cut(pool, chosen, pool.boxes(chosen), 8)
    assert batch.weight is None
    assert batch.image.shape == (64, 1, 8, 16)
    seen = set()
    for got, origin, extent, flip, turn in zip(
        batch.image[:, 0].numpy(), chosen.origin, chosen.extent, chosen.flip, chosen.turn, strict=True
    ):
        (y, x), (h, w) = origin, extent
        piece = image[y : y + h, x : x + w]
        piece = np.flip(piece, np.flatnonzero(flip))
        np.testing.assert_array_equal(got, piece.T if turn else piece)
        seen.add((*flip.tolist(), bool(turn)))
    assert len(seen) == 8


def test_streamed_batches_are_those_of_the_device(cpu):
    pool = pool_of([(20, 30), (41, 17)], cpu, roi=True)
    streamed = pool_of([(20, 30), (41, 17)], cpu, roi=True)
    streamed.resident, streamed._rows = False, None
    for step in range(4):
        chosen = draw(pool.sizes, 6, (16, 24), BOTH, 2, (3,), step)
        a, b = (
            cut(pool, chosen, pool.boxes(chosen), 8, 2),
            cut(streamed, chosen, streamed.boxes(chosen), 8, 2),
        )
        for name in ("image", "target", "weight", "dots"):
            assert torch.equal(getattr(a, name), getattr(b, name)), name


def test_the_loss_stays_inside_the_roi_and_away_from_cuts(cpu):
    pool = pool_of([(40, 40)], cpu, roi=True)
    chosen = draw(pool.sizes, 1, None, (), 4, (0,), 0)
    weight = cut(pool, chosen, pool.boxes(chosen), 8, margin=4).weight[0, 0].numpy()
    assert weight[:20].sum() == 0
    # The image's own border is no cut.
    assert weight[20:].all()
    chosen = draw(pool.sizes, 200, (16, 16), (), 4, (0,), 0)
    weight = cut(pool_of([(40, 40)], cpu), chosen, pool.boxes(chosen), 8, margin=4).weight[:, 0].numpy()
    inner = (chosen.origin > 0).all(1) & (chosen.origin < 24).all(1)
    assert (weight[inner].sum((1, 2)) == 8 * 8).all()
    corner = (chosen.origin == 0).all(1)
    assert corner.any()
    assert (weight[corner].sum((1, 2)) == 12 * 12).all()


def test_patches_are_standardised_one_by_one(cpu):
    pool = pool_of([(40, 40), (10, 50)], cpu, normalise="patch")
    chosen = draw(pool.sizes, 8, (20, 20), BOTH, 0, (0,), 0)
    image = cut(pool, chosen, pool.boxes(chosen), 8).image
    np.testing.assert_allclose(image.sum((1, 2, 3)), 0, atol=1e-3)
    within = np.minimum(pool.sizes[chosen.image], chosen.extent).prod(1)
    np.testing.assert_allclose((image**2).sum((1, 2, 3)), within, rtol=1e-4)


def test_draws_depend_on_the_step_alone_and_use_every_image_equally():
    sizes = np.array([[30, 30]] * 7)
    again = [draw(sizes, 4, (8, 8), BOTH, 0, (5, 0), step) for step in range(7)]
    for step in (6, 2):
        same = draw(sizes, 4, (8, 8), BOTH, 0, (5, 0), step)
        np.testing.assert_array_equal(same.origin, again[step].origin)
        np.testing.assert_array_equal(same.image, again[step].image)
    assert (np.bincount(np.concatenate([chosen.image for chosen in again])) == 4).all()
    other = draw(sizes, 4, (8, 8), BOTH, 0, (6, 0), 0)
    assert not np.array_equal(other.origin, again[0].origin)


def test_crops_start_everywhere_and_nowhere_else():
    chosen = draw(np.array([[20, 9]]), 2000, (16, 16), (), 0, (0,), 0)
    assert set(chosen.origin[:, 0]) == set(range(5))
    assert set(chosen.origin[:, 1]) == {0}


# --- schedules -------------------------------------------------------------------------------------------------------


def rates(steps=8, images=4, **schedule):
    stage = Stage(steps=steps, batch=2, lr=1.0, schedule=Schedule(**schedule))
    return [round(learning_rate(stage, step, images), 4) for step in range(steps)]


def test_schedules():
    assert rates() == [1.0] * 8
    assert rates(name="step", every=2) == [1.0] * 4 + [0.1] * 4
    assert rates(name="cosine")[0] == 1.0
    assert rates(name="cosine")[4] == 0.5
    assert rates(name="cosine", floor=0.5)[4] == 0.75
    assert rates(name="cosine_restarts", first=2) == [1.0, 0.5, 1.0, 0.8536, 0.5, 0.1464, 1.0, 0.9619]
    assert rates(name="one_cycle", warmup=0.5)[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates(name="one_cycle", warmup=0.5)[4:] == [1.0, 0.8536, 0.5, 0.1464]


# --- losses ----------------------------------------------------------------------------------------------------------


def test_losses_look_only_where_they_may():
    output, target = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    weight = torch.zeros(1, 1, 4, 4)
    weight[..., :2, :] = 1
    target[..., 2:, :] = 7
    assert pixel_loss("mse", output, target, weight) == 1
    assert pixel_loss("mse", output, target, None) == 25


def test_tversky_is_an_overlap_of_each_sample():
    output = torch.tensor([[[0.5, 1.0, 0.0]], [[0.0, 0.0, 0.0]]])
    target = torch.tensor([[[1.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]]])
    # 1.5 found, 0.5 missed; the second sample has no cell and is right.
    expected = (1 - 2.5 / (1.5 + 0.7 * 0.5 + 1)) / 2
    assert pixel_loss("tversky", output, target, None).item() == pytest.approx(expected)
    surplus = pixel_loss("tversky", torch.ones(1, 1, 2), torch.tensor([[[1.0, 0.0]]]), None)
    assert surplus.item() == pytest.approx(1 - 2 / (1 + 0.3 + 1))
    looked = pixel_loss(
        "tversky", torch.ones(1, 1, 2), torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0, 0.0]]])
    )
    assert looked == 0


def test_every_pixelwise_loss_is_finite_and_zero_at_best():
    target = torch.tensor([[[[0.0, 1.0]]]])
    for name in ("mse", "l1"):
        assert pixel_loss(name, target, target, None) == 0
    assert pixel_loss("bce", 100 * (target - 0.5), target, None) < 1e-6


# --- whole trainings -------------------------------------------------------------------------------------------------


def method(steps=6, lr=0.003, ndim=2, **training):
    crop = [16, 16, 16] if ndim == 3 else [24, 24]
    stage = {"steps": steps, "batch": 2, "crop": crop, "lr": lr}
    return METHOD.validate_python(
        {
            "id": "small",
            "name": "small",
            "citation": "none",
            "kind": "network",
            "network": "fcrn_a",
            "ndim": [ndim],
            "options": {"widths": [4, 4, 4], "bottleneck": 8},
            "kernel": KERNEL.model_dump(),
            "training": {
                "stages": [stage],
                "optimizer": {"name": "adamw"},
                "validate_every": 2,
                **training,
            },
        }
    )


def task(folder: Path, out: str, card=None, split=None, **more) -> Task:
    dataset = Dataset.open(folder)
    targets = folder.parent / "targets"
    if not targets.exists():
        write_targets(dataset, KERNEL, targets)
    ids = dataset.ids
    split = split or Split(
        folder.name, "random", 2, 0, 0, tuple(ids[:2]), tuple(ids[2:3]), tuple(ids[3:]), ()
    )
    trial = Trial(folder.name, "random", 2, 0, "small")
    info = load_dataset("vgg").model_copy(update={"id": folder.name, "ndim": dataset.ndim})
    card = card or method(ndim=dataset.ndim)
    place = folder.parent / out
    return Task(
        trial, card, info, split, dataset, targets, place, place / "checkpoint", **{"device": "cpu", **more}
    )


def weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("kind", ["tiny_dataset", "tiny_volumes"])
def test_a_training_leaves_its_three_files(kind, request):
    job = task(request.getfixturevalue(kind), "a")
    train(job)
    record = read_json(job.out / "train.json")
    assert record["status"] == "ok"
    assert record["parameters"] == sum(array.size for array in weights(job.out).values())
    assert record["validation_mae"] >= 0
    assert record["packages"]["torch"] == torch.__version__.split("+")[0]
    history = read_csv(job.out / "history.csv")
    assert [row["step"] for row in history] == ["2", "4", "6"]
    assert history[0].keys() == {"step", "lr", "loss", "validation_mae", "seconds"}
    with safe_open(job.out / "model.safetensors", "numpy") as content:
        about = json.loads(content.metadata()["dotbench"])
    assert about["card"]["network"] == "fcrn_a"
    assert about["channels"] == 1
    assert not job.checkpoints.exists()


def test_bfloat16_or_not_it_learns(tiny_dataset):
    card = method(steps=60, lr=0.01, validate_every=30, select="last")
    job = task(tiny_dataset, "a", card)
    train(job)
    first, last = (float(row["loss"]) for row in read_csv(job.out / "history.csv"))
    assert last < 0.8 * first


def test_without_validation_images_the_last_weights_are_kept(tiny_dataset):
    ids = Dataset.open(tiny_dataset).ids
    split = Split("tiny", "guo2022", 2, 0, 0, tuple(ids[:2]), (), tuple(ids[2:]), ())
    job = task(tiny_dataset, "a", split=split)
    train(job)
    record = read_json(job.out / "train.json")
    assert record["kept_step"] == record["steps"]
    assert record["validation_mae"] is None


def test_equal_seeds_give_equal_files_and_others_do_not(tiny_dataset):
    jobs = [
        task(tiny_dataset, name, seed=seed, deterministic=True)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    for job in jobs:
        train(job)
    files = [(job.out / "model.safetensors").read_bytes() for job in jobs]
    assert files[0] == files[1] != files[2]
    assert read_json(jobs[0].out / "train.json")["precision"] == "float32"


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from test_training import Path, method, task, train
job = task(Path(sys.argv[2]), sys.argv[3], method(steps=int(sys.argv[4])), checkpoint_every=0.0)
train(job)
"""


def child(folder: Path, out: str, steps: int) -> subprocess.Popen:
    path = os.pathsep.join([str(ROOT / "src"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, Path(__file__).parent, folder, out, str(steps)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(file: Path, process: subprocess.Popen, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not file.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.01)


def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(tiny_dataset):
    steps = 40
    straight = task(tiny_dataset, "straight", method(steps=steps), threads=1)
    train(straight)
    process = child(tiny_dataset, "killed", steps)
    killed = task(tiny_dataset, "killed", method(steps=steps), threads=1)
    try:
        wait_for(killed.checkpoints / "checkpoint.pt", process)
        # Long enough for a few more steps, so that the kill comes at no special place.
        time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    done = torch.load(killed.checkpoints / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < done < steps
    assert not (killed.out / "model.safetensors").exists()
    train(killed)
    assert (straight.out / "model.safetensors").read_bytes() == (
        killed.out / "model.safetensors"
    ).read_bytes()
    same = ("step", "lr", "loss", "validation_mae")
    histories = [read_csv(job.out / "history.csv") for job in (straight, killed)]
    assert [[row[key] for key in same] for row in histories[0]] == [
        [row[key] for key in same] for row in histories[1]
    ]


def test_asked_to_stop_it_saves_and_goes_on_later(tiny_dataset, monkeypatch, capsys):
    from dotbench.training import loop

    look = loop.Loop._look

    def interrupted(self, lr):
        look(self, lr)
        if self.state.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(loop.Loop, "_look", interrupted)
    handler = signal.getsignal(signal.SIGTERM)
    job = task(tiny_dataset, "a")
    with pytest.raises(Stopped, match="step 2 of 6"):
        train(job)
    assert signal.getsignal(signal.SIGTERM) is handler
    monkeypatch.undo()
    train(job)
    assert "goes on at step 2 of 6" in capsys.readouterr().err
    assert [row["step"] for row in read_csv(job.out / "history.csv")] == ["2", "4", "6"]


def test_a_checkpoint_of_another_training_is_left_aside(tiny_dataset, capsys):
    first = task(tiny_dataset, "a", checkpoint_every=0.0)
    straight = task(tiny_dataset, "b", seed=1)
    from dotbench.training import checkpoint

    kept = {}
    original = checkpoint.clear
    try:
        checkpoint.clear = lambda folder: kept.update(file=(folder / "checkpoint.pt").read_bytes())
        train(first)
    finally:
        checkpoint.clear = original
    train(straight)
    for content in (kept["file"], kept["file"][:1000], b"nonsense"):
        (first.checkpoints / "checkpoint.pt").write_bytes(content)
        other = task(tiny_dataset, "a", seed=1)
        train(other)
        assert "training starts from the beginning" in capsys.readouterr().err
        assert (other.out / "model.safetensors").read_bytes() == (
            straight.out / "model.safetensors"
        ).read_bytes()
        first.checkpoints.mkdir()


def test_steps_that_are_too_large_end_with_advice(tiny_dataset):
    card = method(lr=1e30, optimizer={"name": "sgd"}, steps=8)
    with pytest.raises(Failure, match="learning rate") as raised:
        train(task(tiny_dataset, "a", card))
    assert raised.value.status == "error"


def test_a_network_that_dies_ends_with_advice(tiny_dataset):
    card = method(lr=1e-9, steps=6)
    job = task(tiny_dataset, "a", card)
    from dotbench.networks import fcrn_a

    build = fcrn_a.build

    def dead(*arguments):
        model = build(*arguments)
        torch.nn.init.zeros_(model.head.weight)
        return model

    try:
        fcrn_a.build = dead
        with pytest.raises(Failure, match="the same everywhere"):
            train(job)
    finally:
        fcrn_a.build = build


def test_a_gpu_that_is_not_there():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UserError, match=r"asked for, but this machine shows 0 GPUs"):
        choose("cuda")
    with pytest.raises(UserError, match="unknown device 'gpuu'"):
        choose("gpuu")


def test_two_trainings_of_one_trial_at_once(tiny_dataset):
    from dotbench.training.checkpoint import locked

    job = task(tiny_dataset, "a")
    with locked(job.checkpoints), pytest.raises(UserError, match="another process"):
        train(job)


@pytest.mark.parametrize(("depth", "precision"), [(16, torch.float32), (24, torch.bfloat16)])
def test_flat_3d_layers_are_not_computed_in_bfloat16_on_a_cpu(tiny_volumes, depth, precision):
    card = method(ndim=3)
    stage = card.training.stages[0].model_copy(update={"crop": (depth, 16, 16)})
    card = card.model_copy(update={"training": card.training.model_copy(update={"stages": (stage,)})})
    fast = Compute(torch.device("cpu"), torch.bfloat16, deterministic=False, threads=1)
    job = task(tiny_volumes, "a", card)
    assert _without_flat_layers(fast, job, load_network(card.module, card.options)).dtype is precision


def test_a_network_may_finish_its_weights_with_the_training_images(tiny_dataset):
    card = method().model_copy(
        update={"network": "saunet", "options": {"widths": (4, 4, 4, 4), "refresh": True}}
    )
    other = card.model_copy(update={"options": {"widths": (4, 4, 4, 4)}})
    jobs = [task(tiny_dataset, name, some, deterministic=True) for name, some in (("a", card), ("b", other))]
    for job in jobs:
        train(job)
    refreshed, plain = (weights(job.out) for job in jobs)
    differ = {name for name in plain if not np.array_equal(plain[name], refreshed[name])}
    assert differ
    assert all("running" in name or "num_batches" in name for name in differ)


def ssl_card():
    card = METHOD.validate_python(method(unlabelled_batch=2).model_dump() | {"network": "saunet_ssl"})
    return card.model_copy(update={"options": {"widths": (4, 4, 4, 4)}})


def test_a_loss_of_its_own_gets_unlabelled_images(tiny_dataset):
    ids = Dataset.open(tiny_dataset).ids
    split = Split("tiny", "guo2022", 2, 0, 0, tuple(ids[:2]), (), tuple(ids[2:3]), tuple(ids[3:]))
    jobs = [task(tiny_dataset, name, ssl_card(), split, deterministic=True) for name in ("a", "b")]
    for job in jobs:
        train(job)
    files = [(job.out / "model.safetensors").read_bytes() for job in jobs]
    assert files[0] == files[1]
    assert len(read_csv(jobs[0].out / "history.csv")) == 3


def test_without_unlabelled_images_it_is_not_applicable(tiny_dataset):
    with pytest.raises(Failure, match="leaves none") as raised:
        train(task(tiny_dataset, "a", ssl_card()))
    assert raised.value.status == "not_applicable"


# --- plateaus --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("validates", [True, False])
def test_a_plateau_lowers_the_rate_and_ends_the_training(tiny_dataset, validates, monkeypatch):
    from dotbench.training.watch import Watch

    # An error that never falls again; without validation images the loss, of steps that lead nowhere, decides.
    monkeypatch.setattr(Watch, "look", lambda self, model, last: 5.0 if self.validation else None)
    monkeypatch.setattr("dotbench.training.loop.pixel_loss", lambda *_: torch.ones((), requires_grad=True))
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: None)
    card = method(
        steps=40,
        stages=[
            {
                "steps": 40,
                "batch": 2,
                "crop": [24, 24],
                "lr": 0.01,
                "schedule": {"name": "plateau", "every": 2, "factor": 0.5, "stop": 5},
            }
        ],
    )
    ids = Dataset.open(tiny_dataset).ids
    split = Split(
        "tiny", "random", 2, 0, 0, tuple(ids[:2]), tuple(ids[2:3]) if validates else (), tuple(ids[3:]), ()
    )
    job = task(tiny_dataset, "a", card, split)
    train(job)
    history = read_csv(job.out / "history.csv")
    assert [float(row["lr"]) for row in history] == [0.01, 0.01, 0.01, 0.005, 0.005, 0.0025]
    assert read_json(job.out / "train.json")["steps"] == 12


# --- trainings that start from another -------------------------------------------------------------------------------


def without_images(folder: Path) -> Split:
    return Split("tiny", "random", 0, 0, 0, (), (), tuple(Dataset.open(folder).ids), ())


def test_a_training_begins_where_another_ended(tiny_dataset):
    first = task(tiny_dataset, "first")
    train(first)
    # Steps of no length: what comes out is what went in.
    still = [{"steps": 2, "batch": 2, "crop": [24, 24], "lr": 1e-30}]
    second = task(tiny_dataset, "second", method(stages=still), start=first.out)
    train(second)
    assert all(np.array_equal(array, weights(second.out)[name]) for name, array in weights(first.out).items())
    assert read_json(second.out / "train.json")["weights"] == f"starts from {first.trial}"


def test_without_training_images_it_ends_where_it_starts(tiny_dataset):
    first = task(tiny_dataset, "first")
    train(first)
    second = task(tiny_dataset, "second", split=without_images(tiny_dataset), start=first.out)
    train(second)
    assert (first.out / "model.safetensors").read_bytes() == (second.out / "model.safetensors").read_bytes()
    record = read_json(second.out / "train.json")
    assert (record["status"], record["steps"], record["seconds"]) == ("ok", 0, 0)
    assert read_csv(second.out / "history.csv") == []


def test_a_start_that_cannot_be_used_is_told(tiny_dataset):
    with pytest.raises(Failure, match="with N = 0 there are none"):
        train(task(tiny_dataset, "alone", split=without_images(tiny_dataset)))
    first = task(tiny_dataset, "first")
    train(first)
    wider = method().model_copy(update={"options": {"widths": [8, 4, 4], "bottleneck": 8}})
    with pytest.raises(UserError, match="cannot start from another"):
        train(task(tiny_dataset, "wider", wider, start=first.out))
    write_train_failure(first.out, first.trial, "oom", "used it all")
    with pytest.raises(Failure, match="has no weights: used it all"):
        train(task(tiny_dataset, "second", start=first.out))
