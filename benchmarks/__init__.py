"""Benchmarks: ``python -m benchmarks.NAME`` each, ``python -m benchmarks`` all; see benchmarks.harness."""
