"""A small server of files, and MNIST of eight images a part for it to serve."""

import hashlib
import http.server

import numpy as np

from mnistcnn.data.formats import IDX_NAMES, encode_idx


def arrays_of(dataset):
    return [array for split in dataset for array in split]


def equal(found, expected):
    return all(map(np.array_equal, arrays_of(found), arrays_of(expected)))


def md5s(dataset):
    return {
        name: hashlib.md5(encode_idx(array)).hexdigest()
        for name, array in zip(IDX_NAMES, arrays_of(dataset), strict=True)
    }


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; a number in place of bytes is a status, a callable takes the handler."""

    def __init__(self):
        self.files, self.requested = {}, []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requested.append(self.path)
        answer = self.server.files.get(self.path.lstrip("/"), 404)
        if isinstance(answer, int):
            self.send_error(answer)
            return
        if callable(answer):
            answer(self)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass
