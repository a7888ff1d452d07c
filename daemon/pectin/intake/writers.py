"""Asks the kernel whether anybody still writes to a file: a read lease is granted only when nobody does."""

from __future__ import annotations

import errno
import fcntl
import signal

from pectin.intake.settle import Lease

_HELD = frozenset({errno.EAGAIN})
# EACCES: not our file and no CAP_LEASE. The others: file systems without leases (NFS, many FUSE).
_UNSUPPORTED = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


def ask_lease(descriptor: int) -> Lease:
    """Whether the file open (for reading) as `descriptor` has writers, also memory-mapped ones or those behind smbd and sshd.

    The lease is given back at once. Never blocks. Raises OSError for anything but the known answers. That opening the file
    gave BlockingIOError (smbd holds a lease itself) means HELD too; the opener sees that."""
    # A writer who comes in the instant we hold the lease makes the kernel signal us: by default SIGIO, which would kill
    # the daemon. SIGURG is ignored by default. Giving a lease back resets this, so it is set each time.
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno in _HELD:
            return Lease.HELD
        if error.errno in _UNSUPPORTED:
            return Lease.UNSUPPORTED
        raise
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return Lease.GRANTED
