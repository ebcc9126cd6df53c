"""Digit recognition with Ray Data on a local cluster."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mnistcnn
from tests.helpers.examples import EXAMPLES, example_with
from tests.helpers.ray_cluster import ray_cluster

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),  # warnings inside Ray
]
NUM_IMAGES = 100_000
EXAMPLE = EXAMPLES / "batch_inference.py"


@pytest.fixture(scope="module")
def ray():
    with ray_cluster() as module:
        yield module


@pytest.fixture(scope="module")
def images(digits):
    return np.resize(digits.train.images, (NUM_IMAGES, 28, 28))


@pytest.fixture(scope="module")
def expected(images):
    return mnistcnn.Recognizer().predict_proba(images)


class RecognizerActor:
    """A recognizer that kills its process once, if the file `kill_file` exists."""

    def __init__(self, kill_file=""):
        self.recognizer = mnistcnn.Recognizer(num_threads=1)
        self.kill_file = kill_file

    def __call__(self, batch):
        if self.kill_file and Path(self.kill_file).exists() and 30_000 in batch["id"]:
            Path(self.kill_file).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        probabilities = self.recognizer.predict_proba(batch["image"])
        pids = np.full(len(probabilities), os.getpid())
        return {"id": batch["id"], "pid": pids, "probabilities": probabilities}


def predict(ray, images, **options):
    blocks = ray.data.from_blocks(
        [
            ray.data.block.BlockAccessor.batch_to_block({"id": ids, "image": images[ids]})
            for ids in np.array_split(np.arange(NUM_IMAGES), 20)
        ]
    )
    pool = ray.data.ActorPoolStrategy(size=2)
    predictions = blocks.map_batches(
        RecognizerActor, batch_size=2_000, compute=pool, num_cpus=1, **options
    )
    batches = list(predictions.iter_batches(batch_size=None, batch_format="numpy"))
    columns = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    order = np.argsort(columns["id"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def test_actors_predict_what_one_process_predicts(ray, images, expected):
    result = predict(ray, images)
    assert np.array_equal(result["id"], np.arange(NUM_IMAGES))
    np.testing.assert_allclose(result["probabilities"], expected, atol=1e-6)
    assert np.array_equal(result["probabilities"].argmax(axis=1), expected.argmax(axis=1))
    assert len(set(result["pid"])) == 2


def test_killed_actor_restarts_without_lost_or_repeated_images(ray, images, expected, tmp_path):
    kill_file = tmp_path / "kill"
    kill_file.touch()
    result = predict(ray, images, fn_constructor_args=(str(kill_file),))
    assert not kill_file.exists()  # the process was killed
    assert np.array_equal(result["id"], np.arange(NUM_IMAGES))
    np.testing.assert_allclose(result["probabilities"], expected, atol=1e-6)
    assert len(set(result["pid"])) >= 2


def test_folder_of_image_files(ray, digits, recognizer, tmp_path):
    for number, image in enumerate(digits.test.images[:40]):
        Image.fromarray(image).save(tmp_path / f"{number:02}.png")
    predictions = ray.data.read_images(
        tmp_path, size=(28, 28), mode="L", include_paths=True
    ).map_batches(
        lambda batch: {
            "path": batch["path"],
            "digit": mnistcnn.Recognizer().predict(batch["image"]),
        }
    )
    digits_by_name = {Path(row["path"]).stem: row["digit"] for row in predictions.take_all()}
    expected = recognizer.predict(digits.test.images[:40])
    assert [digits_by_name[f"{number:02}"] for number in range(40)] == expected.tolist()


def test_the_job_reads_with_actors_what_it_reads_in_one_process(tmp_path):
    import pyarrow.dataset

    tables = []
    for workers in ("0", "2"):
        program = tmp_path / "read_many_pictures.py"
        folder = f"readings{workers}"
        program.write_text(example_with(program.name, WORKERS=workers, OUTPUT=f'"{folder}"'))
        result = subprocess.run(
            [sys.executable, program],
            capture_output=True, text=True, check=True, timeout=300,
        )  # fmt: skip
        assert result.stdout.startswith("16 pictures read, in 4 parts\n")
        table = pyarrow.dataset.dataset(f"{folder}/parts").to_table()
        tables.append(table.sort_by("path").to_pylist())
    texts = [[(row["path"], row["text"], row["error"]) for row in table] for table in tables]
    assert texts[0] == texts[1]
    assert [Path(row["path"]).name for row in tables[0] if row["error"]] == ["07.png"]


def test_ray_sends_no_usage_statistics(ray):
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert "RAY_USAGE_STATS_ENABLED" in EXAMPLE.read_text()


def test_example_prints_the_same_with_and_without_ray(tmp_path):
    outputs = []
    for actors in ("2", "0"):
        program = tmp_path / "batch_inference.py"
        program.write_text(example_with(EXAMPLE.name, ACTORS=actors))
        result = subprocess.run(
            [sys.executable, program],
            capture_output=True, text=True, check=True, timeout=300,
        )  # fmt: skip
        outputs.append(result.stdout)
        # Ray Data warns about every pool of actors (ray issue 53727).
        warnings = [line for line in result.stderr.splitlines() if "ray/issues/53727" not in line]
        assert warnings == []
    assert outputs[0] == outputs[1]
    assert re.fullmatch(r"20,000 images, [\d,]+ with low confidence\n", outputs[0])
    assert list(Path("predictions").glob("*.parquet"))
