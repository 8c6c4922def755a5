"""The yardstick: the smallest Flask application there is, on the same server software with the same threads."""

from __future__ import annotations

import sys

from flask import Flask
from waitress import serve

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Say hello."""
    return "hello, world"


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=32)
