"""Decodes GPS_INPUT frames with pymavlink, which shares only the message definitions with us.

stdin:  one frame per line, hex
stdout: one JSON object per line: header, signedness, every field
"""

import json
import os
import sys

os.environ["MAVLINK20"] = "1"
os.environ["MAVLINK_DIALECT"] = "ardupilotmega"

from pymavlink.dialects.v20 import ardupilotmega as mavlink  # noqa: E402

FIELDS = mavlink.MAVLink_gps_input_message.fieldnames


def main() -> None:
    parser = mavlink.MAVLink(None)
    parser.robust_parsing = True
    for line in sys.stdin:
        messages = parser.parse_buffer(bytes.fromhex(line.strip())) or []
        if len(messages) != 1 or messages[0].get_type() != "GPS_INPUT":
            kinds = [message.get_type() for message in messages]
            sys.exit(f"not exactly one GPS_INPUT: {kinds} in {line.strip()}")
        message = messages[0]
        decoded = {field: getattr(message, field) for field in FIELDS}
        decoded["system"] = message.get_srcSystem()
        decoded["component"] = message.get_srcComponent()
        decoded["sequence"] = message.get_seq()
        decoded["signed"] = message._signed
        print(json.dumps(decoded))


main()
