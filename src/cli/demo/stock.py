# The demo's stock service: a plain Python HTTP server in front of SQLite. Knows nothing of Sonde.
import json
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

port = int(sys.argv[1])


def connect():
    db = sqlite3.connect(sys.argv[2])
    db.execute("create table if not exists item (id integer primary key, name text, stock integer)")
    return db


with connect() as db:
    db.executemany(
        "insert or ignore into item values (?, ?, ?)", [(i, f"item {i}", (i * 37) % 50) for i in range(1, 101)]
    )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = urlsplit(self.path).path
        if path.startswith("/items/"):
            with connect() as db:
                row = db.execute("select id, name, stock from item where id = ?", (path[7:],)).fetchone()
            if row is None:
                self.answer(404, {"error": "no such item"})
            else:
                self.answer(200, {"id": row[0], "name": row[1], "stock": row[2]})
        else:
            self.answer(404, {"error": "no such page"})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
