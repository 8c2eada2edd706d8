"""Functions for the worker tests; a worker finds them by module and name."""

import os
import time


def echo(value: object) -> object:
    return value


def size(value: bytes) -> int:
    return len(value)


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "awake"


def fill(octets: int) -> int:
    return len(bytearray(octets))


def crash(_: object = None) -> None:
    os.kill(os.getpid(), 11)


def refuse(text: str) -> None:
    raise ValueError(text)


def own_pid() -> int:
    return os.getpid()


def crash_on_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), 9)
    return number * 2


def hold(_: object = None) -> object:
    """A value that only a hostile worker would send: a call in a pickle's clothes."""

    return _Bomb()


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, ("true",))
