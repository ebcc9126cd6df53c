"""The page about a network: all in it, nothing from elsewhere, and words that stay words."""

import base64
import html.parser
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mnistcnn
from mnistcnn.cli.main import main
from mnistcnn.report import page as page_module
from mnistcnn.report.page import render_report
from mnistcnn.weights.keras_file import save_model
from mnistcnn.weights.pretrained import load_pretrained_weights

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(html.parser.HTMLParser):
    """What a page holds, and that its elements are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def trained(tmp_path, network):
    """Leave a network with the result.json of its training, as `train` does."""

    def leave(**changed):
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        save_model(network, folder / "bestmodel.keras")
        report = {
            "command": "mnistcnn train --data digits --seed 7",
            "versions": {"mnistcnn": "0.1", "keras": "3.99"},
            "data": {"source": "digits", "reason": "as asked", "train": 1442, "test": 355},
            "recipe": mnistcnn.recipes.FAST.to_dict(),
            "seed": 7,
            "training_seconds": 12.5,
            "history": {"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]},
            "model": "bestmodel.keras",
        }
        (folder / "result.json").write_text(json.dumps({**report, **changed}))
        return "run/bestmodel.keras"

    return leave


def page_of(*arguments, name="report.html"):
    assert main(["report", *arguments]) == 0
    return Page(Path(name).read_text(encoding="utf-8"))


def picture(source):
    kind, content = source.split(",", 1)
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_it_holds_everything(trained, network, xy, digits, capsys):
    page = page_of(trained(), "--data", "digits")
    result = mnistcnn.evaluate(network, *xy)
    low, high = result.accuracy_ci
    for words in (
        f"The network reads {result.num_correct:,} of 355 test images of digits right.",
        f"{100 * result.accuracy:.2f} %", f"{100 * low:.2f} % to {100 * high:.2f} %",
        f"{100 * result.expected_calibration_error:.2f} %", f"{result.loss:.4f}",
        f"The 60 most confident of {len(result.misclassified):,} mistakes",
        "mnistcnn train --data digits --seed 7", "name fast, epochs 1", "digits, 1442 images",
        "mnistcnn 0.1, keras 3.99", "12.5", "learning_rate", f"mnistcnn {mnistcnn.__version__}",
        "mnistcnn report run/bestmodel.keras --data digits",
    ):  # fmt: skip
        assert words in page.text, words
    images = page.all("img")
    wrong = result.misclassified
    gallery = [
        image for image in images if "was taken for" in image["alt"] and image["width"] == "28"
    ]
    assert len(gallery) == 60
    for image, place in zip(gallery, wrong.most_confident_first, strict=False):
        expected = 255 - digits.test.images[wrong.indices[place]]
        assert np.array_equal(np.asarray(picture(image["src"])), expected)
        label, said = wrong.labels[place], wrong.predicted[place]
        assert image["alt"] == f"A {label} that was taken for a {said}"
    for digit in range(10):
        row = (
            f"{digit} {result.confusion_matrix[digit].sum()} "
            + " ".join(percent(v[digit]) for v in (result.precision, result.recall, result.f1))
        )  # fmt: skip
        assert row in page.text
    assert sum(image["alt"].startswith("Two curves") for image in images) == 1
    assert len(images) == 60 + 5
    size = Path("report.html").stat().st_size
    assert size < 1_000_000
    assert capsys.readouterr().out.endswith(f"report.html: {size:,} bytes\n")


def percent(share):
    return "–" if np.isnan(share) else f"{100 * share:.2f} %"


def test_it_needs_nothing_else_and_can_be_read_by_all(trained):
    page = page_of(trained(), "--data", "digits")
    text = Path("report.html").read_text(encoding="utf-8")
    assert "http:" not in text
    assert "https:" not in text
    assert not re.search(r"url\(|@import|<script|<link", text)
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert all(image["alt"] and image["width"] and image["height"] for image in page.all("img"))
    (policy,) = (m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'")
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == 1
    tables = len(page.all("table"))
    assert tables == len(page.all("caption")) >= 5
    assert all(cell.get("scope") in {"row", "col"} for cell in page.all("th"))
    names = [one["id"] for one in page.all("h2")]
    assert [one["aria-labelledby"] for one in page.all("section")] == names
    assert "prefers-color-scheme: dark" in text


def test_words_stay_words(trained):
    bad = '<script>alert("1")</script>'
    source = trained(
        command=bad, seed=bad, versions={bad: bad}, recipe={"name": bad, "epochs": {bad: bad}},
        training_seconds=bad, data={"source": bad, "train": bad},
    )  # fmt: skip
    page = page_of(source, "--data", "digits")
    assert not page.all("script")
    assert page.text.count(bad) >= 9


def test_without_a_training_it_says_so(trained, tmp_path):
    source = trained(model="another.keras")
    page = page_of(source, "--data", "digits", "--output", "a.html", name="a.html")
    assert "Not known: no result.json of this network lies beside its file." in page.text
    (tmp_path / "run/result.json").unlink()
    again = page_of(source, "--data", "digits", "--output", "b.html", name="b.html")
    assert again.text == page.text.replace("a.html", "b.html")
    assert not [image for image in page.all("img") if image["alt"].startswith("Two curves")]


def test_an_old_result_may_know_less(trained):
    page = page_of(trained(seed=None, recipe=3, versions=[], data=None), "--data", "digits")
    assert "none (not reproducible)" in page.text
    assert "The whole recipe" not in page.text


def test_shipped_weights_have_their_manifest(tmp_path, capsys):
    assert main(["report", "best", "--data", "digits", "--json", "--output", "new/b.html"]) == 0
    report = json.loads(capsys.readouterr().out)
    page = Page((tmp_path / "new/b.html").read_text(encoding="utf-8"))
    manifest = load_pretrained_weights("best").manifest
    for words in ("Pretrained weights: best", manifest.command, manifest.commit, "mnist, 60000 images",
                  "augmentation.rotation 8.0", f"Seed {manifest.seed}"):  # fmt: skip
        assert words in page.text, words
    assert report["bytes"] == (tmp_path / "new/b.html").stat().st_size
    assert report["test"]["num_images"] == 355
    assert report["path"] == "new/b.html"


def test_a_network_without_mistakes_has_a_page_too(network, digits):
    answers = np.asarray(network(mnistcnn.preprocess(digits.test.images[:9]))).argmax(axis=1)
    result = mnistcnn.evaluate(network, *mnistcnn.preprocess(digits.test.images[:9], answers))
    page = Page(
        render_report(network, result, digits.test.images[:9], title="t", data="d", about=[])
    )
    assert "There were none." in page.text
    assert "Most often taken" not in page.text
    assert "–" in page.text  # the precision of a digit that was never said


def test_nothing_is_written_if_anything_fails(trained, tmp_path, capsys, monkeypatch):
    source = trained()
    (tmp_path / "report.html").write_text("mine")

    def fail(*arguments, **options):
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(page_module, "_bins", fail)
        assert main(["report", source, "--data", "digits"]) == 1
    assert capsys.readouterr().err == "mnistcnn: no room\n"
    assert (tmp_path / "report.html").read_text() == "mine"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["report.html", "run"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{", "run/result.json must be JSON; received "),
        ('{"model": "bestmodel.keras", "history": {"loss": []}}', "run/result.json: history must hold at least one epoch"),
    ],
)  # fmt: skip
def test_a_damaged_result_is_refused_at_once(content, line, trained, tmp_path, capsys):
    source = trained()
    (tmp_path / "run/result.json").write_text(content)
    assert main(["report", source, "--data", "absent.npz"]) == 1
    assert capsys.readouterr().err.startswith(f"mnistcnn: {line}")


def test_arguments_are_checked(capsys):
    assert main(["report", "best", "--output", "a.pdf"]) == 1
    assert (
        capsys.readouterr().err
        == "mnistcnn: --output must end in .html or .htm; received 'a.pdf'\n"
    )
    assert main(["report", "absent.keras"]) == 1
    assert capsys.readouterr().err.startswith("mnistcnn: MODEL must be an existing file or one of ")
