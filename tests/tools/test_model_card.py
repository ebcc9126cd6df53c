"""The model card: every number comes from the manifests, and the shipped card is up to date."""

import dataclasses
import pathlib

import pytest

from mnistcnn.recipes import FAST, Augmentation
from mnistcnn.weights.pretrained import (
    FOLDER,
    PRETRAINED,
    load_pretrained_weights,
    load_rejector_weights,
    write_pretrained,
)
from tests.tools.helpers import METRICS
from tools.pretrained import model_card

ROOT = pathlib.Path(__file__).parents[2]


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
            temperature=metrics["temperature"]["mean"],
            recipe=recipes[name].to_dict(),
            seed=0,
            command="make weights",
            commit="a" * 40,
            versions=dict.fromkeys(["python", "mnistcnn", "keras", "tensorflow", "numpy"], "1.2"),
            data={"name": "mnist", "images": 60_000, "sha256": "b" * 64},
            metrics=metrics,
        ).manifest
        for name, metrics in ((name, make()) for name, make in METRICS.items())
    ]


def render(*manifests):
    return model_card.render(*manifests).replace("\N{NO-BREAK SPACE}", " ")


def on_one_line(text):
    return " ".join(text.split())


def test_card_has_the_numbers_of_the_manifests(manifests):
    text = render(manifests)
    best = manifests[0].metrics
    correct, low = best["test"]["correct"], 100 * best["test"]["accuracy_ci"][0]
    accuracy = f"{correct / 3:.2f} %"
    next_accuracy = f"{(correct + 1) / 3:.2f} %"
    assert f"| `best`, for clean digits | {accuracy} | " in text
    assert f"| `robust`, for corrupted images | {next_accuracy} | " in text
    assert "| baseline training | 75.00 % | 65.00 % |" in text
    assert f"| test images (300) | `best` | {accuracy} | {low:.2f} to " in text
    assert f"| test images (300) | `robust` | {next_accuracy} | " in text
    assert "| scikit-learn's digits (300) | `robust` | 1.00 % | " in text
    assert text.count(f"| 3 | {best['test']['per_digit']['images'][3]} | ") == 2
    prose = on_one_line(text)
    assert "by a temperature (Guo and others, 2017): 1.250 (`best`) and 1.500 (`robust`)." in prose
    assert (
        "trained on 59,900 training images; each temperature was fitted on the other 100." in prose
    )
    assert (
        "For `best`: 3 networks, 1.200, 1.250 and 1.300. For `robust`: one network, 1.500" in prose
    )
    assert "`best` is the first of 3 seeds, which classify 250, 260 and 255 of 300" in prose
    assert "For `robust`, only seed 0 was trained on all images." in prose
    assert "calibration error is 6.25 % (`best`) and 25.00 % (`robust`)" in prose
    assert "The labels of 1 test images are disputed" in prose
    assert "so 99.67 % is a realistic upper limit" in prose


def test_card_has_a_column_for_each_network(manifests):
    text = render(manifests)
    before, after = (manifests[0].metrics["calibration"][side] for side in ("before", "after"))
    ece = f"{100 * before['ece']:.2f} %"
    assert f"| `best`, as trained | {ece} | {before['loss']:.4f} |" in text
    calibrated = f"{100 * after['ece']:.2f} % | {after['loss']:.4f}"
    assert f"| `best`, calibrated | {calibrated} |" in text
    assert f"| `robust`, as trained | {ece} | {before['loss']:.4f} |" in text
    _, means, strongest = text.partition("## Robustness")[2].split(
        "| `best` | `robust` | baseline training |"
    )
    assert "| corruption 2 | 69.6 % | 69.6 % | 64.6 % |" in means
    assert "| corruption 2 | 48.0 % | 48.0 % | 23.0 % |" in strongest
    assert "| corruption 3 | 69.4 % | 95.0 % | 64.4 % |" in means
    assert "| corruption 3 | 47.0 % | 75.0 % | 22.0 % |" in strongest
    assert "| **all** | **70.0 %** | **80.0 %** | **65.0 %** |" in means
    assert "| **all** | **47.0 %** | **51.0 %** | " in strongest


def test_card_has_both_recipes(manifests):
    text = render(manifests)
    training = text.partition("\n## Training\n")[2]
    main, augmentation, teacher = training.split(" | `best` | `robust` |\n")[1:]
    assert main.endswith("| augmentation")
    assert augmentation.endswith("| teacher networks")
    assert "| `batch_size` | 128 | 64 |" in main
    assert "| `label_smoothing` | 0.1 | 0 |" in main
    assert "| `rotation` |  | 7.5 |" in augmentation
    assert "| `epochs` |  | 9 |" in teacher
    assert "| `distillation_temperature` |  | 3 |" in main  # no effect without a teacher
    provenance = "seed 0, which was fixed before training, Git commit"
    assert f"`best` and `robust`: {provenance} `{'a' * 40}`, with Keras 1.2, " in on_one_line(text)
    other = dataclasses.replace(manifests[1], commit="c" * 40)
    text = on_one_line(render([manifests[0], other]))
    assert f"`best`: {provenance} `{'a' * 40}`" in text
    assert f"`robust`: {provenance} `{'c' * 40}`" in text
    for unused in ("monitor", "patience", "name", "teacher"):
        assert f"| `{unused}` |" not in text
    assert "`distillation_temperature`" not in teacher


