"""A local file server, and helpers to compare data sets."""

import dataclasses
import hashlib
import http.server

import numpy as np

from mnistcnn.data.catalog import NAMED_DATASETS
from mnistcnn.data.formats.idx import encode_idx


def arrays_of(dataset):
    """Return the four arrays of a data set."""
    return [array for split in dataset for array in split]


def datasets_equal(dataset, other):
    return all(map(np.array_equal, arrays_of(dataset), arrays_of(other)))


def idx_md5s(dataset):
    """Return the md5 of each array as an uncompressed IDX file."""
    return tuple(hashlib.md5(encode_idx(array)).hexdigest() for array in arrays_of(dataset))


def change_named(monkeypatch, name="mnist", **fields):
    """Change fields of a named data set, such as its mirrors."""
    changed = dataclasses.replace(NAMED_DATASETS[name], **fields)
    monkeypatch.setitem(NAMED_DATASETS, name, changed)


def mirrors_of(name="mnist"):
    return NAMED_DATASETS[name].mirrors


class Server(http.server.ThreadingHTTPServer):
    """Serve `files`: bytes, an HTTP status to respond with, or a function of the handler."""

    def __init__(self):
        self.files, self.requested = {}, []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requested.append(self.path)
        response = self.server.files.get(self.path.lstrip("/"), 404)
        if isinstance(response, int):
            self.send_error(response)
            return
        if callable(response):
            response(self)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)

    def log_message(self, *arguments):
        pass
