"""An OTLP/HTTP collector written apart from the Rust code, over the protocol's official schema.

Prints its port, then one line of JSON per span. The first request of all is answered with 503, as a busy
collector does. The schema is OpenTelemetry's own protobuf package; a field that it does not know, or a value of
the wrong kind, is answered with 400. Ids are hex in OTLP's JSON and base64 in protobuf's: they are translated.
"""

import base64
import http.server
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

requests = 0


def in_base64(own):
    for resource in own["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for key in ("traceId", "spanId", "parentSpanId"):
                    if key in span:
                        span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
    return own


def value(own):
    return getattr(own, own.WhichOneof("value"))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global requests
        requests += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/json":
            return self.answer(404, "not here")
        if requests == 1:
            return self.answer(503, "busy")
        try:
            own = json_format.ParseDict(in_base64(json.loads(body)), ExportTraceServiceRequest())
        except Exception as error:  # whatever is wrong with it, the sender has to hear
            return self.answer(400, str(error))
        for resource in own.resource_spans:
            about = {a.key: value(a.value) for a in resource.resource.attributes}
            for span in resource.scope_spans[0].spans:
                print(json.dumps({
                    "service": about["service.name"],
                    "trace": span.trace_id.hex(),
                    "span": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "name": span.name,
                    "from": span.start_time_unix_nano,
                    "to": span.end_time_unix_nano,
                    "status": span.status.code,
                    "attributes": {a.key: value(a.value) for a in span.attributes},
                }), flush=True)
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = 1
        self.answer(200, json_format.MessageToJson(answer))

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
sys.stdin.close()
server.serve_forever()
