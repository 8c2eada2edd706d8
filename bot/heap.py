"""What the process keeps of memory that it no longer uses.

glibc raises the size from which a block comes from the system alone with every large block that is freed, up to
32 MiB; after that the buffers of large mails lie among small ones and hardly go back. Held at 256 KiB, a mail of 25 MiB
leaves nothing behind. Few arenas, since only one thread at a time runs Python anyway (mallopt(3)).
"""

import ctypes
from typing import Final

_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8


def give_back_large_buffers() -> None:
    """Set both for this process; does nothing where the C library is another."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, 262_144)
        library.mallopt(_ARENA_MAX, 2)
