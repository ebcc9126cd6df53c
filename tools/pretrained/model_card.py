"""The card of the shipped weights: templates, and every number out of their manifests.

Its sections follow *Model Cards for Model Reporting* (Mitchell and others, 2019), its first
lines the metadata that model hubs read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from textwrap import fill
from typing import Any, TypeVar

from mnistcnn.weights.arrays import REJECTOR_WEIGHT_SHAPES
from mnistcnn.weights.manifest import Manifest

NAME = "MODEL_CARD.md"

# What each set is for, as the first table says it.
PURPOSES = {
    "best": "clean digits",
    "robust": "damaged digits",
}

ENTRY = """\
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
      value: {loss}
    - type: ece
      name: Expected calibration error, calibrated
      value: {ece}
"""

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
{entries}---

<!-- Written by `make weights` from the manifests: change tools/pretrained/model_card.py, not this. -->

# Model card: mnistcnn {titles}

Two sets of weights for one network of {parameters} parameters that reads one handwritten digit.
Below: accuracy on the {images} test images of MNIST, and its mean over {corruption_count} kinds of
damage to them.

{summary_table}

## Model details

- **What it is.** A convolutional network: 32 filters 3 × 3, pooling, 64 filters 3 × 3, pooling,
  one dense layer. It was not made larger or changed; what is special is its training.
- **Takes** `float32 (n, 28, 28, 1)` in [0, 1], light ink on dark paper; 0 is paper.
- **Gives** `float32 (n, 10)`: the probabilities of the digits 0 to 9.
- **Made by** the mnistcnn developers, with version {mnistcnn} of the package.
- **Licence.** The weights are under the MIT licence, like the code.
- **Files.** For each set: `NAME.safetensors` holds the six arrays, {file_bytes} bytes;
  `NAME.json`, the manifest, holds their digests and every number of this card.

## Intended use

Reading single digits, teaching, a baseline to compare with, and a start for training on digits of
your own.

- `best` is for digits that were brought to 28 × 28 as MNIST's were, in whatever hand. The package's
  reader of pictures does that, and uses it.
- `robust` is for 28 × 28 images that nothing was done to: pale, dirty, noisy, slanted, of another
  size or off centre. Its recipe was chosen for the accuracy on damaged digits; it reads the hands
  of other people less well.

There are two since no recipe that was tried gives a network of this size that is first at both.

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

Each set by the recipe of its name. Where that has a `teacher`, larger networks were trained first,
on the same images, and the mean of their answers took the place of the labels. The settings were
chosen on a part of the training images, and scikit-learn's digits decided against a candidate that
learned labels on clean paper alone. The test images gave the figures below. That candidate had been
read on them, too, and an earlier `best`, without teachers, whose mean of five seeds, 99.46 %, was
the reason to search on; nothing else was taken from them.

{recipe_table}

{makings}

## Evaluation data

The {images} test images of MNIST, by other writers than the training images. For {doubted_count}
of them most of the people who were asked did not agree with the label (Northcutt and others,
2021), so without luck at most {ceiling} can be reached. And scikit-learn's {digits_images} digits,
scanned at 8 × 8 and brought to 28 × 28 by `load_data("digits")`: the networks were not trained on
them.

## Accuracy

{accuracy_table}

The shipped networks were not picked. {all_seeds}

{digit_tables}

## Calibration

`load_pretrained()` divides the last layer by a temperature (Guo and others, 2017): {temperatures}.
It changes how sure the network is, not what it answers.

{calibration_table}

A temperature could not be fitted on the shipped network: it has seen all {train_images} training
images, so nothing is left, and the test images are there to report. It is the mean of the
temperatures of networks of the same recipe that were trained on {fit_train_images} training images;
each temperature was fitted on the other {fit_images}. {fits}

{calibration_pictures}

## Robustness

Accuracy on the {images} test images after {corruption_count} kinds of damage in {strength_count}
strengths, made by `benchmarks/accuracy/corruptions.py`. Beside the two the same network after plain
training: the documented settings, {plain_epochs} passes over the same {train_images} images,
undistorted. It reads {plain_accuracy} of the undamaged images.

{robustness_table}

These kinds of damage were also watched, on held-out training images, while the recipes were
chosen. For damage of another kind the figures promise nothing.

<!-- picture: robustness -->

## Mistakes

All test images that are read wrong, as "answer (image, probability)". Labels in doubt are marked
\\*.

{mistakes}

## Cost

{parameters} parameters, {file_bytes} bytes as a file. One image takes {multiply_adds}
multiply-adds in the convolutions and the dense layer, which is {flop} floating-point operations.

## Ethical considerations

The networks hold no picture of a person and no name. Handwriting differs between people, by
schooling, country, age and health, and so will their mistakes; MNIST can't tell how much. Who reads
digits of people by them should measure them on digits of those people first.

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
probabilities = load_pretrained()(preprocess(images)).numpy()  # or load_pretrained("robust")
```

Any reader of safetensors can take the arrays; they are as trained, without the temperature.

## How to make it again

```console
$ {command}
$ python -m tools.pretrained.train_weights --compare
```

The first trains and measures anew. The second trains once more and says how equal the result is
to the shipped arrays. The same seed gives the same weights to the bit on the same machine with the
same versions; elsewhere sums are rounded differently, and some answers differ. {again}

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

DETECTOR_HEAD = "## What is no digit"
DETECTOR_TEMPLATE = """\
{head}

