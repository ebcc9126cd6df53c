"""Scripts that train the network that finds the handwritten digits on a page.

`package.json` declares the typefaces that the synthetic pages are drawn with (SIL Open Font
License, Apache License or Ubuntu Font License)::

    npm install --no-package-lock --prefix tools/page_network

Without them, the typefaces of Matplotlib and OpenCV are used, which suffices for tests but not for
training.
"""
