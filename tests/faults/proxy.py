"""A TCP proxy that loses or cuts what passes through it, as networks do."""

import contextlib
import socket
import threading


class Proxy:
    """Passes everything on to `target` ("host:port") while `fault` is empty. Else:

    - "lose": what is asked arrives, and its answer never comes back
    - "cut": the same, and the connection ends where the answer should be
    - "silent": nothing arrives, in neither direction, and nobody is told
    """

    def __init__(self, target: str) -> None:
        self.fault = ""
        self.lost = 0  # bytes of answers that never came back
        host, _colon, port = target.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _address = self._listener.accept()
                far = socket.create_connection(self._target)
                for pump in (self._ask, self._answer):
                    threading.Thread(target=pump, args=(near, far), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        with _ended(near, far):
            while data := near.recv(65536):
                if self.fault != "silent":
                    far.sendall(data)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        with _ended(near, far):
            while data := far.recv(65536):
                if not self.fault:
                    near.sendall(data)
                    continue
                self.lost += len(data)
                if self.fault == "cut":
                    return


@contextlib.contextmanager
def _ended(*ends: socket.socket):
    """Whoever ends its direction ends both."""
    with contextlib.suppress(OSError):
        yield
    for each in ends:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
