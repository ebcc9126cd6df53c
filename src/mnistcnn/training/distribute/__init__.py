"""Training on several devices and on several machines.

May import what `training` may.
"""
