# Hands each request on to the next server, over a session of its own for each connection that it was asked on: one keep-alive
# connection carries one request after the other. Arguments: its port, the next server's port.
import http.client
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, next_port = (int(text) for text in sys.argv[1:3])
sessions = threading.local()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        session = getattr(sessions, "next", None)
        if session is None:
            session = sessions.next = http.client.HTTPConnection("127.0.0.1", next_port)
        session.request("GET", self.path)
        body = session.getresponse().read()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


Server(("127.0.0.1", port), Handler).serve_forever()
