"""
Read millions of pictures
=========================

Read the digits in all pictures of a folder or a bucket, in this process or with Ray actors on all
cores and machines of a cluster, and write Parquet files. A picture that can't be read becomes a row
with the error. If the program is interrupted, run it again: it continues with the pictures that
are missing.

With Ray, install ``mnistcnn-slim[ray]``; it needs neither Keras nor TensorFlow.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
from matplotlib.figure import Figure
from PIL import Image
from pyarrow import fs

import mnistcnn

SOURCE = "pictures"  # a folder, or a bucket: s3://my-bucket/scans, gs://my-bucket/scans
OUTPUT = "readings"  # likewise
WORKERS = 0  # in this process, without Ray; 1000: as many actors
ADDRESS = "local"  # or that of a Ray cluster
PART_SIZE = 5  # pictures per file; for a large set, as many as take some minutes, such as 1,000
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
MAX_BYTES = 100_000_000

# %%
# Draw some pictures
# ------------------
# If there are none, the program draws pages of five digits. One of the files is damaged.


def draw_pictures(folder: Path) -> None:
    """Save 16 pictures, each with five digits."""
    folder.mkdir()
    _, (images, _) = mnistcnn.load_data("digits")
    for number, row in enumerate(images[:80].reshape(16, 5, 28, 28)):
        page = np.hstack([np.pad(255 - image, 8, constant_values=255) for image in row])
        Image.fromarray(page).save(folder / f"{number:02}.png")
    damaged = folder / "07.png"
    damaged.write_bytes(damaged.read_bytes()[:200])


if SOURCE == "pictures" and not Path(SOURCE).exists():
    draw_pictures(Path(SOURCE))

# %%
# List the pictures
# -----------------
# The list is written once, as a Parquet file with a row group for each part of the work. So a
# second run has the same parts, even if pictures were added in between. Each file appears under its
# name only when it is complete.

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("text", pa.string()),
        ("num_digits", pa.int32()),
        ("probability", pa.float64()),
        ("min_confidence", pa.float64()),
        ("error", pa.string()),
    ]
)


def absolute(location: str) -> str:
    """Return a location that means the same in another process."""
    return location if "://" in location else str(Path(location).absolute())


def open_location(location: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of a folder or a bucket, and the path there."""
    return fs.FileSystem.from_uri(absolute(location))


def write_table(table: pa.Table, location: str, name: str, *, row_group_size: int) -> None:
    """Write a Parquet file."""
    system, folder = open_location(location)
    system.create_dir(folder)
    temporary = f"{folder}/{name}.partial"
    pq.write_table(table, temporary, filesystem=system, row_group_size=row_group_size)
    system.move(temporary, f"{folder}/{name}")


def open_list(source: str, output: str) -> pq.ParquetFile:
    """Return the list of the pictures; write it if this is the first run."""
    system, folder = open_location(output)
    path = f"{folder}/list/pictures.parquet"
    if system.get_file_info(path).type == fs.FileType.NotFound:
        pictures, root = open_location(source)
        selector = fs.FileSelector(root, recursive=True)
        paths = sorted(
            info.path
            for info in pictures.get_file_info(selector)
            if info.is_file and info.path.lower().endswith(SUFFIXES)
        )
        table = pa.table({"path": paths}, schema=pa.schema([("path", pa.string())]))
        table = table.replace_schema_metadata({"source": absolute(source)})
        write_table(table, f"{output}/list", "pictures.parquet", row_group_size=PART_SIZE)
    file = pq.ParquetFile(path, filesystem=system)
    listed = file.schema_arrow.metadata[b"source"].decode()
    if listed != absolute(source):
        raise ValueError(f"{output} must hold readings of {source}; it holds those of {listed}")
    return file


# %%
# Read a part
# -----------


def read_picture(recognizer: mnistcnn.Recognizer, system: fs.FileSystem, path: str) -> dict:
    """Return the row of a picture."""
    try:
        with system.open_input_stream(path) as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"{path} must have at most {MAX_BYTES:,} bytes; it has more")
        reading = recognizer.read(io.BytesIO(content))
    except (OSError, ValueError) as error:
        return {"path": path, "error": str(error)}
    confidences = [digit.confidence for digit in reading.digits]
    return {
        "path": path,
        "text": reading.text,
        "num_digits": len(confidences),
        "probability": reading.probability,
        "min_confidence": min(confidences, default=None),
    }


