"""Measurements of loading data."""
