"""The shipped weights' figures, card and pictures: made right, and still true of the weights."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from scipy.stats import binomtest

import mnistcnn
from mnistcnn.recipes import FAST, Augmentation
from mnistcnn.weights.keras_file import save_model
from mnistcnn.weights.pretrained import (
    FOLDER,
    PRETRAINED,
    load_pretrained_weights,
    load_rejector_weights,
    read_pretrained,
    write_pretrained,
)
from tools.pretrained import figures as card_figures
from tools.pretrained import metrics, model_card, train_weights

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(params=PRETRAINED)
def shipped(request):
    return load_pretrained_weights(request.param).manifest


def drawn(count=300):
    """Probabilities of ten digits, and labels that they tell more often than not."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, count)
    logits = random.normal(size=(count, 10)) + 3 * np.eye(10)[labels]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return shares.astype(np.float32), labels


def sure(*rows):
    """Probabilities of two classes from (probability, answer) of each image."""
    shares = np.array([[p, 1 - p] if answer == 0 else [1 - p, p] for p, answer in rows])
    return shares, np.zeros(len(rows), int)


def made_up():
    """Figures of the form that `weights.py` measures, for 300 images."""
    probabilities, labels = drawn()
    figures = metrics.answer_figures(probabilities, probabilities, labels)
    figures["sound_labels"] |= {"images": 299, "left_out": [figures["mistakes"][0][0]]}

    def damaged(mean, level):
        shares = {f"damage {i}": [0.9, 0.8, 0.7, 0.6, level - i / 100] for i in range(7)}
        return {"strengths": [1, 2, 3, 4, 5], "mean": mean, "accuracy": shares}

    return figures | {
        "seeds": [[0, 250], [1, 260], [2, 255]],
        "temperature": {"mean": 1.25, "each": [1.2, 1.25, 1.3], "images": 100},
        "digits": metrics.accuracy_of(probabilities, labels) | {"ece": 0.0625},
        "plain": {
            "recipe": train_weights.PLAIN.to_dict(),
            "accuracy": 0.75,
            "robustness": damaged(0.65, 0.25),
        },
        "robustness": damaged(0.7, 0.5),
        "cost": {"parameters": 34_826, "file_bytes": 140_000, "multiply_adds": 7, "flop": 14},
    }


def of_robust():
    """Figures of another network on the same images, with one mistake less."""
    figures = made_up()
    figures["test"]["right"] += 1
    figures["test_accuracy"] = figures["test"]["right"] / 300
    figures["mistakes"] = figures["mistakes"][1:]
    figures["calibration"]["after"] |= {"loss": 0.375, "ece": 0.125}
    figures["digits"] |= {"right": 3, "ece": 0.25}
    figures["seeds"] = [[0, 270]]
    figures["temperature"] = {"mean": 1.5, "each": [1.5], "images": 100}
    figures["robustness"]["mean"] = 0.8
    figures["robustness"]["accuracy"]["damage 3"] = [1.0, 1.0, 1.0, 1.0, 0.75]
    return figures


SETS = {"best": made_up, "robust": of_robust}


@pytest.fixture
def manifests(network, tmp_path):
    recipes = {
        "best": FAST,
        "robust": dataclasses.replace(
            FAST,
            batch_size=64,
            label_smoothing=0.0,
            augmentation=Augmentation(rotation=7.5),
            teacher=dataclasses.replace(FAST, epochs=9),
            distillation_temperature=3.0,
        ),
    }
    return [
        write_pretrained(
            tmp_path,
            network.get_weights(),
            name=name,
            temperature=figures["temperature"]["mean"],
            recipe=recipes[name].to_dict(),
            seed=0,
            command="make weights",
            commit="a" * 40,
            versions=dict.fromkeys(["python", "mnistcnn", "keras", "tensorflow", "numpy"], "1.2"),
            data={"name": "mnist", "images": 60_000, "sha256": "b" * 64},
            metrics=figures,
        ).manifest
        for name, figures in ((name, make()) for name, make in SETS.items())
    ]


# Figures


