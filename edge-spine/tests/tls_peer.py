"""A receiver written apart from the Rust one: HTTPS, batches kept in memory, each once.

Arguments: certificate, key. Prints its port, then one line per new batch: id and number of lines.
"""

import hashlib
import http.server
import json
import ssl
import sys

stored = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        batch = self.path.rsplit("/", 1)[1]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        label = self.headers["Spine-Label"]
        whole = label.encode() + b"\n" + body
        assert self.headers["Spine-Sum"] == hashlib.sha256(whole).hexdigest()
        assert self.headers["Idempotency-Key"] == batch == json.loads(label)["batch"]
        if batch not in stored:
            stored[batch] = body
            print(batch, body.count(b"\n"), flush=True)
        answer = {"batch": batch, "sha256": hashlib.sha256(body).hexdigest(), "verdict": "stored"}
        answer = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
