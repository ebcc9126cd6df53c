"""Readers of the files that data sets come in, each recognized by its content.

May import `utils` and `data.image_files`. No reader unpickles, executes or follows what a file
names, and each checks the size of content before it unpacks it.
"""