def test_calibration_is_rounded_for_the_manifest():
    # Two answers at 0.9, one of them right, and two at 0.6, both right.
    given = sure((0.9, 0), (0.9, 1), (0.6, 0), (0.6, 0))
    found = metrics.calibration(mnistcnn.Evaluation.from_probabilities(*given))
    assert found["ece"] == pytest.approx((0.8 + 0.8) / 4)
    assert len(found["reliability"]) == metrics.NUM_BINS
    assert [row for row in found["reliability"] if row[0]] == [[2, 0.6, 2], [2, 0.9, 1]]
    assert found["reliability"][0] == [0, 0.0, 0]
    assert found["loss"] == round(-(np.log(0.9) + np.log(0.1) + 2 * np.log(0.6)) / 4, 5)


@pytest.mark.parametrize(("right", "images"), [(9, 10), (10, 10), (0, 3), (9_960, 10_000)])
def test_the_interval_is_scipys(right, images):
    given = sure(*[(0.9, 0)] * right, *[(0.9, 1)] * (images - right))
    found = metrics.accuracy_of(*given)
    expected = binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert (found["right"], found["images"]) == (right, images)
    assert found["interval"] == pytest.approx([expected.low, expected.high], abs=1e-5)


def test_figures_of_each_digit():
    probabilities = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.1, 0.9, 0], [0.6, 0.4, 0]])
    result = mnistcnn.Evaluation.from_probabilities(probabilities, [0, 0, 1, 1])
    assert metrics.per_digit(result) == {
        "images": [2, 2, 0],
        "precision": [0.66667, 1.0, 0.0],
        "recall": [1.0, 0.5, 0.0],
        "f1": [0.8, 0.66667, 0.0],
    }


def test_mistakes_are_index_label_answer_and_probability():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.25, 0.75]])
    result = mnistcnn.Evaluation.from_probabilities(probabilities, [0, 1, 0])
    assert metrics.mistakes(result) == [
        [1, 1, 0, 0.8],
        [2, 0, 1, 0.75],
    ]


def test_images_in_doubt_are_left_out():
    labels = np.zeros(1_000, int)
    probabilities = np.tile([0.9, 0.1], (1_000, 1))
    probabilities[[3, 947]] = [0.2, 0.8]
    found = metrics.answer_figures(probabilities, probabilities, labels)
    assert (found["test"]["images"], found["test"]["right"]) == (1_000, 998)
    assert (found["sound_labels"]["images"], found["sound_labels"]["right"]) == (999, 998)
    assert len(found["sound_labels"]["left_out"]) == 15


def test_the_cost_is_that_of_the_layers(network):
    assert metrics.cost(network, file_bytes=3) == {
        "parameters": 34_826,
        "file_bytes": 3,
        "multiply_adds": 26 * 26 * 32 * 9 + 11 * 11 * 64 * 9 * 32 + 1_600 * 10,
        "flop": 4_881_920,
    }


def test_robustness_counts_right_answers(monkeypatch, digits):
    class Bright:
        """Answers 1 where a picture is brighter than half on average, else 0."""

        def predict(self, x, **more):
            return np.eye(10)[(x.mean(axis=(1, 2, 3)) > 0.5).astype(int)]

    few = {name: metrics.CORRUPTIONS[name] for name in ("brightness", "contrast")}
    monkeypatch.setattr(metrics, "CORRUPTIONS", few)
    images = digits.test.images[:20]

    class Dark(Bright):
        """Answers the other way round."""

        def predict(self, x, **more):
            return super().predict(x)[:, [1, 0]]

    networks = {"one": Bright(), "other": Dark()}
    found = metrics.robustness(networks, images, np.ones(20, int))
    assert list(found) == ["one", "other"]
    one, other = found.values()
    assert one["strengths"] == [1, 2, 3, 4, 5]
    assert one["accuracy"]["brightness"][-2:] == [1, 1]
    assert one["accuracy"]["contrast"] == [0] * 5
    assert one["mean"] == pytest.approx(np.mean(one["accuracy"]["brightness"]) / 2, abs=1e-5)
    assert other["accuracy"]["contrast"] == [1] * 5
    assert one["mean"] + other["mean"] == pytest.approx(1)


# The card


def flat(text):
    return " ".join(text.split())


