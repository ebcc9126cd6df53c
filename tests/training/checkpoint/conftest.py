"""Trained runs that several tests share."""

import shutil

import pytest

from tests.helpers.checkpoint_runs import FOLDER, run
from tests.helpers.runs import Crash


@pytest.fixture(scope="module")
def uninterrupted(xy, tmp_path_factory):
    """Return a function that trains a case without a checkpoint, once per module."""
    results = {}

    def get(case="baseline"):
        if case not in results:
            with pytest.MonkeyPatch.context() as patch:
                Crash.batches_left = -1
                patch.chdir(tmp_path_factory.mktemp("uninterrupted"))
                results[case] = run(xy, case, Crash(), checkpoint_dir=None)
        return results[case]

    return get


@pytest.fixture(scope="module")
def one_epoch_run(xy, tmp_path_factory):
    """The folder in which a run of one epoch has finished."""
    folder = tmp_path_factory.mktemp("one_epoch_run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(xy, epochs=1)
    return folder


@pytest.fixture
def finished_run(one_epoch_run):
    """A copy of its checkpoint in the current folder."""
    shutil.copytree(one_epoch_run / FOLDER, FOLDER)
