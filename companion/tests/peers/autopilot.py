"""An autopilot made with pymavlink, which shares only the message definitions with us.

argv[1]: JSON: link ("tcp" or "pty"), seconds, faults (a list of names, see `trouble`)
stdout:  first {"address": "..."}, then one JSON object: everything that the companion sent
stdin:   ends the run when it is closed
"""

import fcntl
import json
import math
import os
import select
import socket
import sys
import termios
import threading
import time
import tty

os.environ["MAVLINK20"] = "1"
os.environ["MAVLINK_DIALECT"] = "ardupilotmega"

from pymavlink.dialects.v20 import ardupilotmega as mavlink  # noqa: E402

PARAMETERS = {
    "GPS1_TYPE": 1.0,
    "GPS2_TYPE": 14.0,
    "GPS2_DELAY_MS": 60.0,
    "GPS_AUTO_SWITCH": 1.0,
    "GPS_PRIMARY": 1.0,
    "AHRS_EKF_TYPE": 3.0,
    "EK3_ENABLE": 1.0,
    "EK3_SRC1_POSXY": 3.0,
    "EK3_SRC1_VELXY": 3.0,
    "EK3_SRC1_POSZ": 1.0,
    "EK3_SRC1_YAW": 1.0,
    "BRD_RTC_TYPES": 2.0,
}


class Link:
    """A TCP server of one client, or the master of a pseudo-terminal."""

    def __init__(self, kind):
        if kind == "tcp":
            self.listener = socket.socket()
            self.listener.bind(("127.0.0.1", 0))
            self.listener.listen(1)
            self.address = f"tcp:127.0.0.1:{self.listener.getsockname()[1]}"
            self.fd = None
        else:
            master, slave = os.openpty()
            tty.setraw(slave)
            fcntl.fcntl(master, fcntl.F_SETFL, os.O_NONBLOCK)
            self.listener, self.fd, self.slave = None, master, slave
            self.address = f"serial:{os.ttyname(slave)}:921600"

    def accept(self):
        if self.listener is not None:
            self.client, _ = self.listener.accept()
            self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.client.setblocking(False)
            self.fd = self.client.fileno()

    def read(self):
        ready, _, _ = select.select([self.fd], [], [], 0.002)
        try:
            return os.read(self.fd, 65536) if ready else b""
        except OSError:
            return b""

    def write(self, data):
        try:
            os.write(self.fd, data)
        except (BlockingIOError, OSError):
            pass


