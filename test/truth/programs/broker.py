# Publishes a message for each request, with ids in a header as tracing libraries do, and answers. Where there is a Redis it takes the
# messages, too, and asks that for each. Arguments: its port, the port of the broker (NATS), and that of Redis, if there is one.
import secrets
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

port, broker_port = (int(text) for text in sys.argv[1:3])
own = threading.local()


class Broker:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", broker_port))
        self.stream = self.socket.makefile("rb")
        self.stream.readline()
        self.socket.sendall(b'CONNECT {"verbose":false,"headers":true}\r\n')
        self.flush()

    def flush(self):
        self.socket.sendall(b"PING\r\n")
        while self.stream.readline() != b"PONG\r\n":
            pass

    def publish(self, subject):
        ids = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        header = f"NATS/1.0\r\ntraceparent: {ids}\r\n\r\n".encode()
        self.socket.sendall(f"HPUB {subject} {len(header)} {len(header) + 4}\r\n".encode() + header + b"work\r\n")


def consume(redis_port, ready):
    broker = Broker()
    store = redis.Redis(port=redis_port, decode_responses=True)
    broker.socket.sendall(b"SUB work.* 1\r\n")
    broker.flush()
    ready.set()
    while words := broker.stream.readline().split():
        if words[0] == b"PING":
            broker.socket.sendall(b"PONG\r\n")
        elif words[0] == b"HMSG":
            broker.stream.read(int(words[-1]) + 2)
            store.get(words[1].decode().removeprefix("work."))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if not hasattr(own, "broker"):
            own.broker = Broker()
        own.broker.publish("work." + self.path.rsplit("/", 1)[1])
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


if len(sys.argv) > 3:
    ready = threading.Event()
    threading.Thread(target=consume, args=(int(sys.argv[3]), ready), daemon=True).start()
    ready.wait()
Server(("127.0.0.1", port), Handler).serve_forever()
