"""Accuracy of reading pages, on synthetic pages with a known text."""
