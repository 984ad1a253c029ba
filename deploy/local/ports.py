"""Tells before the start which port is taken, and by whom."""

import socket
from collections.abc import Mapping
from pathlib import Path

from deploy.local.errors import LocalStackError
from deploy.local.settings import HOST, setting_name

TCP_LISTEN = "0A"


def require_free(ports: Mapping[str, int]) -> None:
    """Looks at each port, given by its field in `Ports`.

    Raises:
        LocalStackError: somebody listens on one of the ports; names port, setting and, if visible, the process.
    """
    for field, port in ports.items():
        if not _is_free(port):
            raise LocalStackError(
                f"Port {port} on {HOST} is busy: {listener_of(port) or 'by a process of another user'}.\n"
                f"End that process, or choose another port: {setting_name(field)}=PORT make up"
            )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do, so that a connection that lingers in TIME_WAIT does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def listener_of(port: int) -> str | None:
    """The process that listens on a TCP port, as "pid 12 (name)", or None if it cannot be told."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) in sockets:
                process = descriptor.parents[1]
                return f"pid {process.name} ({(process / 'comm').read_text().strip()})"
        except OSError:
            continue
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else ():
            fields = line.split()
            if fields[3] == TCP_LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes
