"""Runs a command in a root of its own, in a network with a name server and an HTTP server and nothing else.

    unshare --net python3 names.py ROOT PROGRAM ARGUMENT…     as root; ends as the program ends
"""
import fcntl
import http.server
import os
import socket
import struct
import subprocess
import sys
import threading


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
        fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 0x41))


def answer_names():
    """Every name is at 127.0.0.1."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    while True:
        query, sender = server.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        is_v4 = query[end - 4:end - 2] == b"\0\1"
        head = query[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, is_v4, 0, 0) + query[12:end]
        server.sendto(head + (b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + b"\x7f\0\0\1" if is_v4 else b""), sender)


class Pong(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"host": "%s"}' % self.headers["Host"].encode())

    def log_message(self, *_):
        pass


raise_loopback()
threading.Thread(target=answer_names, daemon=True).start()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Pong)
threading.Thread(target=server.serve_forever, daemon=True).start()
root = sys.argv[1]


def enter():
    os.chroot(root)
    os.chdir("/work")


sys.exit(subprocess.run(sys.argv[2:], preexec_fn=enter, env={}).returncode)
