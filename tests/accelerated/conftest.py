"""JAX computes with 64 bits in these tests, and with its default of 32 in all others."""

from __future__ import annotations

import os
from collections.abc import Iterator

# Programs that run once need not be quick.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)

import jax
import pytest


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield
