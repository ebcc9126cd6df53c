"""Builds a release and checks it as a new user would receive it."""
