"""On which mounts the kernel tells of changes: not where others write behind its back."""

import os
import re
from pathlib import Path

#: What the kernel says is mounted where (proc(5)).
MOUNTS = Path("/proc/self/mountinfo")
#: File systems that other machines, or the desktop outside of this virtual machine, write to unheard.
UNHEARD = re.compile(
    r"(nfs\d?|cifs|smb\d?|smbfs|9p|virtiofs|vboxsf|vmhgfs|prl_fs|afs|ceph|glusterfs|lustre|gpfs|ocfs2|gfs2|beegfs"
    r"|davfs|drvfs|osxfs|grpcfuse|fakeowner|fuse(\..+)?)"
)


def mounted_beneath(root: bytes, mounts: str | None = None) -> set[bytes]:
    """Return the folders beneath the root (relative to it) on which something is mounted. Arguments: as below."""
    return {os.path.relpath(point, root) for point in _kinds(mounts) if point.startswith(root + b"/")}


def unheard_beneath(root: bytes, mounts: str | None = None) -> dict[bytes, str]:
    """Return the folders beneath the root (relative to it, empty: itself) whose changes are not told, with the kind.

    Args:
        root: absolute and resolved.
        mounts: text of `mountinfo`; the kernel's, if not given. Without one nothing is unheard.
    """
    kinds = _kinds(mounts)
    found = {os.path.relpath(point, root): kind for point, kind in kinds.items() if point.startswith(root + b"/")}
    around = max((point for point in kinds if _contains(point, root)), key=len, default=None)
    if around is not None:
        found[b""] = kinds[around]
    return {folder: kind for folder, kind in found.items() if UNHEARD.fullmatch(kind)}


def _kinds(mounts: str | None) -> dict[bytes, str]:
    if mounts is None:
        mounts = MOUNTS.read_text(errors="surrogateescape") if MOUNTS.exists() else ""
    return dict(_mount(line) for line in mounts.splitlines() if " - " in line)  # a later mount covers an earlier one


def _mount(line: str) -> tuple[bytes, str]:
    before, _, after = line.partition(" - ")
    point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4])
    return os.fsencode(point), after.split()[0]


def _contains(point: bytes, path: bytes) -> bool:
    return path == point or path.startswith(point.rstrip(b"/") + b"/")