Both sets always answer with a digit. The package's reader of pictures therefore asks a third,
smaller network first, `rejector`: how probable is it that a glyph is a digit at all? Confidence in
a reading is that, times how probable the answer is if it is one. `predict_proba` and
`load_pretrained` don't use it.

Its layers are the same, narrower, with {parameters} parameters and {outputs} outputs: the ten
digits, and {groups} groups of other shapes, since what is no digit takes many forms. It was
trained for {epochs} epochs on {glyphs} glyphs: MNIST's training images but the last 10,000,
typed digits, and drawings by the program of letters and signs in typefaces of OpenCV and
Matplotlib, bent as by a hand, of blots and scribbles, of digits turned, mirrored or cut so that
they are none, and of two digits as one. Letters that look like digits in some hand are left out:
{alike}.

On the last 10,000 training images, on typefaces and on a kind of scribbles that took no part in
training, and on which alone its temperature, {temperature:.3f}, was fitted: the share that it
takes for digits, by how probable it must find them.

{table}

What the reader cuts into digits, as it does with digits that touch and may do with a letter, is
only as sure as the whole looks like a digit or two. That is asked of the same glyphs here. Of two
digits many should be taken, of all others few:

{cut_table}

On a page nearly all is digits, unlike in the drawings: so the odds of a digit are multiplied by
{prior:.1f}, chosen on the same glyphs, and where something was cut those of two digits as well.

It has seen letters that a program bent, not handwritten ones: expect less of it there. SHA-256
of what it was trained on, glyphs followed by outputs: `{data_sha256}`. `{command}` makes it
again.
"""
KINDS = {
    "mnist": "MNIST's digits", "digits": "typed digits, bent", "bent": "MNIST's digits, bent",
    "typed": "typed", "letters": "letters, bent", "signs": "signs, bent", "scribbles": "scribbles",
    "spoilt": "digits turned, mirrored or cut", "two": "two digits as one",
    "pages": "from pages of both", "coarse": "of coarse scans",
}  # fmt: skip

Value = TypeVar("Value")


def card(manifests: Sequence[Manifest], detector: Manifest | None = None) -> str:
    """Return the card of sets of weights whose manifests have all figures of `tools/pretrained/train_weights.py`.

    With that of `tools/pretrained/train_rejector.py`, it has a section about it.

    Raises
    ------
    ValueError
        If the sets don't agree on what the card says once for all of them.
    """

    def shared(what: str, pick: Callable[[Manifest], Value]) -> Value:
        first, *others = map(pick, manifests)
        if any(other != first for other in others):
            raise ValueError(f"the sets must agree on {what}; received {[first, *others]}")
        return first

    data = shared("data", lambda one: one.data)
    cost = shared("cost", lambda one: one.metrics["cost"])
    plain = shared("plain", lambda one: one.metrics["plain"])
    images = shared("test images", lambda one: one.metrics["test"]["images"])
    sound = shared("sound labels", lambda one: one.metrics["sound_labels"]["images"])
    fitted = shared("images to fit on", lambda one: one.metrics["temperature"]["images"])
    values = {
        "entries": "".join(map(_entry, manifests)),
        "titles": _listed(f"`{one.name}`" for one in manifests),
        "summary_table": _summary_table(manifests, plain),
        "parameters": f"{cost['parameters']:,}",
        "file_bytes": f"{cost['file_bytes']:,}",
        "multiply_adds": f"{cost['multiply_adds']:,}",
        "flop": f"{cost['flop']:,}",
        "images": f"{images:,}",
        "mnistcnn": shared("version", lambda one: one.versions["mnistcnn"]),
        "bins": shared("bins", lambda one: one.metrics["calibration"]["bins"]),
        "train_images": f"{data['images']:,}",
        "data_sha256": data["sha256"],
        "recipe_table": _recipe_table(manifests),
        "makings": _makings(manifests),
        "doubted_count": images - sound,
        "ceiling": _percent(sound / images),
        "digits_images": f"{shared('digits', lambda one: one.metrics['digits']['images']):,}",
        "digits_ece": _each(manifests, lambda one: _percent(one.metrics["digits"]["ece"])),
        "accuracy_table": _accuracy_table(manifests),
        "all_seeds": " ".join(map(_all_seeds, manifests)),
        "digit_tables": "\n\n".join(map(_digit_table, manifests)),
        "temperatures": _each(manifests, lambda one: f"{one.temperature:.3f}"),
        "calibration_table": _calibration_table(manifests),
        "fit_images": f"{fitted:,}",
        "fit_train_images": f"{data['images'] - fitted:,}",
        "fits": " ".join(map(_fit, manifests)),
        "calibration_pictures": "\n\n".join(
            f"<!-- picture: calibration-{one.name} -->" for one in manifests
        ),
        "corruption_count": len(plain["robustness"]["accuracy"]),
        "strength_count": len(plain["robustness"]["strengths"]),
        "plain_epochs": plain["recipe"]["epochs"],
        "plain_accuracy": _percent(plain["accuracy"]),
        "robustness_table": _robustness_table(
            {f"`{one.name}`": one.metrics["robustness"] for one in manifests}
            | {"plain": plain["robustness"]}
        ),
        "mistakes": "\n\n".join(map(_mistakes, manifests)),
        "command": shared("command", lambda one: one.command),
        "again": " ".join(filter(None, map(_again, manifests))),
    }
    text = TEMPLATE.format_map({key: str(value) for key, value in values.items()})
    if detector is not None:
        before, mark, after = text.partition("## Mistakes")
        text = before + _detector(detector) + "\n" + mark + after
    return _filled(text)


def _detector(manifest: Manifest) -> str:
    """Return the section about the network that tells digits from what is none."""
    outputs = len(manifest.recipe["outputs"])
    least = manifest.metrics["least"]

    def rows(*names: str) -> list[list[str]]:
        return [
            [
                "yes" if name == "digits" else "no",
                KINDS[kind],
                f"{row['glyphs']:,}",
                *(f"{100 * share:.1f} %" for share in row["left"]),
            ]
            for name in names
            for kind, row in manifest.metrics[name].items()
        ]

    head = ["a digit", "what", "glyphs", *(f"{one:g}" for one in least)]
    return DETECTOR_TEMPLATE.format(
        head=DETECTOR_HEAD,
        parameters=f"{sum(map(math.prod, REJECTOR_WEIGHT_SHAPES.values())):,}",
        outputs=outputs,
        groups=outputs - 10,
        epochs=manifest.recipe["epochs"],
        glyphs=f"{manifest.data['images']:,}",
        alike=" ".join(manifest.recipe["left_out"]),
        temperature=manifest.temperature,
        prior=math.exp(manifest.recipe["prior"]),
        table=_table(head, rows("digits", "no_digits"), left=2),
        cut_table=_table(head, rows("no_digits_cut"), left=2),
        data_sha256=manifest.data["sha256"],
        command=manifest.command,
    )


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


def _each(manifests: Sequence[Manifest], pick: Callable[[Manifest], str]) -> str:
    return _listed(f"{pick(one)} (`{one.name}`)" for one in manifests)


def _listed(words: Iterable[Any]) -> str:
    *first, last = [str(word) for word in words]
    return f"{', '.join(first)} and {last}" if first else last


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]], *, left: int = 1) -> str:
    """Return a table whose columns after the first `left` are numbers."""
    rules = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (head, rules, *rows))


def _entry(manifest: Manifest) -> str:
    """Return the metadata of a set."""
    figures = manifest.metrics
    after = figures["calibration"]["after"]
    return ENTRY.format(
        name=manifest.name, accuracy=figures["test_accuracy"], loss=after["loss"], ece=after["ece"]
    )


def _summary_table(manifests: Sequence[Manifest], plain: dict[str, Any]) -> str:
    rows = [
        [
            f"`{one.name}`",
            PURPOSES[one.name],
            f"{one.metrics['test']['right']:,}",
            _percent(one.metrics["test_accuracy"]),
            _interval(one.metrics["test"]),
            _percent(one.metrics["robustness"]["mean"]),
        ]
        for one in manifests
    ]
    last = ["plain training", "", "", _percent(plain["accuracy"]), ""]
    rows.append([*last, _percent(plain["robustness"]["mean"])])
    head = ["", "made for", "right", "accuracy", "95 % interval", "damaged"]
    return _table(head, rows, left=2)


def _recipe_table(manifests: Sequence[Manifest]) -> str:
    columns = [_settings(one.recipe) for one in manifests]
    keys = dict.fromkeys(key for column in columns for key in column)
    rows = [[f"`{key}`", *(column.get(key, "") for column in columns)] for key in keys]
    return _table(["setting", *(f"`{one.name}`" for one in manifests)], rows)


def _settings(recipe: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the settings that have an effect, those within others after them."""
    unused = {"name"}
    if recipe.get("monitor") is None:
        unused |= {"min_delta", "patience"}
    if recipe.get("teacher") is None:
        unused |= {"distillation_temperature", "num_teachers"}
    used = {k: v for k, v in recipe.items() if k not in unused and v is not None}
    found = {prefix + k: _setting(v) for k, v in used.items() if not isinstance(v, dict)}
    for key, value in used.items():
        if isinstance(value, dict):
            found |= _settings(value, f"{prefix}{key}.")
    return found


