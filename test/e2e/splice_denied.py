"""A sandbox without splice(2): bulky streams arrive whole by copying, and one line says so."""

import ctypes
import errno
import platform
import struct
import sys
import threading
import unittest

from support import hello, net
from support.backend import Backend
from support.router import Router, routing

BULK = bytes(range(256)) * (4 << 12)  # 4 MiB
STREAMS = 6
SKIPPED = 77
# The call's number, from <asm/unistd.h>.
SPLICE = {"x86_64": 275, "aarch64": 76}.get(platform.machine())
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF
ALLOW, FAIL_WITH = 0x7FFF0000, 0x00050000


def denies(error):
    """For the child between fork and exec: a filter that fails splice(2) with this errno."""
    code = b"".join(struct.pack("HBBI", *line) for line in (
        (LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, SPLICE),
        (RETURN, 0, 0, FAIL_WITH | error), (RETURN, 0, 0, ALLOW)))
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        buffer = ctypes.create_string_buffer(code)
        program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.c_char_p(program), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "no seccomp filter")
    return install


def both_ways(sock):
    """The hello, then bulk to the client and from it."""
    net.receive(sock, len(hello.hello("a.test")))
    sock.sendall(BULK)
    if net.receive(sock, len(BULK)) == BULK:
        sock.sendall(b"whole")


class SpliceDenied(unittest.TestCase):
    def stream(self, router, failures):
        try:
            with router.connect() as sock:
                sock.sendall(hello.hello("a.test"))
                self.assertEqual(net.receive(sock, len(BULK)), BULK)
                sock.sendall(BULK)
                self.assertEqual(net.receive(sock, 5), b"whole")
        except (AssertionError, OSError) as failure:
            failures.append(failure)

    def carry(self, error):
        backend = self.enterContext(Backend(both_ways))
        with Router(routing({"a.test": backend.text}), prepare=denies(error)) as router:
            failures = []
            streams = [threading.Thread(target=self.stream, args=(router, failures))
                       for _ in range(STREAMS)]
            for thread in streams:
                thread.start()
            for thread in streams:
                thread.join()
            self.assertEqual(failures, [])
            router.wait_line(r"warning splice is denied \(.+\): streams are copied from now on")
            lines = router.wait_access(STREAMS)
            self.assertEqual({line["reason"] for line in lines}, {"closed"})
        self.assertEqual(sum("splice is denied" in line for line in router.lines), 1)

    def test_every_errno(self):
        for error in (errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.EACCES, errno.EOPNOTSUPP):
            with self.subTest(errno.errorcode[error]):
                self.carry(error)


if __name__ == "__main__":
    if SPLICE is None:
        print("skipped: the number of splice(2) is not known for this machine")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
