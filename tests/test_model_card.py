"""The shipped weights' figures, card and pictures: made right, and still true of the weights."""

import json

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from scipy.stats import binned_statistic, binomtest

import mnistcnn
import model_card
import weight_figures
import weight_pictures
import weights
from mnistcnn._assets import FOLDER, read_assets, read_shipped, write_assets
from mnistcnn.recipes import FAST

SHIPPED = read_shipped("best").manifest


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
    figures = weight_figures.answer_figures(probabilities, probabilities, labels)
    figures["sound_labels"]["left_out"] = [figures["mistakes"][0][0]]
    shares = {
        name: {f"damage {i}": [0.9, 0.8, 0.7, 0.6, level - i / 100] for i in range(7)}
        for name, level in (("best", 0.5), ("plain", 0.25))
    }
    return figures | {
        "seeds": [[0, 250], [1, 260], [2, 255]],
        "temperature": {"mean": 1.25, "each": [1.2, 1.25, 1.3], "images": 100},
        "digits": weight_figures.accuracy_of(probabilities, labels) | {"ece": 0.0625},
        "plain": {"recipe": weights.PLAIN.to_dict(), "accuracy": 0.75},
        "robustness": {
            "strengths": [1, 2, 3, 4, 5],
            "mean": {"best": 0.7, "plain": 0.65},
            "accuracy": shares,
        },
        "cost": {"parameters": 34_826, "file_bytes": 140_000, "multiply_adds": 7, "flop": 14},
    }


@pytest.fixture
def manifest(network, tmp_path):
    return write_assets(
        tmp_path,
        network.get_weights(),
        name="other",
        temperature=1.25,
        recipe=FAST.to_dict() | {"augmentation": {"rotation": 7.5}},
        seed=0,
        command="make weights",
        commit="a" * 40,
        versions=dict.fromkeys(["python", "mnistcnn", "keras", "tensorflow", "numpy"], "1.2"),
        data={"name": "mnist", "images": 60_000, "sha256": "b" * 64},
        figures=made_up(),
    ).manifest


# Figures


def test_the_calibration_error_of_a_hand_made_example():
    # Two answers at 0.9, one of them right, and two at 0.6, both right.
    given = sure((0.9, 0), (0.9, 1), (0.6, 0), (0.6, 0))
    assert weight_figures.expected_calibration_error(*given) == pytest.approx((0.8 + 0.8) / 4)
    assert weight_figures.expected_calibration_error(*sure((1.0, 0))) == 0
    assert weight_figures.expected_calibration_error(*sure((1.0, 1))) == 1


def test_the_calibration_error_is_scipys():
    probabilities, labels = drawn(2_000)
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    count, sureness, hits = (
        binned_statistic(top, values, how, bins=15, range=(0, 1)).statistic
        for values, how in ((None, "count"), (top, "sum"), (right, "sum"))
    )
    found = np.array(weight_figures.reliability(probabilities, labels))
    assert found[:, 0].tolist() == count.tolist()
    assert found[:, 2].tolist() == hits.tolist()
    assert weight_figures.expected_calibration_error(probabilities, labels) == pytest.approx(
        np.abs(sureness - hits).sum() / 2_000, abs=1e-6
    )


@pytest.mark.parametrize(("probability", "place"), [(1.0, 14), (0.95, 14), (0.8, 11), (0.81, 12)])
def test_a_bin_holds_its_upper_edge(probability, place):
    counts = [row[0] for row in weight_figures.reliability(*sure((probability, 0)))]
    assert counts == [int(i == place) for i in range(15)]


@pytest.mark.parametrize(("right", "images"), [(9, 10), (10, 10), (0, 3), (9_960, 10_000)])
def test_the_interval_is_scipys(right, images):
    given = sure(*[(0.9, 0)] * right, *[(0.9, 1)] * (images - right))
    found = weight_figures.accuracy_of(*given)
    expected = binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert (found["right"], found["images"]) == (right, images)
    assert found["interval"] == pytest.approx([expected.low, expected.high], abs=1e-5)