def part_name(part: int) -> str:
    """Return the name of the file of a part."""
    return f"part-{part:08}.parquet"


def read_part(recognizer: mnistcnn.Recognizer, source: str, output: str, part: int) -> int:
    """Read the pictures of a part, write their rows, and return their number."""
    paths = open_list(source, output).read_row_group(part).column("path").to_pylist()
    system, _ = open_location(source)
    rows = [read_picture(recognizer, system, path) for path in paths]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    write_table(table, f"{output}/parts", part_name(part), row_group_size=len(rows))
    return len(rows)


def missing_parts(source: str, output: str) -> list[int]:
    """Return the parts that have no file yet."""
    num_parts = open_list(source, output).num_row_groups
    system, folder = open_location(output)
    selector = fs.FileSelector(f"{folder}/parts", allow_not_found=True)
    written = {info.base_name for info in system.get_file_info(selector)}
    return [part for part in range(num_parts) if part_name(part) not in written]


# %%
# In one process or on Ray
# ------------------------
# Each actor reads one part after another, on one core. Ray restarts an actor that dies and repeats
# its part; a part that is written twice has the same content.


def read_in_process(parts: list[int]) -> Iterator[int]:
    """Read the parts one after another; yield the number of pictures of each."""
    recognizer = mnistcnn.Recognizer()
    for part in parts:
        yield read_part(recognizer, SOURCE, OUTPUT, part)


class PartReader:
    """An actor that reads parts."""

    def __init__(self, source: str, output: str) -> None:
        cv2.setNumThreads(1)
        self.recognizer = mnistcnn.Recognizer(num_threads=1)
        self.locations = source, output

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Read the part of a batch."""
        counts = [read_part(self.recognizer, *self.locations, int(part)) for part in batch["part"]]
        return {"pictures": np.array(counts)}


def read_on_ray(parts: list[int]) -> Iterator[int]:
    """Read the parts on a cluster; yield the number of pictures of each."""
    import logging
    import os

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # turn Ray's telemetry off
    import ray
    import ray.data

    ray.init(ADDRESS, log_to_driver=False, logging_level="ERROR")
    logging.getLogger("ray.data").setLevel("ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    num_blocks = min(len(parts), 10_000)
    work = ray.data.from_items([{"part": part} for part in parts], override_num_blocks=num_blocks)
    done = work.map_batches(
        PartReader,
        batch_size=1,
        fn_constructor_args=(absolute(SOURCE), absolute(OUTPUT)),
        compute=ray.data.ActorPoolStrategy(size=WORKERS),
        num_cpus=1,
    )
    for batch in done.iter_batches(batch_size=None, batch_format="numpy"):
        yield from batch["pictures"].tolist()
    ray.shutdown()


missing = missing_parts(SOURCE, OUTPUT)
if missing:
    total = sum(read_on_ray(missing) if WORKERS else read_in_process(missing))
    print(f"{total:,} pictures read, in {len(missing):,} parts")

# %%
# Use the readings
# ----------------
# The files of all parts are one dataset, for pyarrow, pandas, DuckDB or Spark.

output_system, output_folder = open_location(OUTPUT)
readings = pa.dataset.dataset(f"{output_folder}/parts", filesystem=output_system).to_table()
errors = readings.filter(pa.compute.is_valid(readings["error"]))
print(f"{len(readings):,} pictures, of which {len(errors):,} could not be read")
for row in errors.slice(0, 5).to_pylist():
    print(f"{Path(row['path']).name}: {row['error']}")

figure = Figure(figsize=(6, 3), layout="constrained")
axes = figure.subplots()
axes.hist(readings["probability"].drop_null(), bins=20, range=(0, 1), color="#0072B2")
axes.set_xlabel("Probability that the whole text is correct")
axes.set_ylabel("Pictures")
figure.savefig("probabilities.png")
