#!/usr/bin/env python3
"""A card for vpcd, the virtual reader of pcscd: it has an ATR, and knows no command.

vpcd sends a length of two bytes and a message: a control code of one byte (0 off, 1 on, 2 reset, 4 ATR),
of which only the last is answered, or an APDU.
"""
import socket
import struct

ATR = bytes.fromhex("3B80800101")  # ISO 7816-3: T=0 and T=1, no historical bytes
GET_ATR = b"\x04"
UNKNOWN_INSTRUCTION = b"\x6d\x00"

reader = socket.create_connection(("127.0.0.1", 35963))
while head := reader.recv(2, socket.MSG_WAITALL):
    message = reader.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL)
    if len(message) > 1 or message == GET_ATR:
        answer = UNKNOWN_INSTRUCTION if len(message) > 1 else ATR
        reader.sendall(struct.pack(">H", len(answer)) + answer)
