"""The daemon sets the log up; each test gets it back as it was."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest
from loguru import logger


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Restore loguru and the standard library's root logger."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logger.remove()
    logger.add(sys.stderr)
    root.handlers[:], root.level = handlers, level
