"""Prints the attributes of an attestation blob, one list an object, as JSON.

Independent of the Go code: struct formats and offsets are those of the
vendor's parse_v1.py (firmware 2) and parse_v2.py (firmware 3).
"""
import base64
import json
import struct
import sys

SIGNATURE = 256


def attributes(data):
    _, count, _ = struct.unpack_from('>III', data, 0)
    at, out = 12, []
    for _ in range(count):
        kind, size = struct.unpack_from('>II', data, at)
        at += 8
        out.append({'Type': kind, 'Value': base64.b64encode(data[at:at + size]).decode()})
        at += size
    return out


blob = open(sys.argv[1], 'rb').read()
_, _, total, buffer = struct.unpack_from('>IIII', blob, 0)
if total == 0:
    objects = [attributes(blob[20:])]
else:
    data = blob[total - (buffer + SIGNATURE):]
    _, _, first, second = struct.unpack_from('>HHHH', data, 0)
    objects = [attributes(data[o:]) for o in (first, second) if o > 0]
print(json.dumps(objects))
