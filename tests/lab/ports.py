"""Port ranges that no other test of this machine uses: a lock file a block, and a bind to see that it is really free."""
import fcntl
import os
import random
import socket
import tempfile

BLOCK = 100
FIRST, LAST = 15000, 32000  # below the ports that the kernel hands out by itself
_locks = []  # an open file holds its lock until the process ends


def _is_free(port, address="127.0.0.1"):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def take_block():
    """The first port of 100 that belong to the caller until its process ends."""
    folder = os.path.join(tempfile.gettempdir(), f"parley-lab-ports-{os.getuid()}")
    os.makedirs(folder, exist_ok=True)
    blocks = list(range(FIRST, LAST, BLOCK))
    random.shuffle(blocks)
    for base in blocks:
        lock = open(os.path.join(folder, str(base)), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if all(_is_free(port) for port in range(base, base + BLOCK)):
            _locks.append(lock)
            return base
        lock.close()
    raise RuntimeError("no block of 100 ports is free")


class Ports:
    """Single ports out of a block of our own."""

    def __init__(self):
        self._next = self._end = 0

    def take(self):
        if self._next == self._end:
            self._next = take_block()
            self._end = self._next + BLOCK
        self._next += 1
        return self._next - 1