def test_figures_of_each_digit():
    probabilities = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.1, 0.9, 0], [0.6, 0.4, 0]])
    result = mnistcnn.Evaluation.from_probabilities(probabilities, [0, 0, 1, 1])
    assert weight_figures.per_digit(result) == {
        "images": [2, 2, 0],
        "precision": [0.66667, 1.0, 0.0],
        "recall": [1.0, 0.5, 0.0],
        "f1": [0.8, 0.66667, 0.0],
    }


def test_mistakes_are_index_label_answer_and_probability():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.25, 0.75]])
    assert weight_figures.mistakes(probabilities, np.array([0, 1, 0])) == [
        [1, 1, 0, 0.8],
        [2, 0, 1, 0.75],
    ]


def test_images_in_doubt_are_left_out():
    labels = np.zeros(1_000, int)
    probabilities = np.tile([0.9, 0.1], (1_000, 1))
    probabilities[[3, 947]] = [0.2, 0.8]
    found = weight_figures.answer_figures(probabilities, probabilities, labels)
    assert (found["test"]["images"], found["test"]["right"]) == (1_000, 998)
    assert (found["sound_labels"]["images"], found["sound_labels"]["right"]) == (999, 998)
    assert len(found["sound_labels"]["left_out"]) == 15


def test_the_cost_is_that_of_the_layers(network):
    assert weight_figures.cost(network, file_bytes=3) == {
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

    few = {name: weight_figures.CORRUPTIONS[name] for name in ("brightness", "contrast")}
    monkeypatch.setattr(weight_figures, "CORRUPTIONS", few)
    images = digits.test.images[:20]
    found = weight_figures.robustness({"one": Bright()}, images, np.ones(20, int))
    assert found["strengths"] == [1, 2, 3, 4, 5]
    assert found["accuracy"]["one"]["brightness"][-2:] == [1, 1]
    assert found["accuracy"]["one"]["contrast"] == [0] * 5
    assert found["mean"]["one"] == pytest.approx(
        np.mean(found["accuracy"]["one"]["brightness"]) / 2, abs=1e-5
    )


# The card


def test_the_card_tells_the_manifests_numbers(manifest):
    text = model_card.card(manifest)
    figures = manifest.figures
    right, mistakes = figures["test"]["right"], figures["mistakes"]
    assert f"| test images | {right} of 300 | {right / 3:.2f} % |" in text
    assert f"| 3 | {figures['test']['per_digit']['images'][3]} |" in text
    assert "the temperature 1.250" in text
    assert "trained on 59,900 training images" in " ".join(text.split())
    assert "seeds 0, 1 and 2 read 250, 260 and 255 of 300" in " ".join(text.split())
    assert "| `augmentation.rotation` | 7.5 |" in text
    assert "| damage 3 | 69.4 % | 64.4 % | 47.0 % | 22.0 % |" in text
    assert "monitor" not in text
    for index, _, answer, probability in mistakes:
        mark = r"\*" if index == mistakes[0][0] else ""
        assert f"{answer} ({index}{mark}, {100 * probability:.0f} %)" in text
    assert r"marked \* (1 of them)" in " ".join(text.split())


def test_the_card_has_no_gaps_and_no_long_prose(manifest):
    text = model_card.card(manifest)
    assert "{" not in text
    assert "None" not in text
    prose = [line for line in text.splitlines() if not line.startswith(("|", "```"))]
    assert max(map(len, prose)) <= 100
    assert text.isascii() or "\N{REPLACEMENT CHARACTER}" not in text
    for mark in ("calibration", "robustness", "mistakes"):
        assert text.count(f"\n<!-- picture: {mark} -->\n") == 1


def test_the_cards_first_lines_are_metadata(manifest):
    yaml = pytest.importorskip("yaml", reason="comes with the docs' tools")
    _, first, _ = model_card.card(manifest).split("---\n", 2)
    said = yaml.safe_load(first)
    assert (said["license"], said["library_name"]) == ("mit", "keras")
    (result,) = said["model-index"][0]["results"]
    assert result["dataset"]["type"] in said["datasets"]
    metrics = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert metrics == {
        "accuracy": manifest.figures["test_accuracy"],
        "loss": manifest.figures["calibration"]["after"]["loss"],
        "ece": manifest.figures["calibration"]["after"]["ece"],
    }


@pytest.mark.parametrize(
    ("again", "sentence"),
    [
        (None, "The same seed gives the same weights to the bit on the same machine"),
        (dict(equal=True, largest=0.0, answers=0), "it came out equal to the bit."),
        (dict(equal=False, largest=1e-4, answers=2), "at most 0.0001, and 2 of 300 answers"),
    ],
)
def test_the_card_says_how_equal_a_second_training_is(manifest, again, sentence):
    if again is not None:
        manifest.figures["again"] = again
    assert sentence in " ".join(model_card.card(manifest).split())


def test_the_shipped_card_is_what_its_manifest_gives():
    assert (FOLDER / model_card.NAME).read_text(encoding="utf-8") == model_card.card(SHIPPED)


# Pictures


def test_every_mistake_is_in_the_gallery():
    figures = made_up()
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8)
    figure = weight_pictures.draw_mistakes(figures, images)
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
        framed = to_hex(axes.spines["top"].get_edgecolor()).upper() == weight_pictures.VERMILION
        assert framed == marked


