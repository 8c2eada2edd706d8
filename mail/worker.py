"""Functions run in processes of their own that can be killed: nothing a stranger sends stalls or swells the service.

    run(function, *args) ──frame──> child: import, call under limits ──frame per item──> value or WorkerFailed

A worker is `python -m mail.worker` on one end of a socket pair. Requests and answers are pickles behind an eight-byte
length. The child has a soft limit on its address space (what its imports needed, plus `memory`) and a timer in the
kernel; the parent keeps the same time and kills with SIGKILL. A worker starts at the first call, is replaced after
any failure, and ends after `idle_seconds` without work or when the parent's end of the socket closes.

Why not a pool from a library: pebble's answered in 0.37 ms (spawn) to 0.45 ms (forkserver) a call here, imports the
parent's main module into every worker, has no memory limit and never lets an idle worker go. Answers are read by an
unpickler that makes only plain values and classes of this house, since a worker taken over by a hostile mail must not
reach its parent.
"""

import asyncio
import contextlib
import importlib
import io
import os
import pickle
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, Literal, TypeVar

T = TypeVar("T")
Reason = Literal["TIME_LIMIT", "MEMORY_LIMIT", "CRASHED", "ERROR"]

_LENGTH = struct.Struct(">Q")
_CHUNK = 256 * 1024
_GRACE = 0.5  # seconds by which the parent's patience outlasts the kernel's timer in the child
_START_SECONDS = 30.0  # for the child to start and import, on a busy machine
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "TESSDATA_PREFIX", "SYSTEMROOT")
_OWN_PACKAGES = frozenset({"mail", "store", "replies", "bot", "datetime", "decimal", "uuid"})
_PLAIN = frozenset({"set", "frozenset", "bytearray", "complex", "range", "slice"})
_READY = b"ready"


class WorkerFailed(Exception):
    """A call gave no value. Holds no argument and no text of an error, so it is safe to log."""

    def __init__(self, reason: Reason, error: str = "") -> None:
        super().__init__(f"{reason} {error}".rstrip())
        self.reason: Reason = reason
        self.error = error
        """Class name of the exception, for `ERROR` only."""


class Workers:
    """At most `count` worker processes, shared by all callers of one event loop."""

    def __init__(
        self,
        count: int = 1,
        seconds: float = 10.0,
        memory: int = 256 * 1024 * 1024,
        idle_seconds: float = 30,
    ) -> None:
        self._seconds = seconds
        self._memory = memory
        self._idle_seconds = idle_seconds
        self._free = asyncio.Semaphore(count)
        self._idle: list[_Worker] = []
        self._closed = False

    async def run(self, function: Callable[..., T], /, *args: Any) -> T:
        """What `function(*args)` returns in a worker. The function must be found by its module and name.

        Raises `WorkerFailed`, also when the value or an argument cannot be pickled.
        """
        async with self._free:
            answer = (await self._batch(function, [args]))[0]
        if isinstance(answer, WorkerFailed):
            raise answer
        return answer

    async def map(self, function: Callable[[Any], T], items: Sequence[Any]) -> list[T | WorkerFailed]:
        """`function(item)` for each item, in order; a failed one is its `WorkerFailed` and costs no other its value."""
        answers: list[T | WorkerFailed] = []
        async with self._free:
            while len(answers) < len(items):
                answers += await self._batch(function, [(item,) for item in items[len(answers) :]])
        return answers

    async def close(self) -> None:
        """End all workers. Idempotent; calls still running fail with `CRASHED`."""
        self._closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(worker.kill() for worker in idle))

    async def _batch(self, function: Callable[..., T], calls: list[tuple[Any, ...]]) -> list[T | WorkerFailed]:
        """Answers for the first calls, up to and including the first that killed its worker."""
        try:
            request = pickle.dumps((function.__module__, function.__qualname__, calls), protocol=5)
        except Exception as error:  # noqa: BLE001  # whatever pickling raises is the caller's argument
            return [WorkerFailed("ERROR", type(error).__name__) for _ in calls]
        worker = await self._worker()
        answers: list[T | WorkerFailed] = []
        try:
            await worker.send(request)
            del request
            while len(answers) < len(calls):
                answers.append(await worker.receive(self._seconds + _GRACE))
        except _Died as death:
            answers.append(WorkerFailed(death.reason))
            await worker.kill()
            return answers
        except BaseException:  # cancelled: what the worker is doing now belongs to nobody
            await asyncio.shield(worker.kill())
            raise
        if any(isinstance(answer, WorkerFailed) and answer.reason == "MEMORY_LIMIT" for answer in answers):
            await worker.kill()  # it survived, but what it holds is anyone's guess
        else:
            self._put_back(worker)
        return answers

    async def _worker(self) -> "_Worker":
        while self._idle:
            worker = self._idle.pop()
            worker.wake()
            if worker.is_alive():
                return worker
            await worker.kill()
        return await _Worker.start(self._seconds, self._memory)

    def _put_back(self, worker: "_Worker") -> None:
        if self._closed:
            worker.kill_now()
            return
        self._idle.append(worker)
        worker.rest(self._idle_seconds, lambda: self._retire(worker))

    def _retire(self, worker: "_Worker") -> None:
        if worker in self._idle:
            self._idle.remove(worker)
            worker.kill_now()