class Autopilot:
    def __init__(self, link, options):
        self.link = link
        self.faults = set(options.get("faults", []))
        self.mav = mavlink.MAVLink(self, srcSystem=1, srcComponent=1)
        self.mav.robust_parsing = True
        self.boot = self.began = time.monotonic()
        self.offset_ms = 2**32 - 3000 if "wrap" in self.faults else 0
        self.held = []
        self.seen = {
            "counts": {}, "unsigned": {}, "signed": {}, "texts": [], "values": {}, "intervals": {},
            "gps_input": [], "bad": 0, "senders": [], "sequence_gaps": 0, "stream_rounds": 0,
            "setup_signing": 0, "parameters": [], "gps_input_times": [],
        }
        self.last_sequence = None
        self.chunks = {}
        self.setup = None

    # What pymavlink writes to.
    def write(self, data):
        data = bytes(data)
        if "reorder" in self.faults:
            self.held.append(data)
            if len(self.held) < 4:
                return
            for held in reversed(self.held):
                self.link.write(held)
            self.held = []
            return
        self.link.write(data)
        if "repeat" in self.faults:
            self.link.write(data)

    def boot_ms(self):
        return (int((time.monotonic() - self.boot) * 1e3) + self.offset_ms) % 2**32

    def stream(self, step):
        """One step of 10 ms: a straight flight northward at 20 m/s."""
        now = time.monotonic() - self.boot
        ms = self.boot_ms()
        if step % 100 == 0:
            self.mav.heartbeat_send(1, 3, 81 | (128 if self.is_armed() else 0), 12, 4)
            self.mav.system_time_send(0, ms)
            self.mav.sys_status_send(1 << 4, 1 << 4, 1 << 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        self.mav.raw_imu_send(int(now * 1e6), 0, 0, -1000, 0, 0, 0, 0, 0, 0)
        if step % 2 == 0:
            self.mav.attitude_send(ms, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        if step % 10 == 0:
            self.mav.scaled_pressure_send(ms, 983.6, 2.3, 1500)
            self.mav.vfr_hud_send(19.4, 20.0, 0, 50, 250.0, 0.0)
        if step % 20 == 0:
            lat = int((50.45 + 20.0 * now / 111200.0) * 1e7)
            self.mav.gps_raw_int_send(int(now * 1e6), 3, lat, 305000000, 250000, 90, 140, 2000, 0, 12,
                                      0, 1200, 2000, 300)
            last = self.seen["gps_input"][-1:] or [None]
            if last[0]:
                m = last[0]
                self.mav.gps2_raw_send(int(now * 1e6), m["fix_type"], m["lat"], m["lon"], int(m["alt"] * 1e3),
                                       100, 150, 2000, 0, 10, 0, 0)
        if step % 50 == 0:
            self.trouble(step)

    def trouble(self, step):
        if "unknown" in self.faults:
            # An id that no dialect has, and an enumeration value that no one has.
            body = bytes([0xFD, 4, 0, 0, step % 256, 1, 1, 0xFF, 0xFF, 0x0F, 1, 2, 3, 4, 0, 0])
            self.link.write(body)
            frame = bytearray(self.mav_pack_heartbeat(system_status=77))
            self.link.write(bytes(frame))
        if "garbage" in self.faults:
            self.link.write(os.urandom(40))

    def mav_pack_heartbeat(self, system_status):
        message = mavlink.MAVLink_heartbeat_message(1, 3, 81, 12, system_status, 3)
        return message.pack(self.mav)

    def hear(self, data):
        for m in self.mav.parse_buffer(data) or []:
            kind = m.get_type()
            if kind == "BAD_DATA":
                self.seen["bad"] += 1
                continue
            self.count(m, kind)
            handler = getattr(self, "on_" + kind.lower(), None)
            if handler:
                handler(m)

    def count(self, m, kind):
        counts = self.seen["counts"]
        counts[kind] = counts.get(kind, 0) + 1
        which = self.seen["signed" if m._signed else "unsigned"]
        which[kind] = which.get(kind, 0) + 1
        sender = [m.get_srcSystem(), m.get_srcComponent()]
        if sender not in self.seen["senders"]:
            self.seen["senders"].append(sender)
        if self.last_sequence is not None and (self.last_sequence + 1) % 256 != m.get_seq():
            self.seen["sequence_gaps"] += 1
        self.last_sequence = m.get_seq()

    def on_timesync(self, m):
        if m.tc1 == 0:
            self.mav.timesync_send(int((time.monotonic() - self.boot) * 1e9), m.ts1)

    def on_command_long(self, m):
        if m.command == 511:
            self.seen["intervals"][str(int(m.param1))] = m.param2
            if int(m.param1) == 30:
                self.seen["stream_rounds"] += 1
        self.mav.command_ack_send(m.command, 0, 0, 0, m.get_srcSystem(), m.get_srcComponent())

    def on_param_request_read(self, m):
        name = m.param_id if isinstance(m.param_id, str) else m.param_id.decode()
        name = name.rstrip("\0")
        self.seen["parameters"].append(name)
        if name in PARAMETERS:
            self.mav.param_value_send(name.encode(), PARAMETERS[name], 9, len(PARAMETERS), 0)

    def on_gps_input(self, m):
        kept = ("gps_id", "fix_type", "lat", "lon", "alt", "ignore_flags", "satellites_visible",
                "time_week", "horiz_accuracy", "speed_accuracy", "time_usec")
        self.seen["gps_input"].append({name: getattr(m, name) for name in kept})
        self.seen["gps_input_times"].append(time.monotonic() - self.boot)

    def on_named_value_float(self, m):
        name = m.name if isinstance(m.name, str) else m.name.decode()
        name = name.rstrip("\0")
        self.seen["values"].setdefault(name, []).append(m.value)

    def on_statustext(self, m):
        text = m.text if isinstance(m.text, str) else m.text.decode()
        ended = "\0" in text or len(text) < 50
        text = text.split("\0")[0]
        whole = self.chunks.pop(m.id, "") + text
        if m.id == 0 or ended:
            self.seen["texts"].append([m.severity, whole])
        else:
            self.chunks[m.id] = whole

    def is_armed(self):
        """Armed after three seconds, for good or for a while."""
        flown = time.monotonic() - self.began
        return "arm" in self.faults and flown > 3.0

    def on_setup_signing(self, m):
        self.seen["setup_signing"] += 1
        if self.is_armed():
            self.mav.statustext_send(3, b"ERROR: Won't setup signing when armed")
            return
        key = bytes(m.secret_key)
        if key == bytes(32):
            self.count_signatures()
            self.mav.signing = mavlink.MAVLinkSigning()
            return
        self.mav.signing.secret_key = key
        self.mav.signing.link_id = 1
        self.mav.signing.timestamp = m.initial_timestamp
        self.mav.signing.sign_outgoing = True
        self.mav.signing.allow_unsigned_callback = lambda mav, id: id in (109, 166)

    def reboot(self):
        self.boot = time.monotonic()
        self.offset_ms = 0

    def count_signatures(self):
        """Adds what was counted under a key, which pymavlink forgets with it."""
        signing, counts = self.mav.signing, self.seen.setdefault("signing", {})
        for name, count in (
            ("good", signing.goodsig_count), ("bad", signing.badsig_count),
            ("unsigned", signing.unsigned_count), ("rejected", signing.reject_count),
        ):
            counts[name] = counts.get(name, 0) + count

    def result(self):
        self.count_signatures()
        return self.seen


def main():
    options = json.loads(sys.argv[1])
    link = Link(options["link"])
    print(json.dumps({"address": link.address}), flush=True)
    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    link.accept()
    autopilot = Autopilot(link, options)
    began, step, rebooted = time.monotonic(), 0, False
    while time.monotonic() - began < options["seconds"] and not closed.is_set():
        if time.monotonic() - began >= step * 0.01:
            autopilot.stream(step)
            step += 1
        autopilot.hear(link.read())
        if "reboot" in autopilot.faults and not rebooted and time.monotonic() - began > options["seconds"] / 2:
            autopilot.reboot()
            rebooted = True
    # What is still under way, the farewell included, once the companion was asked to end.
    print(json.dumps({"flown": True}), flush=True)
    ending = time.monotonic()
    while time.monotonic() - ending < 2.0 and not closed.is_set():
        autopilot.hear(link.read())
    print(json.dumps(autopilot.result()), flush=True)


main()