def test_the_card_tells_the_manifests_numbers(manifests):
    text = model_card.card(manifests)
    best = manifests[0].metrics
    right, low = best["test"]["right"], 100 * best["test"]["interval"][0]
    mean = f"{right / 3:.2f} %"
    assert f"| `best` | clean digits | {right} | {mean} | {low:.2f} % to" in text
    assert f"| `robust` | damaged digits | {right + 1} | {(right + 1) / 3:.2f} % | " in text
    assert "| plain training |  |  | 75.00 % |  | 65.00 % |" in text
    assert f"| test images | `best` | {right} of 300 | {mean} | " in text
    assert f"| test images | `robust` | {right + 1} of 300 | {(right + 1) / 3:.2f} % | " in text
    assert "| scikit-learn's digits | `robust` | 3 of 300 | 1.00 % | " in text
    assert text.count(f"| 3 | {best['test']['per_digit']['images'][3]} | ") == 2
    words = flat(text)
    assert "by a temperature (Guo and others, 2017): 1.250 (`best`) and 1.500 (`robust`)." in words
    assert (
        "trained on 59,900 training images; each temperature was fitted on the other 100" in words
    )
    assert (
        "For `best`: 3 networks, 1.200, 1.250 and 1.300. For `robust`: one network, 1.500" in words
    )
    assert "`best` is the first of 3: seeds 0, 1 and 2 read 250, 260 and 255 of 300" in words
    assert "Of `robust` seed 0 alone was trained on all images." in words
    assert "calibration error is 6.25 % (`best`) and 25.00 % (`robust`)" in words
    assert "For 1 of them most of the people" in words
    assert "at most 99.67 % can be reached" in words


def test_the_card_has_a_column_for_each_network(manifests):
    text = model_card.card(manifests)
    before, after = (manifests[0].metrics["calibration"][side] for side in ("before", "after"))
    assert (
        f"| loss | {before['loss']:.4f} | {after['loss']:.4f} | {before['loss']:.4f} | 0.3750 |"
        in text
    )
    ece = f"{100 * before['ece']:.2f} %"
    assert f"| expected calibration error | {ece} | {100 * after['ece']:.2f} % | {ece} | " in text
    means = "|  | `best`, mean | `robust`, mean | plain, mean | "
    assert means + "`best`, strength 5 | `robust`, strength 5 | plain, strength 5 |" in text
    assert "| damage 2 | 69.6 % | 69.6 % | 64.6 % | 48.0 % | 48.0 % | 23.0 % |" in text
    assert "| damage 3 | 69.4 % | 95.0 % | 64.4 % | 47.0 % | 75.0 % | 22.0 % |" in text
    assert "| **all** | **70.0 %** | **80.0 %** | **65.0 %** | **47.0 %** | **51.0 %** | " in text


def test_the_card_tells_both_recipes(manifests):
    text = model_card.card(manifests)
    assert "| setting | `best` | `robust` |" in text
    assert "| `batch_size` | 128 | 64 |" in text
    assert "| `label_smoothing` | 0.1 | 0 |" in text
    assert "| `augmentation.rotation` |  | 7.5 |" in text
    assert "| `teacher.epochs` |  | 9 |" in text
    assert "| `distillation_temperature` |  | 3 |" in text  # without a teacher it does nothing
    made = "seed 0, which was fixed before training, sources"
    assert f"`best` and `robust`: {made} `{'a' * 40}`, with Keras 1.2, " in flat(text)
    other = dataclasses.replace(manifests[1], commit="c" * 40)
    text = flat(model_card.card([manifests[0], other]))
    assert f"`best`: {made} `{'a' * 40}`" in text
    assert f"`robust`: {made} `{'c' * 40}`" in text
    for unused in (
        "monitor",
        "patience",
        "teacher.distillation_temperature",
        "teacher.name",
        "teacher.teacher",
    ):
        assert unused not in text


def test_the_card_lists_every_mistake(manifests):
    text = model_card.card(manifests)
    best, robust = text.partition("## Mistakes")[2].split("\n`robust` makes ")
    for manifest, part in zip(manifests, (best, robust), strict=True):
        mistakes = manifest.metrics["mistakes"]
        (doubted,) = manifest.metrics["sound_labels"]["left_out"]
        for index, _, answer, probability in mistakes:
            mark = r"\*" if index == doubted else ""
            assert f"{answer} ({index}{mark}, {100 * probability:.0f} %)" in part
        assert part.count("(") >= len(mistakes)
    count = len(manifests[0].metrics["mistakes"])
    assert f"`best` makes {count}, 1 of them with a label in doubt." in best
    assert robust.startswith(f"{count - 1}, 0 of them with a label in doubt.")
    manifests[1].metrics["mistakes"] = []
    assert "`robust` makes 0, 0 of them" in model_card.card(manifests)