def test_a_gallery_without_mistakes_is_empty():
    figures = made_up() | {"mistakes": []}
    figure = weight_pictures.draw_mistakes(figures, np.zeros((1, 28, 28), np.uint8))
    assert not any(axes.get_images() for axes in figure.axes)


def test_robustness_has_a_panel_for_each_damage():
    figures = made_up()
    figure = weight_pictures.draw_robustness(figures)
    panels = [axes for axes in figure.axes if axes.get_lines()]
    assert [axes.get_title() for axes in panels] == [f"damage {i}" for i in range(7)]
    for axes in panels:
        best, plain = axes.get_lines()
        assert best.get_xdata().tolist() == [1, 2, 3, 4, 5]
        accuracy = figures["robustness"]["accuracy"]
        assert list(best.get_ydata()) == accuracy["best"][axes.get_title()]
        assert list(plain.get_ydata()) == accuracy["plain"][axes.get_title()]
        # Told apart without colour as well.
        assert best.get_linestyle() != plain.get_linestyle()
        assert best.get_marker() != plain.get_marker()
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["best, mean 70.0 %", "plain training, mean 65.0 %"]


def test_calibration_shows_every_bin_that_has_images():
    figures = made_up()
    figure = weight_pictures.draw_calibration(figures)
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
    few = {"contrast": weight_figures.CORRUPTIONS["contrast"]}
    monkeypatch.setattr(weight_figures, "CORRUPTIONS", few)
    monkeypatch.setenv("MNISTCNN_DATA", str(write_npz(digits)))
    network.save(tmp_path / "network.keras")
    mnistcnn.build_model(seed=1).save(tmp_path / "another.keras")
    temperatures = [{"seed": seed, "temperature": 1.1 + seed / 10} for seed in range(3)]
    accuracy = {
        "recipe": FAST.to_dict(),
        "versions": {"keras": "3.99"},
        "test": [{"seed": seed, "right": 40 + seed} for seed in range(5)],
        "held_out": {"images": 10_000, "best": temperatures},
    }
    (tmp_path / "accuracy.json").write_text(json.dumps(accuracy))

    def run(*words):
        always = ["--accuracy", "accuracy.json", "--output", "out"]
        monkeypatch.setattr("sys.argv", ["weights.py", *always, *words])
        weights.main()
        return tmp_path / "out"

    return run


