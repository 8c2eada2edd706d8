"""A way to a server that breaks: a TCP proxy that cuts connections after so many octets as its seed says.

    with CuttingProxy(server_port, seed=7, cuts=40) as proxy:
        proxy.port              for the program under test
        proxy.cut               how many connections were cut

A connection may be cut at any octet of either direction, and the octets before it do arrive. After `cuts` of them the
way is sound.
"""

import contextlib
import socket
import threading
from random import Random


class CuttingProxy:
    """The proxy; a context manager."""

    def __init__(self, target: int, *, seed: int, cuts: int, longest: int = 200_000) -> None:
        self.cut = 0
        self._target = target
        self._chance = Random(seed)
        self._left = cuts
        self._longest = longest
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._is_ended = False

    def __enter__(self) -> "CuttingProxy":
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ended = True
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(5)

    def _begin(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]  # any function
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._is_ended:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            # Most are cut early in what the server says; some in what the client says, in the middle of a command.
            budgets = [0, 0]
            if self._left > 0:
                self._left -= 1
                upstream = self._chance.random() < 0.3
                budgets[upstream] = self._chance.randint(1, 3_000 if upstream else self._longest)
            for one, other, budget in ((far, near, budgets[0]), (near, far, budgets[1])):
                self._begin(self._pump, one, other, budget)

    def _pump(self, source: socket.socket, sink: socket.socket, budget: int) -> None:
        passed = 0
        try:
            while octets := source.recv(65_536):
                if budget and passed + len(octets) >= budget:
                    sink.sendall(octets[: budget - passed])
                    self.cut += 1
                    break
                passed += len(octets)
                sink.sendall(octets)
        except OSError:
            pass
        finally:
            for one in (source, sink):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            source.close()
