"""A local file server, and helpers to compare data sets."""

import hashlib
import http.server

import numpy as np

from mnistcnn.data.file_formats import IDX_NAMES, encode_idx


def arrays_of(dataset):
    """Return the four arrays of a data set."""
    return [array for split in dataset for array in split]


def datasets_equal(dataset, other):
    return all(map(np.array_equal, arrays_of(dataset), arrays_of(other)))


def idx_md5s(dataset):
    """Return the md5 of each array as an uncompressed IDX file, as `load._MNIST_MD5`."""
    return {
        name: hashlib.md5(encode_idx(array)).hexdigest()
        for name, array in zip(IDX_NAMES, arrays_of(dataset), strict=True)
    }


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
