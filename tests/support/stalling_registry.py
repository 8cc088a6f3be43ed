"""A registry that keeps its clients waiting: for tests of how they are stopped, and how often they try.

Usage: stalling_registry.py LOG [missing | busy [RETRY-AFTER]]

It prints its address and ends when its standard input closes. The image app:1 has eight layers, which
begin and never go on. An upload is taken up and never read. With "missing" the first layer is missing,
which is said once the other seven are under way. With "busy" every answer is 503. LOG has a line for
each request.
"""

import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LAYERS = 8
SIZE = 10_000
DOCUMENT = "application/vnd.oci.image.manifest.v1+json"


def described(kind, content):
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": digest, "size": len(content)}


LAYER_BYTES = [bytes([number]) * SIZE for number in range(LAYERS)]
LAYER_LIST = [described("layer.v1.tar+gzip", content) for content in LAYER_BYTES]
CONFIG = json.dumps({
    "os": "linux", "architecture": "amd64",
    "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in LAYER_LIST]},
}).encode()
MANIFEST = json.dumps({
    "schemaVersion": 2, "mediaType": DOCUMENT,
    "config": described("config.v1+json", CONFIG), "layers": LAYER_LIST,
}).encode()

log = open(sys.argv[1], "w", buffering=1)
mode = sys.argv[2] if len(sys.argv) > 2 else ""
retry_after = sys.argv[3] if len(sys.argv) > 3 else None
stalled = threading.Semaphore(0)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang(self):
        self.wfile.flush()
        # Until the client has gone.
        while self.connection.recv(65536):
            pass
        self.close_connection = True

    def do(self):
        log.write(f"{self.command} {self.path}\n")
        name = self.path.rsplit("/", 1)[-1]
        if mode == "busy":
            fields = {"Retry_After": retry_after} if retry_after else {}
            return self.answer(503, **fields)
        if self.command == "POST":
            return self.answer(202, Location="/v2/app/blobs/uploads/1")
        if self.command in ("PUT", "PATCH"):
            # What is not read soon fills the connection.
            self.close_connection = True
            log.write("stalled\n")
            return threading.Event().wait(600)
        if "/manifests/" in self.path:
            digest = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
            found = name in ("1", digest)
            return self.answer(200 if found else 404, MANIFEST if found else b"",
                               Content_Type=DOCUMENT, Docker_Content_Digest=digest)
        if mode == "missing" and self.command == "GET" and name == LAYER_LIST[0]["digest"]:
            for _ in range(LAYERS - 1):
                stalled.acquire(timeout=20)
            return self.answer(404)
        for layer, content in zip(LAYER_LIST, LAYER_BYTES):
            if self.command == "GET" and name == layer["digest"]:
                self.send_response(200)
                self.send_header("Content-Length", str(SIZE))
                self.end_headers()
                self.wfile.write(content[:100])
                stalled.release()
                log.write("stalled\n")
                return self.hang()
        if name == described("config.v1+json", CONFIG)["digest"]:
            return self.answer(200, CONFIG)
        return self.answer(404)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"127.0.0.1:{server.server_port}", flush=True)
sys.stdin.read()