def test_the_program_writes_weights_card_and_pictures(program, network, capsys):
    files = ["--from", "network.keras", "--plain", "another.keras"]
    folder = program("--quick", *files, "--again", "network.keras")
    assert sorted(path.name for path in folder.iterdir()) == [
        "MODEL_CARD.md", "best.json", "best.safetensors",
        "calibration.png", "mistakes.png", "robustness.png",
    ]  # fmt: skip
    assets = read_assets(folder, "best")
    assert all(map(np.array_equal, assets.arrays.values(), network.get_weights()))
    manifest = assets.manifest
    assert manifest.temperature == 1.2
    assert manifest.versions["keras"] == "3.99"
    assert manifest.data["images"] == 1_000
    assert manifest.figures["test"]["images"] == 355
    assert manifest.figures["digits"]["images"] == 1_797
    assert manifest.figures["again"] == {"equal": True, "largest": 0.0, "answers": 0}
    assert manifest.figures["cost"]["file_bytes"] == (folder / manifest.file).stat().st_size
    written = {path: path.read_bytes() for path in folder.iterdir()}

    for path in folder.glob("*.png"):
        path.unlink()
    (folder / "MODEL_CARD.md").write_text("old")
    program("--redraw")
    assert {path: path.read_bytes() for path in folder.iterdir()} == written

    capsys.readouterr()
    program("--quick", "--compare", "--again", "network.keras")
    assert capsys.readouterr().out == "Equal to the bit.\n"
    program("--quick", "--compare", "--again", "another.keras")
    assert "Not equal: weights differ by at most 0." in capsys.readouterr().out
    assert {path: path.read_bytes() for path in folder.iterdir()} == written
    assert plt.get_fignums() == []


def test_the_program_takes_no_other_network(program, monkeypatch):
    monkeypatch.setattr(weights.recipes, "find", lambda name: FAST)
    files = ["--from", "network.keras", "--plain", "another.keras"]
    monkeypatch.setattr(weights, "_TIES", -1)
    with pytest.raises(SystemExit, match="the network must read 40 test images right, as accuracy"):
        program(*files)
    monkeypatch.setattr(weights.recipes, "find", lambda name: weights.PLAIN)
    with pytest.raises(SystemExit, match="^accuracy.json must be of the recipe 'best' as it is"):
        program(*files)


def test_the_program_says_what_is_missing(program, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="^none.json is absent; make it with: python benchmarks/"):
        program("--quick", "--accuracy", "none.json")
    monkeypatch.setattr("sys.argv", ["weights.py", "--quick"])
    with pytest.raises(SystemExit):
        weights.main()
    assert "--quick must have an --output; received none" in capsys.readouterr().err


# What the manifest says of the shipped weights


@pytest.mark.slow
def test_the_manifest_tells_the_true_figures(mnist_path):
    _, (images, labels) = mnistcnn.load_data(mnist_path)
    trained, calibrated = (
        weight_figures.probabilities_of(mnistcnn.load_pretrained(calibrated=value), images)
        for value in (False, True)
    )
    found = weight_figures.answer_figures(trained, calibrated, labels)
    told = SHIPPED.figures
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


def test_the_manifest_tells_the_true_accuracy_on_the_digits_of_scikit_learn(digits):
    images, labels = (np.concatenate(parts) for parts in zip(*digits, strict=True))
    model = mnistcnn.load_pretrained()
    found = weight_figures.accuracy_of(weight_figures.probabilities_of(model, images), labels)
    told = SHIPPED.figures["digits"]
    assert {name: told[name] for name in found} == found


def test_the_manifest_agrees_with_itself(network):
    figures = SHIPPED.figures
    assert SHIPPED.recipe["name"] == "best"
    assert SHIPPED.command == "make weights"
    assert figures["test"]["right"] == 10_000 - len(figures["mistakes"])
    assert figures["test_accuracy"] == figures["test"]["right"] / 10_000
    assert dict(figures["seeds"])[SHIPPED.seed] == figures["test"]["right"]
    assert figures["temperature"]["mean"] == SHIPPED.temperature
    size = (FOLDER / SHIPPED.file).stat().st_size
    assert figures["cost"] == weight_figures.cost(network, file_bytes=size)
    assert set(figures["robustness"]["accuracy"]["best"]) == set(weight_figures.CORRUPTIONS)
