"""The card of the shipped weights: a template, and every number out of their manifest.

Its sections follow *Model Cards for Model Reporting* (Mitchell and others, 2019), its first
lines the metadata that model hubs read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import Any

from mnistcnn._manifest import Manifest

NAME = "MODEL_CARD.md"

TEMPLATE = """\
---
license: mit
library_name: keras
pipeline_tag: image-classification
tags:
- mnist
- handwritten-digits
- image-classification
- tensorflow
- safetensors
datasets:
- ylecun/mnist
metrics:
- accuracy
- precision
- recall
- f1
model-index:
- name: mnistcnn-{name}
  results:
  - task:
      type: image-classification
      name: Image classification
    dataset:
      type: ylecun/mnist
      name: MNIST
      split: test
    metrics:
    - type: accuracy
      name: Accuracy
      value: {accuracy}
    - type: loss
      name: Cross-entropy, calibrated
      value: {loss_after}
    - type: ece
      name: Expected calibration error, calibrated
      value: {ece_after}
---

<!-- Written by `make weights` from {name}.json: change benchmarks/model_card.py, not this. -->

# Model card: mnistcnn `{name}`

A network of {parameters} parameters that reads one handwritten digit. It reads {right} of the
{images} test images of MNIST right: {accuracy_percent}, 95 % interval {interval}.

## Model details

- **What it is.** A convolutional network: 32 filters 3 × 3, pooling, 64 filters 3 × 3, pooling,
  one dense layer. It was not made larger or changed; what is special is its training.
- **Takes** `float32 (n, 28, 28, 1)` in [0, 1], light ink on dark paper; 0 is paper.
- **Gives** `float32 (n, 10)`: the probabilities of the digits 0 to 9.
- **Made by** the mnistcnn developers, with version {mnistcnn} of the package.
- **Licence.** The weights are under the MIT licence, like the code.
- **Files.** `{name}.safetensors` holds the six arrays, {file_bytes} bytes; `{name}.json`, the
  manifest, holds their digests and every number of this card.

## Intended use

Reading single digits that look like those of MNIST, teaching, a baseline to compare with, and a
start for training on digits of your own.

Out of scope:

- letters, other signs and digits of other scripts. It always answers with one of ten digits,
  often with a high probability: it can't say "this is no digit";
- pages, lines and numbers of several digits, unless something cuts them into single digits;
- decisions about people, and any reading that nobody checks where a mistake costs much.

## Factors

What an answer depends on: the writer's hand, and how the picture was brought to 28 × 28. The
images of MNIST have the digit scaled to 20 × 20 and centred by its mass. A digit that is off
centre, of another size or dark on light is another task; see Robustness.

MNIST's digits were written by employees of the United States Census Bureau and by high school
students in that country. It doesn't say who wrote which image, so there are no figures by
groups of writers. Forms that are usual elsewhere, such as a 1 with a long upstroke, may be rare.

## Metrics

Accuracy with its 95 % interval by Wilson's method, which says how well {images} images can tell
it. Precision, recall and F1 for each digit. Cross-entropy in nats. Expected calibration error
({bins} bins of equal width, by the probability of the answer): how far the probability of an
answer is, on average, from the share of such answers that are right.

## Training data

The {train_images} training images of MNIST (LeCun, Cortes and Burges). Keras states its licence
as Creative Commons Attribution-Share Alike 3.0, the card of the data set on Hugging Face as MIT.
The data are not part of the package. SHA-256 of the images' bytes followed by the labels':
`{data_sha256}`.

## Training

The recipe `{recipe_name}` with seed {seed}, which was fixed before training. All settings were
chosen on a part of the training images; the test images took part in nothing but the figures
below.

{recipe_table}

Command `{command}`, sources `{commit}`, with {versions}.

## Evaluation data

