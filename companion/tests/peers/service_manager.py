"""A service manager's descriptor store, as far as the companion uses it: NOTIFY_SOCKET, FDSTORE, LISTEN_FDS.

Starts the companion, keeps the descriptor that it hands over, kills it without a word, and starts it again with the
descriptor.

argv[1]: JSON: companion, config, before_kill_s, after_kill_s
stdout:  one JSON object
"""

import array
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

F_GET_SEALS = 1034


def receive(manager, kept, until):
    """Takes messages until the time has come."""
    told = []
    while time.monotonic() < until:
        manager.settimeout(max(0.01, until - time.monotonic()))
        try:
            text, ancillary, _, _ = manager.recvmsg(4096, socket.CMSG_SPACE(4))
        except TimeoutError:
            break
        told.append(text.decode())
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(data[:4])
                kept.append(fds[0])
    return told


def start(options, path, fd):
    arguments = [options["companion"], "fly", "--json", "--config", options["config"]]
    environment = dict(os.environ, NOTIFY_SOCKET=path)
    if fd is not None:
        # The number 3 is the first that a service manager hands over.
        os.dup2(fd, 3)
        environment.update(LISTEN_FDS="1", LISTEN_FDNAMES="mavlink-signing")
        arguments = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *arguments]
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            pass_fds=() if fd is None else (3,))


def main():
    options = json.loads(sys.argv[1])
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    # Out of the way of the number 3, which the descriptor handed over gets.
    manager = socket.socket(fileno=fcntl.fcntl(manager.detach(), fcntl.F_DUPFD_CLOEXEC, 64))
    kept = []
    first = start(options, path, None)
    told = receive(manager, kept, time.monotonic() + options["before_kill_s"])
    first.send_signal(signal.SIGKILL)
    first.wait()
    result = {"told": told, "kept": len(kept)}
    fd = kept[0] if kept else None
    if fd is not None:
        result["seals"] = fcntl.fcntl(fd, F_GET_SEALS)
        result["bytes"] = os.fstat(fd).st_size
    second = start(options, path, fd)
    result["told_again"] = receive(manager, kept, time.monotonic() + options["after_kill_s"])
    second.send_signal(signal.SIGTERM)
    out, err = second.communicate(timeout=30)
    result["code"] = second.returncode
    result["report"] = json.loads(out) if out else None
    result["stderr"] = err.decode()
    result["told_at_end"] = receive(manager, kept, time.monotonic() + 0.1)
    if fd is not None:
        result["is_wiped"] = os.pread(fd, 32, 0) == bytes(32)
    print(json.dumps(result), flush=True)


main()