def test_the_card_has_no_gaps_and_no_long_prose(manifests):
    text = model_card.card(manifests)
    assert "{" not in text
    assert "None" not in text
    prose = [line for line in text.splitlines() if not line.startswith(("|", "```"))]
    assert max(map(len, prose)) <= 100
    assert text.isascii() or "\N{REPLACEMENT CHARACTER}" not in text
    marks = ["robustness"]
    marks += [f"{kind}-{name}" for kind in ("calibration", "mistakes") for name in PRETRAINED]
    assert text.count("<!-- picture: ") == len(marks)
    page = (ROOT / "docs/explanation/model-card.md").read_text()
    for mark in marks:
        assert text.count(f"\n\n<!-- picture: {mark} -->\n") == 1
        assert page.count(f'"<!-- picture: {mark} -->"') == 2  # ends one part, begins another
        assert f"](../images/{mark}.png)" in page


def test_the_cards_first_lines_are_metadata(manifests):
    yaml = pytest.importorskip("yaml", reason="comes with the docs' tools")
    _, first, _ = model_card.card(manifests).split("---\n", 2)
    said = yaml.safe_load(first)
    assert (said["license"], said["library_name"]) == ("mit", "keras")
    assert [entry["name"] for entry in said["model-index"]] == ["mnistcnn-best", "mnistcnn-robust"]
    for manifest, entry in zip(manifests, said["model-index"], strict=True):
        (result,) = entry["results"]
        assert result["dataset"]["type"] in said["datasets"]
        metrics = {metric["type"]: metric["value"] for metric in result["metrics"]}
        assert metrics == {
            "accuracy": manifest.metrics["test_accuracy"],
            "loss": manifest.metrics["calibration"]["after"]["loss"],
            "ece": manifest.metrics["calibration"]["after"]["ece"],
        }


@pytest.mark.parametrize(
    ("again", "sentence"),
    [
        (dict(equal=True, largest=0.0, answers=0), "`robust` came out equal to the bit."),
        (dict(equal=False, largest=1e-4, answers=2), "at most 0.0001, and 2 of 300 answers"),
    ],
)
def test_the_card_says_how_equal_a_second_training_is(manifests, again, sentence):
    assert "Trained a second time" not in model_card.card(manifests)
    manifests[1].metrics["again"] = again
    assert sentence in flat(model_card.card(manifests))


def test_what_the_card_says_once_must_be_true_of_both(manifests):
    manifests[1].metrics["plain"]["accuracy"] = 0.5
    with pytest.raises(ValueError, match="^the sets must agree on plain; received "):
        model_card.card(manifests)


def test_the_shipped_card_is_what_its_manifests_give():
    shipped = (FOLDER / model_card.NAME).read_text(encoding="utf-8")
    sets = [load_pretrained_weights(name).manifest for name in PRETRAINED]
    assert shipped == model_card.card(sets, load_rejector_weights().manifest)


def test_the_card_tells_of_the_detector(manifests):
    detector = load_rejector_weights().manifest
    card = model_card.card(manifests, detector)
    section = card.partition(model_card.DETECTOR_HEAD)[2].partition("\n## ")[0]
    assert f"{detector.data['images']:,} glyphs" in flat(section)
    assert f"{detector.temperature:.3f}" in section
    assert detector.data["sha256"] in section
    for name in ("digits", "no_digits", "no_digits_cut"):
        for row in detector.metrics[name].values():
            shares = " | ".join(f"{100 * share:.1f} %" for share in row["left"])
            assert f"| {row['glyphs']:,} | {shares} |" in section
    assert model_card.DETECTOR_HEAD not in model_card.card(manifests)


# Pictures


def test_every_mistake_is_in_the_gallery():
    figures = made_up()
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8)
    figure = card_figures.draw_mistakes(figures, images)
    shown = [axes for axes in figure.axes if axes.get_images()]
    rows = sorted(figures["mistakes"], key=lambda row: -row[3])
    assert len(shown) == len(rows) > 8
    assert f"All {len(rows)} mistakes" in figure.get_suptitle()
    for axes, (index, label, answer, probability) in zip(shown, rows, strict=True):
        (image,) = axes.get_images()
        assert np.array_equal(image.get_array(), images[index])
        marked = index in figures["sound_labels"]["left_out"]
        assert axes.get_title() == f"label {label}{'*' if marked else ''}, read {answer}"
        assert axes.get_xlabel() == f"{100 * probability:.0f} %, image {index}"
        framed = to_hex(axes.spines["top"].get_edgecolor()).upper() == figures.VERMILION
        assert framed == marked


