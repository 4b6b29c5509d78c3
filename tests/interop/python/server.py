"""grpc.testing.TestService on grpcio: server.py --port N [--cert FILE --key FILE]."""

import argparse
import signal
import time
import uuid
from concurrent import futures

import grpc
import wire

SERVICE = "grpc.testing.TestService"
INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"
SERVER_ID = str(uuid.uuid4())


def echo_metadata(context):
    metadata = context.invocation_metadata()
    initial = tuple(pair for pair in metadata if pair[0] == INITIAL)
    context.set_trailing_metadata(tuple(pair for pair in metadata if pair[0] == TRAILING))
    # With compression the headers must not go out before it is chosen.
    if initial:
        context.send_initial_metadata(initial)


def echo_status(request, context):
    status = request.get("response_status", {})
    if status.get("code"):
        context.set_code(next(code for code in grpc.StatusCode if code.value[0] == status["code"]))
        context.set_details(status.get("message", ""))
        return True
    return False


def check_compressed(request, context):
    expected = request.get("expect_compressed")
    if expected is not None and expected.get("value", False) != request["was_compressed"]:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "expect_compressed is not what came")


def answer(context, size, compressed):
    """The payload of one answer. What may be compressed is, once gzip is chosen, unless said otherwise."""
    if not compressed:
        context.disable_next_message_compression()
    return {"payload": wire.zeros(size)}


def wants(field):
    return field is not None and field.get("value", False)


def empty_call(request, context):
    echo_metadata(context)
    return {}


def unary_call(request, context):
    check_compressed(request, context)
    compressed = wants(request.get("response_compressed"))
    if compressed:
        context.set_compression(grpc.Compression.Gzip)
    echo_metadata(context)
    if echo_status(request, context):
        return {}
    response = answer(context, request.get("response_size", 0), compressed)
    if request.get("fill_server_id"):
        response["server_id"] = SERVER_ID
    return response


def answers(request, context):
    for parameters in request.get("response_parameters", []):
        if parameters.get("interval_us"):
            time.sleep(parameters["interval_us"] / 1e6)
        yield answer(context, parameters.get("size", 0), wants(parameters.get("compressed")))


def streaming_output_call(request, context):
    if any(wants(one.get("compressed")) for one in request.get("response_parameters", [])):
        context.set_compression(grpc.Compression.Gzip)
    echo_metadata(context)
    if not echo_status(request, context):
        yield from answers(request, context)


def streaming_input_call(requests, context):
    echo_metadata(context)
    total = 0
    for request in requests:
        check_compressed(request, context)
        total += wire.size_of(request)
    return {"aggregated_payload_size": total}


def full_duplex_call(requests, context):
    echo_metadata(context)
    for request in requests:
        if echo_status(request, context):
            return
        yield from answers(request, context)


def half_duplex_call(requests, context):
    echo_metadata(context)
    for request in list(requests):
        yield from answers(request, context)


def handlers():
    one, many = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    took, both = grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
    out = wire.STREAMING_OUTPUT_REQUEST, wire.STREAMING_OUTPUT_RESPONSE
    inward = wire.STREAMING_INPUT_REQUEST, wire.STREAMING_INPUT_RESPONSE
    methods = {
        "EmptyCall": (one, empty_call, wire.EMPTY, wire.EMPTY),
        "UnaryCall": (one, unary_call, wire.SIMPLE_REQUEST, wire.SIMPLE_RESPONSE),
        "StreamingOutputCall": (many, streaming_output_call, *out),
        "StreamingInputCall": (took, streaming_input_call, *inward),
        "FullDuplexCall": (both, full_duplex_call, *out),
        "HalfDuplexCall": (both, half_duplex_call, *out),
    }
    return {
        name: make(method, wire.decoder(request), wire.encoder(response))
        for name, (make, method, request, response) in methods.items()
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    args = parser.parse_args()
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=32),
        options=[wire.KEEP_COMPRESSED, ("grpc.so_reuseport", 0)],
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers()),))
    address = f"127.0.0.1:{args.port}"
    if args.cert is None:
        server.add_insecure_port(address)
    else:
        with open(args.key, "rb") as key, open(args.cert, "rb") as cert:
            server.add_secure_port(address, grpc.ssl_server_credentials([(key.read(), cert.read())]))
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(0))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
