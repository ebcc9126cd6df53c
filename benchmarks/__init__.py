"""Benchmarks, to run as modules from the repository root: ``python -m benchmarks.ocr.accuracy``."""