def test_a_gallery_without_mistakes_is_empty():
    figures = made_up() | {"mistakes": []}
    figure = card_figures.draw_mistakes(figures, np.zeros((1, 28, 28), np.uint8))
    assert not any(axes.get_images() for axes in figure.axes)


def test_robustness_has_a_panel_for_each_damage_and_a_curve_for_each_network():
    sets = {name: make() for name, make in SETS.items()}
    figure = card_figures.draw_robustness(sets)
    panels = [axes for axes in figure.axes if axes.get_lines()]
    assert [axes.get_title() for axes in panels] == [f"damage {i}" for i in range(7)]
    expected = [sets["best"], sets["robust"], sets["best"]["plain"]]
    for axes in panels:
        curves = axes.get_lines()
        for curve, figures in zip(curves, expected, strict=True):
            assert curve.get_xdata().tolist() == [1, 2, 3, 4, 5]
            assert list(curve.get_ydata()) == figures["robustness"]["accuracy"][axes.get_title()]
        # Told apart without colour as well.
        for what in ("get_linestyle", "get_marker", "get_color"):
            assert len({getattr(curve, what)() for curve in curves}) == 3
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["best, mean 70.0 %", "robust, mean 80.0 %", "plain training, mean 65.0 %"]


def test_each_set_has_its_pictures():
    sets = {name: make() for name, make in SETS.items()}
    drawn = card_figures.pictures(sets, np.zeros((300, 28, 28), np.uint8))
    assert sorted(drawn) == [
        "calibration-best.png", "calibration-robust.png",
        "mistakes-best.png", "mistakes-robust.png", "robustness.png",
    ]  # fmt: skip
    for name, figures in sets.items():
        suptitle = drawn[f"mistakes-{name}.png"].get_suptitle()
        assert f"All {len(figures['mistakes'])} mistakes" in suptitle
        title = drawn[f"calibration-{name}.png"].axes[1].get_title()
        assert f"{100 * figures['calibration']['after']['ece']:.2f} %" in title


def test_calibration_shows_every_bin_that_has_images():
    figures = made_up()
    figure = card_figures.draw_calibration_figure(figures)
    for axes, name in zip(figure.axes[:2], ("before", "after"), strict=True):
        part = figures["calibration"][name]
        filled = [row for row in part["reliability"] if row[0]]
        *_, points = axes.get_lines()
        assert list(points.get_xdata()) == [row[1] for row in filled]
        assert list(points.get_ydata()) == [row[2] / row[0] for row in filled]
        assert f"{100 * part['ece']:.2f} %" in axes.get_title()
    for axes in figure.axes[2:]:
        assert sum(bar.get_height() for bar in axes.patches) == 300


# The program


