"""Structure of image files: the first frame as a minimal file, and what decoding it takes.

Decoders trust their input: a file of some kilobytes can hold millions of empty chunks or a thousand
scans, which take minutes or gigabytes. Each format is therefore parsed in few steps and rebuilt
without metadata, comments and further frames, and only that reaches a decoder. The formats are
those of cameras, scanners, screenshots and web pages. May import what `images` may.
"""