def test_card_shows_results_before_settings_and_fits_a_phone(manifests):
    text = render(manifests, load_rejector_weights().manifest)
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    settings = headings.index("Training")
    for results in ("Accuracy", "Calibration", "Robustness", "Non-digits"):
        assert headings.index(results) < settings
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert max(row.count("|") for row in rows) <= 6  # five columns


def test_card_lists_every_misclassified_image(manifests):
    text = render(manifests)
    best, robust = text.partition("## Misclassified images")[2].split("\n`robust` misclassifies ")
    for manifest, part in zip(manifests, (best, robust), strict=True):
        rows = manifest.metrics["misclassified"]
        (disputed,) = manifest.metrics["undisputed_labels"]["excluded"]
        for index, _, predicted, confidence in rows:
            mark = r"\*" if index == disputed else ""
            assert f"{predicted} ({index}{mark}, {100 * confidence:.0f} %)" in part
    count = len(manifests[0].metrics["misclassified"])
    assert f"`best` misclassifies {count}, 1 of them with disputed labels." in best
    assert robust.startswith(f"{count - 1}, 0 of them with disputed labels.")
    manifests[1].metrics["misclassified"] = []
    assert "`robust` misclassifies 0, 0 of them" in render(manifests)


def test_card_has_no_gaps_and_no_long_prose(manifests):
    text = render(manifests)
    assert "{" not in text
    assert "None" not in text
    assert "\n\n\n" not in text
    prose = [line for line in text.splitlines() if not line.startswith(("|", "```"))]
    assert max(map(len, prose)) <= 100
    pictures = ["robustness"]
    pictures += [f"{kind}-{n}" for kind in ("calibration", "misclassified") for n in PRETRAINED]
    assert text.count("<!-- picture: ") == len(pictures)
    page = (ROOT / "docs/explanation/model-card.md").read_text()
    for picture in pictures:
        assert text.count(f"\n\n<!-- picture: {picture} -->\n") == 1
        assert page.count(f'"<!-- picture: {picture} -->"') == 2  # ends one part, starts another
        assert f"](../images/{picture}.png)" in page


def test_card_starts_with_metadata(manifests):
    yaml = pytest.importorskip("yaml", reason="a development dependency")
    _, first, _ = render(manifests).split("---\n", 2)
    metadata = yaml.safe_load(first)
    assert (metadata["license"], metadata["library_name"]) == ("mit", "mnistcnn")
    names = [entry["name"] for entry in metadata["model-index"]]
    assert names == ["mnistcnn-best", "mnistcnn-robust"]
    for manifest, entry in zip(manifests, metadata["model-index"], strict=True):
        (result,) = entry["results"]
        assert result["dataset"]["type"] in metadata["datasets"]
        metrics = {metric["type"]: metric["value"] for metric in result["metrics"]}
        assert metrics == {
            "accuracy": manifest.metrics["test_accuracy"],
            "loss": manifest.metrics["calibration"]["after"]["loss"],
            "ece": manifest.metrics["calibration"]["after"]["ece"],
        }


@pytest.mark.parametrize(
    ("again", "sentence"),
    [
        (
            dict(identical=True, max_difference=0.0, changed_predictions=0),
            "A second training of `robust` gave bit-identical weights.",
        ),
        (
            dict(identical=False, max_difference=1e-4, changed_predictions=2),
            "at most 0.0001, and 2 of 300 predictions",
        ),
    ],
)
def test_card_compares_with_a_second_training(manifests, again, sentence):
    assert "second training of `" not in render(manifests)
    manifests[1].metrics["repeated_training"] = again
    assert sentence in on_one_line(render(manifests))


def test_what_the_card_states_once_must_be_equal(manifests):
    manifests[1].metrics["plain"]["accuracy"] = 0.5
    with pytest.raises(ValueError, match="^the manifests must agree on plain; received "):
        render(manifests)


def test_shipped_card_is_rendered_from_its_manifests():
    shipped = (FOLDER / model_card.NAME).read_text(encoding="utf-8")
    manifests = [load_pretrained_weights(name).manifest for name in PRETRAINED]
    assert shipped == model_card.render(manifests, load_rejector_weights().manifest)


def test_card_describes_the_rejector(manifests):
    rejector = load_rejector_weights().manifest
    text = render(manifests, rejector)
    section = text.partition("## Non-digits")[2].partition("\n## ")[0]
    assert f"{rejector.data['images']:,} crops" in on_one_line(section)
    assert f"{rejector.temperature:.3f}" in section
    assert rejector.data["sha256"] in section
    for name in ("digits", "nondigits"):
        for row in rejector.metrics[name].values():
            at = dict(zip(rejector.metrics["thresholds"], row["accepted"], strict=True))
            accepted = " | ".join(f"{100 * at[t]:.1f} %" for t in model_card.THRESHOLDS)
            assert f"| {row['crops']:,} | {accepted} |" in section
    assert "## Non-digits" not in render(manifests)
