"""Checkpoints of a training run, from which it resumes bit-exactly.

May import what `training` may.
"""
