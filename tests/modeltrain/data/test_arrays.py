import numpy as np
import pytest

from modeltrain.data import arrays

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def path(tmp_path):
    path = arrays.path_of(tmp_path, "ab" * 32)
    arrays.write(path, VALUES)
    return path


def test_an_array_lies_in_one_of_256_folders_and_only_its_owner_reads_it(path, tmp_path):
    assert path == tmp_path / "ab" / f"{'ab' * 32}.npy"
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_array_is_read_as_it_was_written(path):
    values = arrays.read(path, shape=(2, 3), dtype=np.float32)
    assert values.dtype == np.float32
    assert (values == VALUES).all()


@pytest.mark.parametrize(
    ("shape", "dtype"), [((3, 2), np.float32), ((6,), np.float32), ((2, 3), np.float64)]
)
def test_an_array_of_another_shape_or_dtype_counts_as_missing(path, shape, dtype):
    assert arrays.read(path, shape=shape, dtype=dtype) is None


@pytest.mark.parametrize("damage", [b"", b"no array", None])
def test_a_damaged_file_counts_as_missing(path, damage):
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    assert arrays.read(path, shape=(2, 3), dtype=np.float32) is None


def test_an_array_that_is_not_finite_counts_as_missing(path):
    arrays.write(path, np.full((2, 3), np.nan, np.float32))
    assert arrays.read(path, shape=(2, 3), dtype=np.float32) is None


def test_pickled_objects_are_never_read(path):
    np.save(path, np.array([[{}] * 3] * 2), allow_pickle=True)
    assert arrays.read(path, shape=(2, 3), dtype=object) is None


def test_a_missing_file_is_none(tmp_path):
    assert arrays.read(tmp_path / "none.npy", shape=(1,), dtype=np.float32) is None
