"""A trial's score from what its method left behind, and a reason where there can be none."""

import numpy as np
import pytest
import tifffile

from dotbench.cards import load_dataset
from dotbench.contract.prediction import Prediction
from dotbench.contract.predictions import write_predict_failure, write_predictions
from dotbench.contract.trial import Trial
from dotbench.data.dataset import Dataset
from dotbench.data.splits import Split
from dotbench.files import read_csv, read_json, write_csv, write_json
from dotbench.score.metrics import game
from dotbench.score.numorph import numorph
from dotbench.score.trial import score_trial

TRIAL = Trial("tiny", "random", 2, 0, "net")


class Scene:
    """A tiny dataset of which half is the test, and a method that says what a test wants it to say."""

    def __init__(self, dataset_folder, folder, card, patch=None):
        self.dataset, self.folder, self.card = Dataset.open(dataset_folder), folder, card
        ids = self.dataset.ids
        self.split = Split("tiny", "random", 2, 0, 0, tuple(ids[:2]), (), tuple(ids[2:]), (), patch)

    def says(self, tell):
        samples = self.dataset.samples(self.split.test, patch=self.split.patch)
        predictions = {sample.id: tell(sample) for sample in samples}
        write_predictions(
            self.folder, TRIAL, predictions, {"seconds": {"train": 3.0, "predict": 1.0}, "parameters": 7}
        )
        return self.score()

    def score(self):
        score_trial(TRIAL, self.folder, self.split, self.dataset, self.card)
        return read_json(self.folder / "metrics.json")


def perfect(sample):
    return Prediction(len(sample.dots), sample.dots, np.ones(len(sample.dots)))


@pytest.fixture
def scene(tiny_dataset, tmp_path):
    return Scene(tiny_dataset, tmp_path / "trial", load_dataset("vgg"))


@pytest.fixture
def volumes(tiny_volumes, tmp_path):
    return Scene(tiny_volumes, tmp_path / "trial", load_dataset("bbbc050"))


def test_the_truth_scores_full(scene):
    found = scene.says(perfect)
    assert found["status"] == "ok" and found["images"] == 4
    assert found["mae"]["value"] == 0 and found["f1"]["value"] == 1 and found["game3"]["value"] == 0
    assert set(found["f1_curve"]["f1"]) == {1}
    assert found["cost"] == {"train_seconds": 3.0, "predict_seconds": 1.0, "device": None, "parameters": 7}


def test_hits_end_at_the_radius_of_the_card(scene):
    def beside(by):
        return lambda sample: Prediction(len(sample.dots), sample.dots[:1] + [by, 0], np.ones(1))

    assert scene.says(beside(4.9))["precision"]["value"] == 1
    # Another dot may be near by chance; of the one that was moved away nothing is left within 5 pixels.
    curve = scene.says(beside(0.5))["f1_curve"]
    assert curve["precision"][curve["radii"].index(1.0)] == 1
    assert scene.says(beside(-500))["precision"]["value"] == 0


def test_counts_and_dots_are_judged_apart(scene):
    found = scene.says(
        lambda sample: Prediction(len(sample.dots) + 2, sample.dots, np.ones(len(sample.dots)))
    )
    assert found["mae"]["value"] == 2 and found["bias"]["value"] == 2 and found["f1"]["value"] == 1


def test_counts_without_dots_have_no_f1(scene):
    found = scene.says(lambda sample: Prediction(5.0, np.empty((0, 2)), np.empty(0)))
    assert "f1" not in found and found["f1_curve"] is None and found["mae"]["value"] is not None


def test_patches_add_up_to_their_images(tiny_dataset, tmp_path):
    scene = Scene(tiny_dataset, tmp_path / "trial", load_dataset("vgg"), patch=(24, 24))
    found = scene.says(
        lambda sample: Prediction(len(sample.dots) + 1, sample.dots, np.ones(len(sample.dots)))
    )
    patches = len(read_csv(scene.folder / "per_image.csv"))
    assert found["images"] == patches == 4 * 2 * 2
    assert found["mae"]["value"] == 1
    assert found["per_image_of_patches"]["mae"]["value"] == 4


def test_dots_that_meet_across_a_cut_hit_in_the_whole_image(tiny_dataset, tmp_path):
    scene = Scene(tiny_dataset, tmp_path / "trial", load_dataset("vgg"), patch=(24, 24))

    def beyond_the_cut(sample):
        """Every dot 3 px to the right; those that leave their patch are told by the patch all the same."""
        return Prediction(len(sample.dots), sample.dots + [0, 3.0], np.ones(len(sample.dots)))

    found = scene.says(beyond_the_cut)["per_image_of_patches"]
    assert found["images"] == 4 and found["f1"]["value"] == 1
    whole = [scene.dataset.sample(image) for image in scene.split.test]
    parts = [game(sample.dots, sample.dots + [0, 3.0], (48, 40))["game3"] for sample in whole]
    assert found["game3"]["value"] == np.mean(parts)


