"""A parser of complete HTML pages."""

import html.parser

VOID_ELEMENTS = {"meta", "img", "br", "link", "input", "hr", "source"}


class HtmlPage(html.parser.HTMLParser):
    """The elements and the text of a page; fails unless elements are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._texts, self._open = [], [], []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID_ELEMENTS:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self._texts.append(data)

    @property
    def text(self):
        """The visible text and the title, with single spaces."""
        return " ".join(" ".join(self._texts).split())

    def all(self, tag):
        """Return the attributes of all elements with a tag."""
        return [attributes for name, attributes in self.elements if name == tag]
