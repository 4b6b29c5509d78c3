"""Interoperability cases on grpcio: client.py --port N [--ca FILE --server-name NAME] CASE...

Prints `ok CASE` or `not ok CASE: reason` for each; exits 1 when one failed.
"""

import argparse
import os
import sys
import threading

import grpc
import wire

SERVICE = "/grpc.testing.TestService/"
INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
REQUEST_SIZES = [27182, 8, 1828, 45904]
RESPONSE_SIZES = [31415, 9, 2653, 58979]
GZIP = grpc.Compression.Gzip


def same(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what} is {got!r}, not {expected!r}")


class Client:
    """The service over one channel, as generic calls."""

    def __init__(self, connect):
        self.channel = connect([])
        # Shows which answers came compressed.
        self.raw = connect([wire.KEEP_COMPRESSED])

    def unary(self, method="UnaryCall", request=wire.SIMPLE_REQUEST, response=wire.SIMPLE_RESPONSE, raw=False):
        channel = self.raw if raw else self.channel
        path = method if "/" in method else SERVICE + method
        return channel.unary_unary(path, wire.encoder(request), wire.decoder(response))

    def upload(self):
        return self.channel.stream_unary(
            SERVICE + "StreamingInputCall",
            wire.encoder(wire.STREAMING_INPUT_REQUEST),
            wire.decoder(wire.STREAMING_INPUT_RESPONSE),
        )

    def download(self, raw=False):
        return (self.raw if raw else self.channel).unary_stream(
            SERVICE + "StreamingOutputCall",
            wire.encoder(wire.STREAMING_OUTPUT_REQUEST),
            wire.decoder(wire.STREAMING_OUTPUT_RESPONSE),
        )

    def duplex(self):
        return self.channel.stream_stream(
            SERVICE + "FullDuplexCall",
            wire.encoder(wire.STREAMING_OUTPUT_REQUEST),
            wire.decoder(wire.STREAMING_OUTPUT_RESPONSE),
        )


def large():
    return {"response_size": 314159, "payload": wire.zeros(271828)}


def check_large(response):
    same(response["payload"]["body"], bytes(314159), "the body")


def fails(call, code, details=None):
    try:
        call()
    except grpc.RpcError as error:
        same(error.code(), code, "the status")
        if details is not None:
            same(error.details(), details, "the message")
    else:
        raise AssertionError(f"succeeded, expected {code}")


class Requests:
    """An iterator of requests that the test feeds."""

    def __init__(self, *first):
        self.queue = list(first)
        self.ended = False
        self.condition = threading.Condition()

    def __iter__(self):
        return self

    def __next__(self):
        with self.condition:
            self.condition.wait_for(lambda: self.queue or self.ended)
            if self.queue:
                return self.queue.pop(0)
            raise StopIteration

    def send(self, request):
        with self.condition:
            self.queue.append(request)
            self.condition.notify()

    def end(self):
        with self.condition:
            self.ended = True
            self.condition.notify()


def turn(request_size, *response_sizes):
    return {
        "response_parameters": [{"size": size} for size in response_sizes],
        "payload": wire.zeros(request_size),
    }


def empty_unary(client):
    response = client.unary("EmptyCall", wire.EMPTY, wire.EMPTY)({})
    same(response, {"was_compressed": False}, "the response")


def large_unary(client):
    check_large(client.unary()(large()))


def large_unary_gzip(client):
    """Not a case of the suite: C-core itself compresses and decompresses."""
    check_large(client.unary()({**large(), "response_compressed": {"value": True}}, compression=GZIP))


def client_streaming(client):
    requests = ({"payload": wire.zeros(size)} for size in REQUEST_SIZES)
    same(client.upload()(requests)["aggregated_payload_size"], 74922, "the sum")


def server_streaming(client):
    responses = client.download()(turn(0, *RESPONSE_SIZES))
    same([wire.size_of(one) for one in responses], RESPONSE_SIZES, "the sizes")


def ping_pong(client):
    requests = Requests()
    responses = client.duplex()(requests)
    for request_size, response_size in zip(REQUEST_SIZES, RESPONSE_SIZES):
        requests.send(turn(request_size, response_size))
        same(wire.size_of(next(responses)), response_size, "the size")
    requests.end()
    same(list(responses), [], "the rest")
    same(responses.code(), grpc.StatusCode.OK, "the status")


def empty_stream(client):
    responses = client.duplex()(iter(()))
    same(list(responses), [], "the responses")
    same(responses.code(), grpc.StatusCode.OK, "the status")


def timeout_on_sleeping_server(client):
    requests = Requests(turn(27182))
    fails(lambda: next(client.duplex()(requests, timeout=0.001)), grpc.StatusCode.DEADLINE_EXCEEDED)
    requests.end()