The {images} test images of MNIST, by other writers than the training images. For {doubted_count}
of them most of the people who were asked did not agree with the label (Northcutt and others,
2021), so without luck at most {ceiling} can be reached. And scikit-learn's {digits_images} digits,
scanned at 8 × 8 and brought to 28 × 28 by `load_data("digits")`: the network was not trained on
them.

## Accuracy

{accuracy_table}

The shipped network was not picked. {all_seeds}

{digit_table}

## Calibration

`load_pretrained()` divides the last layer by the temperature {temperature} (Guo and others,
2017). It changes how sure the network is, not what it answers.

{calibration_table}

The temperature could not be fitted on this network: it has seen all {train_images} training images,
so nothing is left, and the test images are there to report. It is the mean of the temperatures
of {temperature_count} of the same recipe ({temperatures}). They were trained on
{fit_train_images} training images, and each temperature was fitted on the other {fit_images}.

<!-- picture: calibration -->

## Robustness

Accuracy on the {images} test images after {corruption_count} kinds of damage in {strength_count}
strengths, made by `benchmarks/corruptions.py`. Beside it the same network after plain training:
the documented settings, {plain_epochs} passes over the same {train_images} images, undistorted. It
reads {plain_accuracy} of the undamaged images.

{robustness_table}

These kinds of damage were also watched, on held-out training images, while the recipe was
chosen. For damage of another kind the figures promise nothing.

<!-- picture: robustness -->

## Mistakes

All {mistake_count} test images that are read wrong, as "answer (image, probability)". Labels in
doubt are marked \\* ({mistakes_doubted} of them).

{mistake_table}

<!-- picture: mistakes -->

## Cost

{parameters} parameters, {file_bytes} bytes as a file. One image takes {multiply_adds}
multiply-adds in the convolutions and the dense layer, which is {flop} floating-point operations.

## Ethical considerations

The network holds no picture of a person and no name. Handwriting differs between people, by
schooling, country, age and health, and so will its mistakes; MNIST can't tell how much. Who reads
digits of people by it should measure it on digits of those people first.

## Caveats and recommendations

- A figure here is one network's on one set of images. Another seed gives other mistakes.
- MNIST is easy, and its test images have been read by thousands of networks. A difference of a few
  images between two of them says little: see the interval.
- The probabilities are calibrated for images like MNIST's. On scikit-learn's digits their
  calibration error is {digits_ece}, and on others it can be any.
- Cut, scale and centre your images as MNIST did, and look at some before you trust the rest.

## How to use it

```python
from mnistcnn import load_data, load_pretrained, preprocess

_, (images, labels) = load_data("digits")  # or your own: uint8 (n, 28, 28), light on dark
probabilities = load_pretrained()(preprocess(images)).numpy()
```

Any reader of safetensors can take the arrays; they are as trained, without the temperature.

## How to make it again

```console
$ {command}
$ python benchmarks/weights.py --compare
```

The first trains and measures anew. The second trains once more and says how equal the result is
to the shipped arrays. {again}

## Citation

Cite the package by its `CITATION.cff`, and MNIST: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner,
*Gradient-based learning applied to document recognition*, Proceedings of the IEEE 86 (11),
2278–2324, 1998, [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791).

