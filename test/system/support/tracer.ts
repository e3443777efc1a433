// What a Python program of the tests traces itself with, as text to put in front of it: `with span(name, kind, trace, parent, ...) as id`.

/** A tracer as small as can be: it sends each span by itself, in OTLP's JSON, over one connection. */
export const tracer = (relay: number, service: string): string => `
import contextlib, http.client, json, os, secrets, time
relay = http.client.HTTPConnection("127.0.0.1", ${relay})
kinds = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}

@contextlib.contextmanager
def span(name, kind, trace, parent="", **attributes):
    one = {"traceId": trace, "spanId": secrets.token_hex(8), "parentSpanId": parent, "name": name, "kind": kinds[kind],
        "attributes": [{"key": key.replace("_", "."), "value": {"stringValue": value}} for key, value in attributes.items()]}
    one["startTimeUnixNano"] = str(time.time_ns())
    yield one["spanId"]
    one["endTimeUnixNano"] = str(time.time_ns())
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "${service}"}},
        {"key": "process.pid", "value": {"intValue": str(os.getpid())}}]}
    body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [one]}]}]})
    relay.request("POST", "/v1/traces", body, {"content-type": "application/json"})
    answer = relay.getresponse()
    told = answer.read()
    if answer.status != 200 or json.loads(told) != {}:
        raise SystemExit(f"{answer.status} {told}")
`
