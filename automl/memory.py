"""How much memory may still be taken, so that a candidate that needs more is left out and not killed with the fit."""

from __future__ import annotations

from pathlib import Path

CONTROL_GROUPS = (  # limit and use of a container, of either version
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
SHARE = 0.9  # of what is free; the rest is for what an estimate forgets


def free_bytes() -> float:
    """Bytes of memory that are free on this machine, and in the container if there is one."""
    import psutil

    found = [float(psutil.virtual_memory().available)]
    for limit, used in CONTROL_GROUPS:
        try:
            found.append(float(Path(limit).read_text()) - float(Path(used).read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return min(found)


def memory_lack(needed: float) -> str:
    """Why so many bytes cannot be had, or an empty string."""
    free = free_bytes()
    if needed <= SHARE * free:
        return ""
    return f"it would need about {needed / 1e9:.2g} GB of memory, and {max(free, 0.0) / 1e9:.2g} GB are free"
