# One thread that takes messages of NATS, one after the other. For each it asks another HTTP server, then Redis, and says that it is done.
# What came with the same read waits until it is its turn. Arguments: a port, which says that it is ready, and those of NATS, HTTP, Redis.
import http.client
import socket
import sys

port, nats_port, http_port, redis_port = (int(text) for text in sys.argv[1:5])
server = http.client.HTTPConnection("127.0.0.1", http_port)
store = socket.create_connection(("127.0.0.1", redis_port))
broker = socket.create_connection(("127.0.0.1", nats_port))
kept = b""


def more():
    global kept
    read = broker.recv(65536)
    if not read:
        sys.exit()
    kept += read


def line():
    global kept
    while b"\r\n" not in kept:
        more()
    first, kept = kept.split(b"\r\n", 1)
    return first


def payload(size):
    global kept
    while len(kept) < size + 2:
        more()
    kept = kept[size + 2 :]


def work(mark):
    server.request("GET", f"/item/{mark}")
    server.getresponse().read()
    key = f"cart:{mark}".encode()
    store.sendall(b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key))
    store.recv(100)


line()
broker.sendall(b'CONNECT {"verbose":false,"name":"consumer"}\r\nSUB work.* 1\r\nPING\r\n')
while line() != b"PONG":
    pass
ready = socket.create_server(("127.0.0.1", port))
while True:
    words = line().split()
    if words[0] == b"PING":
        broker.sendall(b"PONG\r\n")
    elif words[0] == b"MSG":
        _, subject, _, reply, size = words
        payload(int(size))
        work(subject.decode().split(".")[1])
        broker.sendall(b"PUB %s 4\r\ndone\r\n" % reply)
