"""Just enough protobuf for grpc.testing: messages are dicts, a schema names the fields by number."""

import zlib

INT, BOOL, BYTES, STRING = "int", "bool", "bytes", "string"

PAYLOAD = {1: ("type", INT), 2: ("body", BYTES)}
ECHO_STATUS = {1: ("code", INT), 2: ("message", STRING)}
BOOL_VALUE = {1: ("value", BOOL)}
EMPTY = {}
SIMPLE_REQUEST = {
    1: ("response_type", INT),
    2: ("response_size", INT),
    3: ("payload", PAYLOAD),
    6: ("response_compressed", BOOL_VALUE),
    7: ("response_status", ECHO_STATUS),
    8: ("expect_compressed", BOOL_VALUE),
    9: ("fill_server_id", BOOL),
}
SIMPLE_RESPONSE = {1: ("payload", PAYLOAD), 4: ("server_id", STRING)}
STREAMING_INPUT_REQUEST = {1: ("payload", PAYLOAD), 2: ("expect_compressed", BOOL_VALUE)}
STREAMING_INPUT_RESPONSE = {1: ("aggregated_payload_size", INT)}
RESPONSE_PARAMETERS = {1: ("size", INT), 2: ("interval_us", INT), 3: ("compressed", BOOL_VALUE)}
STREAMING_OUTPUT_REQUEST = {
    1: ("response_type", INT),
    2: ("response_parameters", [RESPONSE_PARAMETERS]),
    3: ("payload", PAYLOAD),
    7: ("response_status", ECHO_STATUS),
}
STREAMING_OUTPUT_RESPONSE = {1: ("payload", PAYLOAD)}

# A receiver with this option gets compressed messages as they came, so that it can tell them apart; see `decoder`.
KEEP_COMPRESSED = ("grpc.per_message_decompression", 0)


def _varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def encode(schema, message):
    out = bytearray()
    for number, (name, kind) in schema.items():
        if name not in message:
            continue
        values = message[name] if isinstance(kind, list) else [message[name]]
        for value in values:
            if kind in (INT, BOOL):
                if value:
                    out += _varint(number << 3) + _varint(int(value))
                continue
            if kind == STRING:
                value = value.encode()
            elif kind != BYTES:
                value = encode(kind[0] if isinstance(kind, list) else kind, value)
            elif not value:
                continue
            out += _varint(number << 3 | 2) + _varint(len(value)) + value
    return bytes(out)


def _skip(data, at, wire):
    if wire == 0:
        return _read_varint(data, at)[1]
    if wire == 2:
        size, at = _read_varint(data, at)
        return at + size
    return at + {1: 8, 5: 4}[wire]


def decode(schema, data):
    message = {}
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        name, kind = schema.get(key >> 3, (None, None))
        if name is None:
            at = _skip(data, at, key & 7)
        elif key & 7 == 0:
            value, at = _read_varint(data, at)
            message[name] = bool(value) if kind == BOOL else value - (value >> 63 << 64)
        else:
            size, at = _read_varint(data, at)
            value = data[at : at + size]
            if len(value) != size:
                raise ValueError("a field ends after its message")
            at += size
            if isinstance(kind, list):
                message.setdefault(name, []).append(decode(kind[0], value))
            elif kind == STRING:
                message[name] = value.decode()
            else:
                message[name] = value if kind == BYTES else decode(kind, value)
    return message


def encoder(schema):
    return lambda message: encode(schema, message)


def decoder(schema):
    """Adds `was_compressed` to each message; only with KEEP_COMPRESSED does it come true."""

    def decode_any(data):
        # No protobuf message begins with gzip's 0x1f: 7 is no wire type.
        compressed = data[:2] == b"\x1f\x8b"
        message = decode(schema, zlib.decompress(data, 31) if compressed else data)
        message["was_compressed"] = compressed
        return message

    return decode_any


def zeros(size):
    return {"body": bytes(size)}


def size_of(message):
    return len(message.get("payload", {}).get("body", b""))
