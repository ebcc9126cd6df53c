"""Fuzzing, kills of running trainings, and concurrent downloads."""
