"""HDF5 as Keras writes it, read in Python: the same as HDF5's own library reads."""

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
DTYPES = st.sampled_from(["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
ARRAYS = DTYPES.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, max_side=4))
)
TREES = st.recursive(
    ARRAYS, lambda inner: st.dictionaries(NAMES, inner, max_size=12), max_leaves=30
).filter(lambda tree: isinstance(tree, dict))


def written(tree, **options):
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


def equal(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
    return (
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )


@settings(max_examples=80)
@given(tree=TREES)
def test_what_the_library_wrote_comes_back_to_the_bit(tree):
    assert equal(read(written(tree)), tree)


def test_names_of_any_script_are_read():
    """In a group with one the library keeps a list of links in place of a table."""
    tree = {"ünïcødé": np.float32(1), "数字": {"ä": np.float32(2), "b": np.float32(3)}}
    assert equal(read(written(tree)), tree)


@pytest.mark.parametrize("count", [0, 1, 8, 9, 16, 17, 300, 1500])
def test_groups_of_any_size_are_listed(count):
    """Their trees have one level, or several."""
    tree = {f"a{number}": np.float32(number) for number in range(count)}
    assert equal(read(written(tree)), tree)


def test_arrays_within_the_header_are_read():
    """The compact layout, which h5py leaves to its users."""
    buffer = io.BytesIO()
    values = np.arange(5, dtype="<f4")
    with h5py.File(buffer, "w") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((5,))
        made = h5py.h5d.create(file.id, b"a", h5py.h5t.IEEE_F32LE, space, plan)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
    assert np.array_equal(read(buffer.getvalue())["a"], values)


def test_a_group_that_became_a_list_of_links_is_read():
    """As it does when one of its members is an external link."""
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


@pytest.mark.parametrize("value", [np.int32(3), "text", np.complex64(1), np.array([(1, 2.0)], "i4,f4"), np.bool_(1)])  # fmt: skip
def test_what_is_no_floating_number_is_refused(value):
    with pytest.raises(CorruptFileError, match="'a' must be floats of 16, 32 or 64 bits"):
        read(written({"a": value}))


def test_a_named_type_is_no_array():
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["a"] = np.dtype("f4")
    with pytest.raises(CorruptFileError, match="'a' must be an array; it is something else"):
        read(buffer.getvalue())


def test_an_array_that_was_never_written_is_refused():
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("a", (4,), "f4")
    with pytest.raises(ValueError, match=r"'a' must take 16 bytes"):
        read(buffer.getvalue())


@pytest.mark.parametrize("options", [{"libver": "latest"}, {"userblock_size": 512}])
def test_other_layouts_of_a_file_are_refused(options):
    with pytest.raises((CorruptFileError, ValueError), match="must be in the layout|must begin as"):
        read(written({"a": np.float32(1)}, **options))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_part_of_a_file_is_refused(share):
    content = written({"a": np.zeros(1000, np.float32)})
    with pytest.raises((ValueError, struct.error), match="must hold|unpack_from requires"):
        read(content[: int(share * len(content))])