def test_outside_the_annotated_region_nothing_counts(scene):
    roi = np.zeros((48, 40), np.uint8)
    roi[:, :20] = 1
    (scene.dataset.folder / "roi").mkdir()
    for image in scene.dataset.ids:
        tifffile.imwrite(scene.dataset.folder / "roi" / f"{image}.tif", roi)
    inside = {image: (scene.dataset.dots(image)[:, 1] < 19.5).sum() for image in scene.split.test}
    found = scene.says(lambda sample: Prediction(inside[sample.id], sample.dots, np.ones(len(sample.dots))))
    assert found["f1"]["value"] == 1 and found["mae"]["value"] == 0
    assert found["tp"] == sum(inside.values()) and found["fp"] == found["fn"] == 0


def test_a_detector_that_finds_nothing_is_not_silent(scene):
    scene.says(lambda sample: Prediction(5.0, np.empty((0, 2)), np.empty(0)))
    run = read_json(scene.folder / "run.json")
    write_json(scene.folder / "run.json", run | {"card": {"detect": {"how": "local_maxima"}}})
    found = scene.score()
    assert found["f1"]["value"] == 0 and found["precision"]["value"] is None


def test_in_3d_a_hit_lies_in_the_nucleus_and_each_can_be_hit_once(volumes):
    found = volumes.says(perfect)
    assert found["f1"]["value"] == 1 and found["numorph_f1"] is not None
    twice = volumes.says(
        lambda s: Prediction(2 * len(s.dots), np.repeat(s.dots, 2, axis=0), np.ones(2 * len(s.dots)))
    )
    assert twice["precision"]["value"] == 0.5 and twice["recall"]["value"] == 1


def test_numorph_s_rule_on_a_volume_drawn_by_hand():
    labels = np.zeros((9, 9, 60), int)
    labels[0, 0, 0], labels[8, 8, 59] = 98, 99  # the corners of the annotation; at its border, so ignored
    for number, x in enumerate((10, 20, 30, 40), start=1):
        labels[3:6, 3:6, x : x + 3] = number
    # One hit, two hits in one nucleus, two nuclei missed, one dot on the background.
    dots = np.array([[4, 4, 11], [4, 4, 20], [4, 4, 21], [4, 4, 50]], float)
    found = numorph([(labels, dots)])
    # Missing are 2, double hits only count against the precision: correct / (correct + multiple + empty).
    assert found["precision"] == pytest.approx(1 / 3)
    assert found["recall"] == pytest.approx(1 / 3)
    # A volume without a single detection has no precision, and a recall of 0 that is not left out.
    both = numorph([(labels, dots), (labels, np.empty((0, 3)))])
    assert both["precision"] == pytest.approx(1 / 3)
    assert both["recall"] == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows[:-1], "no count of 1 test images"),
        (lambda rows: [*rows, rows[0]], "a second count of"),
        (lambda rows: [*rows, {"image": "elsewhere", "count": 1}], "not in the test set"),
        (lambda rows: [rows[0] | {"count": "nan"}, *rows[1:]], "'nan', not a number"),
        (lambda rows: [rows[0] | {"count": "many"}, *rows[1:]], "'many', not a number"),
        (lambda rows: [rows[0] | {"count": "inf"}, *rows[1:]], "'inf', not a number"),
        (lambda rows: [rows[0] | {"count": -0.5}, *rows[1:]], "is -0.5, less than nothing"),
    ],
)
def test_wrong_counts_become_the_trial_s_status(scene, change, says):
    scene.says(perfect)
    rows = read_csv(scene.folder / "counts.csv")
    write_csv(scene.folder / "counts.csv", ("image", "count"), change(rows))
    found = scene.score()
    assert found["status"] == "error" and says in found["reason"]


@pytest.mark.parametrize(
    ("file", "content", "status", "says"),
    [
        ("counts.csv", None, "error", "counts.csv is missing"),
        ("dots.csv", None, "error", "dots.csv is missing"),
        (
            "dots.csv",
            "image,z,y,x,score\nimg002,0,nan,1,1\n",
            "error",
            "dots.csv:2: y of a dot in img002 is 'nan'",
        ),
        ("dots.csv", "image,z,y,x,score\nimg000,0,1,1,1\n", "error", "img000, which is not in the test set"),
        ("dots.csv", "image,z,y,x,score\nimg002,0,1\n", "error", "x of a dot in img002 is None"),
        ("counts.csv", "name,trials\nimg002,4\n", "error", "its columns are not image,count"),
        ("run.json", None, "not_run", "run.json is missing"),
        ("run.json", "{", "error", "cannot be read"),
        ("run.json", '{"status": "fine"}', "error", "status: Input should be"),
    ],
)
def test_broken_files_become_the_trial_s_status(scene, file, content, status, says):
    scene.says(perfect)
    (scene.folder / file).unlink() if content is None else (scene.folder / file).write_text(content)
    found = scene.score()
    assert found["status"] == status and says in found["reason"]
    assert "mae" not in found and read_csv(scene.folder / "per_image.csv") == []


@pytest.mark.parametrize("status", ["oom", "timeout", "missing_weights", "not_applicable"])
def test_a_failure_is_passed_on(scene, status):
    write_predict_failure(scene.folder, TRIAL, status, "why", "a.log")
    assert scene.score() == {"trial": str(TRIAL), "status": status, "reason": "why", "log": "a.log"}
