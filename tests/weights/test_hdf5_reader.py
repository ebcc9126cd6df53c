"""Our HDF5 reader, compared with h5py."""

import io
import struct

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnistcnn import CorruptFileError
from mnistcnn.weights import hdf5_reader

NAMES = st.text(st.characters(codec="ascii", exclude_characters="/.\0"), min_size=1, max_size=12)
DTYPES = st.sampled_from(
    ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "i1", "u1", "<i2", ">u2", ">i4", "<u4", "<i8", ">u8"]
)
ARRAYS = DTYPES.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, max_side=4))
)
TREES = st.recursive(
    ARRAYS, lambda inner: st.dictionaries(NAMES, inner, max_size=12), max_leaves=30
).filter(lambda tree: isinstance(tree, dict))


def to_hdf5(tree, **options):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file, tree)
    return buffer.getvalue()


def fill(group, tree):
    for name, value in tree.items():
        if isinstance(value, dict):
            fill(group.create_group(name), value)
        else:
            group[name] = value


def read(content):
    file = hdf5_reader.Hdf5Reader(content)

    def tree(group):
        return {
            name: tree(address) if file.is_group(address) else file.array(address, name)
            for name, address in file.members(group)
        }

    return tree(file.root)


def equal(tree, other):
    if isinstance(tree, dict):
        return tree.keys() == other.keys() and all(equal(tree[key], other[key]) for key in tree)
    same_type = tree.dtype == other.dtype and tree.shape == other.shape
    return same_type and tree.tobytes() == other.tobytes()


@settings(max_examples=25)
@given(tree=TREES)
def test_trees_written_by_h5py_are_read_exactly(tree):
    assert equal(read(to_hdf5(tree)), tree)


def test_non_ascii_names_are_read():
    """Groups with such names store links in place of a symbol table."""
    tree = {"ünïcødé": np.float32(1), "数字": {"ä": np.float32(2), "b": np.float32(3)}}
    assert equal(read(to_hdf5(tree)), tree)


@pytest.mark.parametrize("count", [0, 1, 8, 9, 16, 17, 300])
def test_groups_of_any_size_are_read(count):
    """Their B-trees have one or more levels."""
    tree = {f"a{number}": np.float32(number) for number in range(count)}
    assert equal(read(to_hdf5(tree)), tree)


def test_compact_datasets_are_read():
    """h5py writes this layout only through its low-level API."""
    buffer = io.BytesIO()
    values = np.arange(5, dtype="<f4")
    with h5py.File(buffer, "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((5,))
        dataset = h5py.h5d.create(file.id, b"a", h5py.h5t.IEEE_F32LE, space, properties)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
    assert np.array_equal(read(buffer.getvalue())["a"], values)


def test_a_group_of_links_is_read():
    """h5py writes link messages if one member is an external link."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["a"] = np.float64([1, 2])
        file["b"] = h5py.ExternalLink("elsewhere.h5", "x")
        file["c"] = h5py.SoftLink("/a")
    file = hdf5_reader.Hdf5Reader(buffer.getvalue())
    members = dict(file.members(file.root))
    assert members.keys() == {"a", "b", "c"}
    assert members["b"] is members["c"] is None
    assert np.array_equal(file.array(members["a"], "a"), [1, 2])


@pytest.mark.parametrize("value", ["text", np.complex64(1), np.array([(1, 2.0)], "i4,f4"), np.bool_(1)])  # fmt: skip
def test_other_dtypes_are_rejected(value):
    with pytest.raises(CorruptFileError, match="'a' must be integers or floats"):
        read(to_hdf5({"a": value}))


def test_a_named_datatype_is_rejected():
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["a"] = np.dtype("f4")
    with pytest.raises(CorruptFileError, match="'a' must be a dataset; received another object"):
        read(buffer.getvalue())


def test_a_dataset_without_data_is_rejected():
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("a", (4,), "f4")
    with pytest.raises(ValueError, match=r"'a' must take 16 bytes"):
        read(buffer.getvalue())


@pytest.mark.parametrize("options", [{"libver": "latest"}, {"userblock_size": 512}])
def test_other_file_layouts_are_rejected(options):
    with pytest.raises((CorruptFileError, ValueError), match="must have version 0|must start with"):
        read(to_hdf5({"a": np.float32(1)}, **options))


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_rejected(fraction):
    content = to_hdf5({"a": np.zeros(1000, np.float32)})
    with pytest.raises(
        (ValueError, struct.error),
        match="must be|must have|must start|must take|unpack_from requires",
    ):
        read(content[: int(fraction * len(content))])