def _setting(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _makings(manifests: Sequence[Manifest]) -> str:
    """Return how each set was made, in one sentence where it is the same."""
    sentences: dict[str, list[str]] = {}
    for manifest in manifests:
        sentences.setdefault(_making(manifest), []).append(f"`{manifest.name}`")
    return "\n\n".join(f"{_listed(names)}: {how}" for how, names in sentences.items())


def _making(manifest: Manifest) -> str:
    versions = _listed(
        f"{title} {manifest.versions[key]}"
        for key, title in (
            ("keras", "Keras"),
            ("tensorflow", "TensorFlow"),
            ("numpy", "NumPy"),
            ("python", "Python"),
        )
    )
    return (
        f"seed {manifest.seed}, which was fixed before training, sources `{manifest.commit}`, "
        f"with {versions}."
    )


def _accuracy_table(manifests: Sequence[Manifest]) -> str:
    titles = {
        "test": "test images",
        "sound_labels": "those whose label is not in doubt",
        "digits": "scikit-learn's digits",
    }
    rows = []
    for key, title in titles.items():
        for manifest in manifests:
            part = manifest.metrics[key]
            right = f"{part['right']:,} of {part['images']:,}"
            share = _percent(part["right"] / part["images"])
            rows.append([title, f"`{manifest.name}`", right, share, _interval(part)])
    return _table(["", "weights", "right", "accuracy", "95 % interval"], rows, left=2)


def _all_seeds(manifest: Manifest) -> str:
    seeds, images = manifest.metrics["seeds"], manifest.metrics["test"]["images"]
    if len(seeds) == 1:
        return f"Of `{manifest.name}` seed {seeds[0][0]} alone was trained on all images."
    right = _listed(f"{row[1]:,}" for row in seeds)
    mean = _percent(sum(row[1] for row in seeds) / len(seeds) / images)
    return (
        f"`{manifest.name}` is the first of {len(seeds)}: seeds {_listed(row[0] for row in seeds)} "
        f"read {right} of {images:,} test images right, {mean} on average."
    )


def _digit_table(manifest: Manifest) -> str:
    part = manifest.metrics["test"]["per_digit"]
    columns = [list(map(_percent, part[name])) for name in ("precision", "recall", "f1")]
    images = [f"{count:,}" for count in part["images"]]
    rows = zip(range(10), images, *columns, strict=True)
    head = ["digit", "test images", "precision", "recall", "F1"]
    return f"Each digit, read by `{manifest.name}`:\n\n{_table(head, rows)}"


def _calibration_table(manifests: Sequence[Manifest]) -> str:
    parts = [
        manifest.metrics["calibration"][side]
        for manifest in manifests
        for side in ("before", "after")
    ]
    titles = [f"`{one.name}`, {side}" for one in manifests for side in ("as trained", "calibrated")]
    rows = [
        ["expected calibration error", *(_percent(part["ece"]) for part in parts)],
        ["loss", *(f"{part['loss']:.4f}" for part in parts)],
    ]
    return _table(["", *titles], rows)


def _fit(manifest: Manifest) -> str:
    each = manifest.metrics["temperature"]["each"]
    networks = "one network" if len(each) == 1 else f"{len(each)} networks"
    return f"For `{manifest.name}`: {networks}, {_listed(f'{value:.3f}' for value in each)}."


def _robustness_table(networks: dict[str, dict[str, Any]]) -> str:
    """Return accuracy by damage, means first and then the strongest."""
    each = networks.values()
    accuracies = [one["accuracy"] for one in each]
    rows = [
        [
            name,
            *(f"{100 * sum(one[name]) / len(one[name]):.1f} %" for one in accuracies),
            *(f"{100 * one[name][-1]:.1f} %" for one in accuracies),
        ]
        for name in accuracies[0]
    ]
    means = [f"**{100 * one['mean']:.1f} %**" for one in each]
    worst = [
        f"**{100 * sum(shares[-1] for shares in one.values()) / len(one):.1f} %**"
        for one in accuracies
    ]
    (strengths, *_) = (one["strengths"] for one in each)
    head = ["", *(f"{name}, mean" for name in networks)]
    head += [f"{name}, strength {strengths[-1]}" for name in networks]
    return _table(head, [*rows, ["**all**", *means, *worst]])


def _mistakes(manifest: Manifest) -> str:
    """Return the sentence, the table and the picture's place of one set."""
    figures = manifest.metrics
    mistakes, doubted = figures["mistakes"], figures["sound_labels"]["left_out"]
    marked = sum(row[0] in doubted for row in mistakes)
    first = f"`{manifest.name}` makes {len(mistakes)}, {marked} of them with a label in doubt."
    picture = f"<!-- picture: mistakes-{manifest.name} -->"
    return "\n\n".join(filter(None, [first, _mistake_table(mistakes, doubted), picture]))


def _mistake_table(mistakes: Sequence[Sequence[Any]], doubted: Sequence[int]) -> str:
    rows = []
    for digit in range(10):
        cells = [
            f"{answer} ({index}{'*' if index in doubted else ''}, {100 * probability:.0f} %)"
            for index, label, answer, probability in mistakes
            if label == digit
        ]
        if cells:
            rows.append([digit, len(cells), "; ".join(cells)])
    # An asterisk is text here, not emphasis.
    table = _table(["label", "mistakes", "answers"], rows).replace("*", r"\*")
    return table.replace("---:", ":---") if rows else ""


def _again(manifest: Manifest) -> str:
    again = manifest.metrics.get("again")
    if again is None:
        return ""
    if again["equal"]:
        return f"Trained a second time so, `{manifest.name}` came out equal to the bit."
    return (
        f"Trained a second time so, the weights of `{manifest.name}` differed by at most "
        f"{again['largest']:.2g}, and {again['answers']} of "
        f"{manifest.metrics['test']['images']:,} answers to the test images."
    )