- Mitchell and others, *Model Cards for Model Reporting*, 2019,
  [arXiv:1810.03993](https://arxiv.org/abs/1810.03993)
- Guo and others, *On Calibration of Modern Neural Networks*, 2017,
  [arXiv:1706.04599](https://arxiv.org/abs/1706.04599)
- Northcutt and others, *Pervasive Label Errors in Test Sets Destabilize Machine Learning
  Benchmarks*, 2021, [arXiv:2103.14749](https://arxiv.org/abs/2103.14749)
"""


def card(manifest: Manifest) -> str:
    """Return the card of weights whose manifest has all figures of `weights.py`."""
    figures = manifest.figures
    test, sound, digits = figures["test"], figures["sound_labels"], figures["digits"]
    before, after = figures["calibration"]["before"], figures["calibration"]["after"]
    seeds, fit, cost = figures["seeds"], figures["temperature"], figures["cost"]
    values = {
        "name": manifest.name,
        "accuracy": figures["test_accuracy"],
        "accuracy_percent": _percent(figures["test_accuracy"]),
        "interval": _interval(test),
        "images": f"{test['images']:,}",
        "right": f"{test['right']:,}",
        "loss_after": after["loss"],
        "ece_after": after["ece"],
        "bins": figures["calibration"]["bins"],
        "mnistcnn": manifest.versions["mnistcnn"],
        "train_images": f"{manifest.data['images']:,}",
        "data_sha256": manifest.data["sha256"],
        "recipe_name": manifest.recipe["name"],
        "seed": manifest.seed,
        "recipe_table": _recipe_table(manifest.recipe),
        "command": manifest.command,
        "commit": manifest.commit,
        "versions": _listed(
            f"{title} {manifest.versions[key]}"
            for key, title in (
                ("keras", "Keras"),
                ("tensorflow", "TensorFlow"),
                ("numpy", "NumPy"),
                ("python", "Python"),
            )
        ),
        "doubted_count": len(sound["left_out"]),
        "ceiling": _percent(sound["images"] / test["images"]),
        "digits_images": f"{digits['images']:,}",
        "digits_ece": _percent(digits["ece"]),
        "accuracy_table": _accuracy_table(test, sound, digits),
        "all_seeds": _all_seeds(seeds, test["images"]),
        "digit_table": _digit_table(test["per_digit"]),
        "temperature": f"{manifest.temperature:.3f}",
        "calibration_table": _table(
            ["", "as trained", "calibrated"],
            [
                ["expected calibration error", _percent(before["ece"]), _percent(after["ece"])],
                ["loss", f"{before['loss']:.4f}", f"{after['loss']:.4f}"],
            ],
        ),
        "temperature_count": "one network"
        if len(fit["each"]) == 1
        else f"{len(fit['each'])} networks",
        "temperatures": _listed(f"{value:.3f}" for value in fit["each"]),
        "fit_images": f"{fit['images']:,}",
        "fit_train_images": f"{manifest.data['images'] - fit['images']:,}",
        "corruption_count": len(figures["robustness"]["accuracy"]["best"]),
        "strength_count": len(figures["robustness"]["strengths"]),
        "plain_epochs": figures["plain"]["recipe"]["epochs"],
        "plain_accuracy": _percent(figures["plain"]["accuracy"]),
        "robustness_table": _robustness_table(figures["robustness"]),
        "mistake_count": len(figures["mistakes"]),
        "mistakes_doubted": sum(row[0] in sound["left_out"] for row in figures["mistakes"]),
        "mistake_table": _mistake_table(figures),
        "parameters": f"{cost['parameters']:,}",
        "file_bytes": f"{cost['file_bytes']:,}",
        "multiply_adds": f"{cost['multiply_adds']:,}",
        "flop": f"{cost['flop']:,}",
        "again": _again(figures),
    }
    return _filled(TEMPLATE.format_map({key: str(value) for key, value in values.items()}))


def _filled(text: str) -> str:
    """Fill the paragraphs again, since numbers took the place of their names."""
    head, mark, body = text.partition("-->\n")
    blocks = body.split("\n\n")
    return head + mark + "\n\n".join(map(_filled_block, blocks))


def _filled_block(block: str) -> str:
    first = block.lstrip("\n")
    if first.startswith(("#", "|", "```", "$", "from ", "_, ", "<!--", "- ")):
        return block
    return fill(block, 99, break_long_words=False, break_on_hyphens=False)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _interval(part: dict[str, Any]) -> str:
    low, high = part["interval"]
    return f"{100 * low:.2f} % to {100 * high:.2f} %"


def _all_seeds(seeds: Sequence[Sequence[int]], images: int) -> str:
    if len(seeds) == 1:
        return f"Seed {seeds[0][0]} is the only one that was trained on all images."
    right = _listed(f"{row[1]:,}" for row in seeds)
    mean = _percent(sum(row[1] for row in seeds) / len(seeds) / images)
    return (
        f"It is the first of {len(seeds)}: seeds {_listed(row[0] for row in seeds)} read {right} "
        f"of {images:,} test images right, {mean} on average."
    )


def _listed(words: Iterable[Any]) -> str:
    *first, last = [str(word) for word in words]
    return f"{', '.join(first)} and {last}" if first else last


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]], *, left: int = 1) -> str:
    """Return a table whose columns after the first `left` are numbers."""
    rules = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (head, rules, *rows))


def _recipe_table(recipe: dict[str, Any]) -> str:
    unused = {"name", "augmentation"}
    if recipe["monitor"] is None:
        unused |= {"min_delta", "patience"}
    settings = {key: value for key, value in recipe.items() if key not in unused}
    inner = recipe.get("augmentation") or {}
    settings |= {f"augmentation.{key}": value for key, value in inner.items()}
    rows = [[f"`{key}`", _setting(value)] for key, value in settings.items() if value is not None]
    return _table(["setting", "value"], rows)


def _setting(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _accuracy_table(*parts: dict[str, Any]) -> str:
    titles = ("test images", "those whose label is not in doubt", "scikit-learn's digits")
    rows = [
        [
            title,
            f"{part['right']:,} of {part['images']:,}",
            _percent(part["right"] / part["images"]),
            _interval(part),
        ]
        for title, part in zip(titles, parts, strict=True)
    ]
    return _table(["", "right", "accuracy", "95 % interval"], rows)


def _digit_table(part: dict[str, list[float]]) -> str:
    columns = [list(map(_percent, part[name])) for name in ("precision", "recall", "f1")]
    images = [f"{count:,}" for count in part["images"]]
    rows = zip(range(10), images, *columns, strict=True)
    return _table(["digit", "test images", "precision", "recall", "F1"], rows)


def _robustness_table(robust: dict[str, Any]) -> str:
    best, plain = robust["accuracy"]["best"], robust["accuracy"]["plain"]
    rows = [
        [
            name,
            *[f"{100 * sum(one[name]) / len(one[name]):.1f} %" for one in (best, plain)],
            *[f"{100 * one[name][-1]:.1f} %" for one in (best, plain)],
        ]
        for name in best
    ]
    means = [f"**{100 * robust['mean'][name]:.1f} %**" for name in ("best", "plain")]
    worst = [
        f"**{100 * sum(each[-1] for each in one.values()) / len(one):.1f} %**"
        for one in (best, plain)
    ]
    strongest = f"strength {robust['strengths'][-1]}"
    head = ["", "`best`, mean", "plain, mean", f"`best`, {strongest}", f"plain, {strongest}"]
    return _table(head, [*rows, ["**all**", *means, *worst]])


def _mistake_table(figures: dict[str, Any]) -> str:
    doubted = figures["sound_labels"]["left_out"]
    rows = []
    for digit in range(10):
        cells = [
            f"{answer} ({index}{'*' if index in doubted else ''}, {100 * probability:.0f} %)"
            for index, label, answer, probability in figures["mistakes"]
            if label == digit
        ]
        if cells:
            rows.append([digit, len(cells), "; ".join(cells)])
    # An asterisk is text here, not emphasis.
    table = _table(["label", "mistakes", "answers"], rows).replace("*", r"\*")
    return table.replace("---:", ":---") if rows else "There are none."


def _again(figures: dict[str, Any]) -> str:
    again = figures.get("again")
    if again is None:
        return (
            "The same seed gives the same weights to the bit on the same machine with the same "
            "versions; elsewhere sums are rounded differently, and some answers differ."
        )
    if again["equal"]:
        return "Trained a second time so, it came out equal to the bit."
    return (
        f"Trained a second time so, weights differed by at most {again['largest']:.2g}, and "
        f"{again['answers']} of {figures['test']['images']:,} answers to the test images."
    )
