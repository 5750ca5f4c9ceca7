"""Checkpoints for the tests of screening, built once a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_models import INDUCTION, save_induction, save_random


@pytest.fixture(scope="session")
def random_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random(tmp_path_factory.mktemp("random-model"))


@pytest.fixture(scope="session")
def induction_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not INDUCTION.is_file():
        pytest.skip("../shared/fixtures is not here")
    return save_induction(tmp_path_factory.mktemp("induction-model"))