def cancel_after_begin(client):
    requests = Requests()
    call = client.upload().future(requests, metadata=(("key1", "value1"), ("key2", "value2")))
    call.cancel()
    requests.end()
    same(call.cancelled(), True, "cancelled")
    same(call.code(), grpc.StatusCode.CANCELLED, "the status")


def cancel_after_first_response(client):
    requests = Requests(turn(27182, 31415))
    responses = client.duplex()(requests)
    same(wire.size_of(next(responses)), 31415, "the size")
    responses.cancel()
    fails(lambda: next(responses), grpc.StatusCode.CANCELLED)
    requests.end()


def status_code_and_message(client):
    status = {"response_status": {"code": 2, "message": "test status message"}}
    unknown = grpc.StatusCode.UNKNOWN
    fails(lambda: client.unary()(status), unknown, "test status message")
    fails(lambda: next(client.duplex()(iter([status]))), unknown, "test status message")


def special_status_message(client):
    status = {"response_status": {"code": 2, "message": SPECIAL}}
    fails(lambda: client.unary()(status, timeout=10), grpc.StatusCode.UNKNOWN, SPECIAL)


def custom_metadata(client):
    value, trailing = "test_initial_metadata_value", b"\x0a\x0b\x0a\x0b\x0a\x0b"
    metadata = ((INITIAL, value), (TRAILING, trailing))

    def check(call):
        same([v for k, v in call.initial_metadata() if k == INITIAL], [value], "the header")
        same([v for k, v in call.trailing_metadata() if k == TRAILING], [trailing], "the trailer")

    request = {"response_size": 1, "payload": wire.zeros(1)}
    _, call = client.unary().with_call(request, metadata=metadata)
    check(call)
    responses = client.duplex()(iter([turn(1, 1)]), metadata=metadata)
    same(len(list(responses)), 1, "the count")
    check(responses)


def unimplemented_method(client):
    call = client.unary("UnimplementedCall", wire.EMPTY, wire.EMPTY)
    fails(lambda: call({}), grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service(client):
    call = client.unary("/grpc.testing.UnimplementedService/UnimplementedCall", wire.EMPTY, wire.EMPTY)
    fails(lambda: call({}), grpc.StatusCode.UNIMPLEMENTED)


def client_compressed_unary(client):
    expects, plain = {"expect_compressed": {"value": True}}, {"expect_compressed": {"value": False}}
    # The probe: a server that does not look would let it pass.
    fails(lambda: client.unary()({**large(), **expects}), grpc.StatusCode.INVALID_ARGUMENT)
    check_large(client.unary()({**large(), **expects}, compression=GZIP))
    check_large(client.unary()({**large(), **plain}))


def server_compressed_unary(client):
    for compressed in (True, False):
        request = {**large(), "response_compressed": {"value": compressed}}
        response = client.unary(raw=True)(request)
        same(response["was_compressed"], compressed, "the compression")
        check_large(response)


def client_compressed_streaming(client):
    probe = {"payload": wire.zeros(27182), "expect_compressed": {"value": True}}
    fails(lambda: client.upload()(iter([probe])), grpc.StatusCode.INVALID_ARGUMENT)
    # C-core sends a message that gzip cannot shrink as it is, which is how one call mixes both.
    plain = {"payload": {"body": os.urandom(45904)}, "expect_compressed": {"value": False}}
    response = client.upload()(iter([probe, plain]), compression=GZIP)
    same(response["aggregated_payload_size"], 73086, "the sum")


def server_compressed_streaming(client):
    parameters = [
        {"size": 31415, "compressed": {"value": True}},
        {"size": 92653, "compressed": {"value": False}},
    ]
    responses = list(client.download(raw=True)({"response_parameters": parameters}))
    same([wire.size_of(one) for one in responses], [31415, 92653], "the sizes")
    same([one["was_compressed"] for one in responses], [True, False], "the compression")


def pick_first_unary(client):
    request = {"payload": wire.zeros(1), "response_size": 1, "fill_server_id": True}
    ids = {client.unary()(request, timeout=30).get("server_id", "") for _ in range(100)}
    same(len(ids - {""}), 1, "the number of servers")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca")
    parser.add_argument("--server-name")
    parser.add_argument("cases", nargs="+")
    args = parser.parse_args()

    def connect(options):
        address = f"127.0.0.1:{args.port}"
        if args.ca is None:
            return grpc.insecure_channel(address, options)
        with open(args.ca, "rb") as ca:
            credentials = grpc.ssl_channel_credentials(ca.read())
        name = ("grpc.ssl_target_name_override", args.server_name)
        return grpc.secure_channel(address, credentials, [*options, name])

    client = Client(connect)
    failed = False
    for case in args.cases:
        try:
            globals()[case](client)
            print("ok", case, flush=True)
        except Exception as error:  # noqa: BLE001 - every failure is a verdict
            failed = True
            print(f"not ok {case}:", " ".join(f"{type(error).__name__}: {error}".split()), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
