# A thread for each connection, as ThreadingHTTPServer has it. Each request asks Redis, PostgreSQL and Redis again, with connections
# that threads take from a pool and give back. Arguments: its port, Redis' port, PostgreSQL's port (0: it is not asked), milliseconds it
# rests at most before each call.
import queue
import random
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

port, redis_port, postgres_port, rest_ms = (int(text) for text in sys.argv[1:5])
store = redis.Redis(host="127.0.0.1", port=redis_port)
databases = queue.Queue()
for _ in range(16 if postgres_port > 0 else 0):
    databases.put(psycopg2.connect(host="127.0.0.1", port=postgres_port, user="sonde", dbname="postgres", sslmode="disable"))


def rest():
    if rest_ms > 0:
        time.sleep(random.random() * rest_ms / 1000)


def look_up(mark):
    database = databases.get()
    try:
        database.autocommit = True
        with database.cursor() as cursor:
            cursor.execute(f"SELECT 1 AS {mark}")
            cursor.fetchall()
    finally:
        databases.put(database)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        mark = self.path.rsplit("/", 1)[1]
        rest()
        store.get(f"cart:{mark}")
        if postgres_port > 0:
            rest()
            look_up(mark)
        rest()
        store.get(f"seen:{mark}")
        self.send_response(200)
        self.send_header("content-length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


Server(("127.0.0.1", port), Handler).serve_forever()