@pytest.fixture
def program(monkeypatch, write_npz, digits, network, tmp_path):
    """Run the program on digits in place of MNIST; one damage and files in place of trainings."""
    damage = {"contrast": metrics.CORRUPTIONS["contrast"]}
    monkeypatch.setattr(metrics, "CORRUPTIONS", damage)
    monkeypatch.setattr(train_weights, "OUT", tmp_path / "trained")
    # An untrained network errs on most of them, and each mistake is drawn.
    few = mnistcnn.Dataset(digits.train, mnistcnn.Split(*(a[:40] for a in digits.test)))
    monkeypatch.setenv("MNISTCNN_DATA", str(write_npz(few)))
    for seed, folder in enumerate(["given", "others"]):
        (tmp_path / folder).mkdir()
        save_model(mnistcnn.build_model(seed=seed), tmp_path / folder / "best-0.keras")
        save_model(mnistcnn.build_model(seed=2), tmp_path / folder / "robust-0.keras")
    save_model(network, tmp_path / "given" / "plain.keras")
    accuracy = {
        "versions": {"keras": "3.99"},
        "held_out_images": 10_000,
        "sets": {
            name: {
                "recipe": FAST.to_dict(),
                "test": [{"seed": seed, "right": first + seed} for seed in range(5)],
                "held_out": [{"seed": s, "temperature": warmth + s / 10} for s in range(3)],
            }
            for name, first, warmth in (("best", 40, 1.1), ("robust", 20, 2.1))
        },
    }
    (tmp_path / "accuracy.json").write_text(json.dumps(accuracy))

    def run(*words):
        always = ["--accuracy", "accuracy.json", "--output", "out"]
        monkeypatch.setattr("sys.argv", ["weights.py", *always, *words])
        train_weights.main()
        return tmp_path / "out"

    return run


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_program_writes_weights_card_and_pictures(program, network, capsys):
    folder = program("--quick", "--from", "given", "--again", "given")
    assert sorted(contents(folder)) == [
        "MODEL_CARD.md", "best.json", "best.safetensors",
        "calibration-best.png", "calibration-robust.png",
        "mistakes-best.png", "mistakes-robust.png",
        "robust.json", "robust.safetensors", "robustness.png",
    ]  # fmt: skip
    best, robust = (read_pretrained(folder, name) for name in PRETRAINED)
    assert all(map(np.array_equal, best.arrays.values(), network.get_weights()))
    assert not np.array_equal(robust.arrays["conv1.kernel"], best.arrays["conv1.kernel"])
    assert (best.manifest.temperature, robust.manifest.temperature) == (1.2, 2.2)
    for manifest, first in ((best.manifest, 40), (robust.manifest, 20)):
        figures = manifest.metrics
        assert manifest.versions["keras"] == "3.99"
        assert manifest.data["images"] == 1_000
        assert figures["test"]["images"] == 40
        assert figures["seeds"][1] == [1, first + 1]
        assert figures["digits"]["images"] == 1_797
        assert figures["again"] == {"equal": True, "largest": 0.0, "answers": 0}
        assert figures["cost"]["file_bytes"] == (folder / manifest.file).stat().st_size
    # The plain network is the one that `best` is here.
    plain = best.manifest.metrics["plain"]
    assert plain == robust.manifest.metrics["plain"]
    assert plain["accuracy"] == best.manifest.metrics["test_accuracy"]
    assert plain["robustness"] == best.manifest.metrics["robustness"]
    assert plain["robustness"] != robust.manifest.metrics["robustness"]
    printed = capsys.readouterr().out
    assert f"robust: {robust.manifest.metrics['test']['right']} test images right\n" in printed
    written = contents(folder)

    for path in folder.glob("*.png"):
        path.unlink()
    (folder / "MODEL_CARD.md").write_text("old")
    program("--redraw")
    assert contents(folder) == written

    capsys.readouterr()
    program("--quick", "--compare", "--again", "given")
    assert capsys.readouterr().out == "best: Equal to the bit.\nrobust: Equal to the bit.\n"
    program("--quick", "--compare", "--again", "others")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("best: Not equal: weights differ by at most 0.")
    assert second == "robust: Equal to the bit."
    assert contents(folder) == written
    assert plt.get_fignums() == []


def test_one_set_alone_leaves_the_other(program):
    folder = program("--quick", "--from", "given")
    before = contents(folder)
    # No plain network there: its figures are those that the other set has.
    program("--quick", "--from", "others", "--only", "best")
    after = contents(folder)
    changed = {name for name in after if after[name] != before[name]}
    # What is asked of an untrained network about its calibration is drawn from figures alone.
    assert {"MODEL_CARD.md", "best.json", "best.safetensors", "robustness.png"} <= changed
    assert not [name for name in changed if name.startswith("robust.") or "-robust" in name]
    best, robust = (read_pretrained(folder, name).manifest.metrics for name in PRETRAINED)
    assert best["plain"] == robust["plain"]


def test_the_program_trains_what_it_is_not_given(program, monkeypatch, tmp_path):
    """The recipes and the plain one, with the seed that is fixed; and keeps the networks."""
    seen = []

    def train(model, x, y, *, recipe, seed, **more):
        seen.append((recipe.name, seed, len(x)))

    monkeypatch.setattr(mnistcnn, "train", train)
    monkeypatch.setattr(train_weights, "_TIES", 1_000)
    monkeypatch.setattr(
        train_weights.recipes, "get", lambda name: dataclasses.replace(FAST, name=name)
    )
    described = json.loads((tmp_path / "accuracy.json").read_text())
    for name, part in described["sets"].items():
        part["recipe"]["name"] = name
    (tmp_path / "accuracy.json").write_text(json.dumps(described))
    program()
    assert seen == [("best", 0, 1_442), ("robust", 0, 1_442), ("plain", 0, 1_442)]
    kept = sorted(contents(tmp_path / "trained"))
    assert kept == ["best-0.keras", "plain.keras", "robust-0.keras"]
    program("--from", "trained")
    assert len(seen) == 3