class _Died(Exception):
    """The worker ended, or was ended, in the middle of a call."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class _Worker:
    """The parent's end of one process."""

    def __init__(self, process: "subprocess.Popen[bytes]", end: socket.socket) -> None:
        self._process = process
        self._end = end
        self._buffer = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, seconds: float, memory: int) -> "_Worker":
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        starting = asyncio.ensure_future(asyncio.to_thread(_spawn, theirs, seconds, memory))
        starting.add_done_callback(lambda _: theirs.close())
        try:
            worker = cls(await asyncio.shield(starting), ours)
        except asyncio.CancelledError:  # the process begins all the same, and ends at once for want of a parent
            ours.close()
            starting.add_done_callback(_reap)
            raise
        except OSError as error:
            ours.close()
            raise WorkerFailed("CRASHED", "START") from error
        try:
            await worker._frame(_START_SECONDS)
        except _Died as death:
            await worker.kill()
            raise WorkerFailed("CRASHED", "START") from death
        except BaseException:
            worker.kill_now()
            raise
        return worker

    async def send(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            if len(request) < _CHUNK:
                await loop.sock_sendall(self._end, _LENGTH.pack(len(request)) + request)
                return
            await loop.sock_sendall(self._end, _LENGTH.pack(len(request)))
            for at in range(0, len(request), _CHUNK):
                await loop.sock_sendall(self._end, memoryview(request)[at : at + _CHUNK])
        except OSError as error:
            raise _Died("CRASHED") from error

    async def receive(self, seconds: float) -> Any:
        frame = await self._frame(seconds)
        try:
            done, value = _Answers(io.BytesIO(frame)).load()
        except Exception as error:
            raise _Died("CRASHED") from error
        return value if done else WorkerFailed(*value)

    async def _frame(self, seconds: float) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                size = _LENGTH.unpack(await self._exactly(_LENGTH.size))[0]
                return await self._exactly(size)
        except TimeoutError as error:
            raise _Died("TIME_LIMIT") from error
        except (OSError, EOFError) as error:
            raise _Died(await self._cause()) from error

    async def _exactly(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        while len(self._buffer) < size:
            data = await loop.sock_recv(self._end, _CHUNK)
            if not data:
                raise EOFError
            self._buffer += data
        found = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return found

    async def _cause(self) -> Reason:
        code = await asyncio.to_thread(self._wait)
        return "TIME_LIMIT" if code == -signal.SIGALRM else "CRASHED"

    def _wait(self) -> int:
        try:
            return self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def rest(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def kill_now(self) -> None:
        """SIGKILL without waiting; the next `poll` of the interpreter reaps it."""
        self.wake()
        self._end.close()
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0.05)

    async def kill(self) -> None:
        self.wake()
        self._end.close()
        self._process.kill()
        await asyncio.to_thread(self._process.wait)


class _Answers(pickle.Unpickler):
    """Reads what a worker sends: plain values and classes of this house, never a function."""

    def find_class(self, module: str, name: str) -> Any:
        if (module == "builtins" and name in _PLAIN) or module.split(".", 1)[0] in _OWN_PACKAGES:
            found = super().find_class(module, name)
            if isinstance(found, type):
                return found
        raise pickle.UnpicklingError("not a value")


def _reap(starting: "asyncio.Future[subprocess.Popen[bytes]]") -> None:
    """Ends a process that nobody waits for any more."""
    if not starting.cancelled() and starting.exception() is None:
        process = starting.result()
        process.kill()
        process.wait()  # it has just been killed, so this does not hold up the loop


def _spawn(theirs: socket.socket, seconds: float, memory: int) -> "subprocess.Popen[bytes]":
    """A fresh interpreter, not a fork: it inherits one socket, no thread, no lock and no secret."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    paths = os.pathsep.join(str(path) for path in sys.path if path)
    settings = {"PYTHONPATH": paths, "OMP_THREAD_LIMIT": "1", "RAYON_NUM_THREADS": "1"}
    settings |= {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "1048576"}  # what a large mail took is given back
    return subprocess.Popen(  # noqa: S603  # our own interpreter and module, no shell
        [sys.executable, "-m", "mail.worker", str(theirs.fileno()), str(seconds), str(memory)],
        pass_fds=(theirs.fileno(),),
        env=kept | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


# From here on: the child.


def _serve(end: socket.socket, seconds: float, memory: int) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    known: dict[tuple[str, str], Callable[..., Any]] = {}
    _write(end, _READY)
    while request := _read(end):
        module, name, calls = pickle.loads(request)  # noqa: S301  # from our parent
        del request  # a large mail would stand in memory twice while it is read
        function = known.get((module, name))
        if function is None:
            function = known[module, name] = _found(module, name)
            _limit_memory(memory)
        while calls:  # each call is let go once answered: a large mail is not kept until the next one comes
            _write(end, _answer(function, calls.pop(0), seconds))


def _answer(function: Callable[..., Any], call: tuple[Any, ...], seconds: float) -> bytes:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return pickle.dumps((True, function(*call)), protocol=5)
    except MemoryError:
        return pickle.dumps((False, ("MEMORY_LIMIT", "")))
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent hears of it
        return pickle.dumps((False, ("ERROR", type(error).__name__)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _found(module: str, name: str) -> Callable[..., Any]:
    """The function, or one that raises what finding it raised."""
    try:
        found: Any = importlib.import_module(module)
        for step in name.split("."):
            found = getattr(found, step)
        if isinstance(found, FunctionType):
            return found
        raise TypeError(name)
    except Exception as error:  # noqa: BLE001  # raised again at the call, as its answer
        return _Unfound(error)


class _Unfound:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def __call__(self, *_: Any) -> None:
        raise self._error


def _limit_memory(memory: int) -> None:
    """The address space of now plus `memory`: Python then raises `MemoryError`, and foreign code gets no page."""
    with open("/proc/self/statm", "rb") as status:  # noqa: PTH123  # pathlib is not loaded here for its 20 ms
        base = int(status.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (base + memory, hard))


def _read(end: socket.socket) -> bytearray:
    """One frame, or nothing when the parent is gone; held once, however large."""
    size = _octets(end, _LENGTH.size)
    return _octets(end, _LENGTH.unpack(size)[0]) if len(size) == _LENGTH.size else bytearray()


def _octets(end: socket.socket, size: int) -> bytearray:
    whole = bytearray(size)
    left = memoryview(whole)
    while left:
        count = end.recv_into(left)
        if not count:
            return bytearray()
        left = left[count:]
    return whole


def _write(end: socket.socket, frame: bytes) -> None:
    end.sendall(_LENGTH.pack(len(frame)) + frame)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3]))