def test_the_program_takes_no_other_network(program, monkeypatch):
    program("--quick", "--from", "given")
    monkeypatch.setattr(train_weights.recipes, "get", lambda name: FAST)
    monkeypatch.setattr(train_weights, "_TIES", -1)
    with pytest.raises(SystemExit, match="best must read 40 test images right, as accuracy"):
        program("--from", "given")
    with pytest.raises(SystemExit, match="robust must read 20 test images right, as accuracy"):
        program("--only", "robust", "--from", "given")
    monkeypatch.setattr(train_weights.recipes, "get", lambda name: train_weights.PLAIN)
    with pytest.raises(SystemExit, match="^accuracy.json must be of the recipe 'best' as it is"):
        program("--from", "given")


def test_the_program_says_what_is_missing(program, monkeypatch, capsys, tmp_path):
    with pytest.raises(SystemExit, match="^none.json is absent; make it with: python benchmarks/"):
        program("--quick", "--accuracy", "none.json")
    with pytest.raises(SystemExit, match="^out/robust.json is absent; make both sets with: make "):
        program("--quick", "--from", "given", "--only", "best")
    with pytest.raises(SystemExit, match="^out/best.json is absent; make both sets with: make "):
        program("--redraw")
    described = json.loads((tmp_path / "accuracy.json").read_text())
    described["sets"]["robust"]["test"] = []
    (tmp_path / "accuracy.json").write_text(json.dumps(described))
    with pytest.raises(
        SystemExit,
        match="^accuracy.json lacks figures of 'robust'; measure them with: "
        "python -m benchmarks.accuracy.accuracy --only test held_out --recipe robust$",
    ):
        program("--quick", "--from", "given")
    monkeypatch.setattr("sys.argv", ["weights.py", "--quick"])
    with pytest.raises(SystemExit):
        train_weights.main()
    assert "--quick must have an --output; received none" in capsys.readouterr().err


# What the manifests say of the shipped weights


@pytest.mark.mnist
def test_the_manifest_tells_the_true_figures(mnist_path, shipped):
    _, (images, labels) = mnistcnn.load_data(mnist_path)
    trained, calibrated = (
        metrics.probabilities_of(mnistcnn.load_pretrained(shipped.name, calibrated=value), images)
        for value in (False, True)
    )
    found = metrics.answer_figures(trained, calibrated, labels)
    told = shipped.metrics
    assert found["test_accuracy"] == told["test_accuracy"]
    assert found["test"] == told["test"]
    assert found["sound_labels"] == told["sound_labels"]
    assert found["sound_labels"]["images"] == 9_985
    assert [row[:3] for row in found["mistakes"]] == [row[:3] for row in told["mistakes"]]
    for side in ("before", "after"):
        for name in ("loss", "ece"):
            # The last digit that is written down may be rounded the other way.
            assert found["calibration"][side][name] == pytest.approx(
                told["calibration"][side][name], abs=1.5e-5
            )


def test_the_manifest_tells_the_true_accuracy_on_the_digits_of_scikit_learn(digits, shipped):
    images, labels = (np.concatenate(parts) for parts in zip(*digits, strict=True))
    model = mnistcnn.load_pretrained(shipped.name)
    found = metrics.accuracy_of(metrics.probabilities_of(model, images), labels)
    told = shipped.metrics["digits"]
    assert {name: told[name] for name in found} == found


def test_the_manifest_agrees_with_itself(network, shipped):
    figures = shipped.metrics
    assert shipped.recipe["name"] == shipped.name
    assert shipped.command == "make weights"
    assert figures["test"]["right"] == 10_000 - len(figures["mistakes"])
    assert figures["test_accuracy"] == figures["test"]["right"] / 10_000
    assert dict(figures["seeds"])[shipped.seed] == figures["test"]["right"]
    assert figures["temperature"]["mean"] == shipped.temperature
    size = (FOLDER / shipped.file).stat().st_size
    assert figures["cost"] == metrics.cost(network, file_bytes=size)
    for part in (figures, figures["plain"]):
        assert set(part["robustness"]["accuracy"]) == set(metrics.CORRUPTIONS)
