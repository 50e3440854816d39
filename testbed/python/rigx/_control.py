"""The connection to rigx: one JSON value a line, over a Unix socket.

The first connection of a process creates a session and is kept open; what the
session started lives as long as it. Each thread has one more connection, for
its calls, which joins the session by its name. A call that is interrupted
drops the thread's connection, and rigx gives the call up.
"""

import atexit
import base64
import json
import os
import shutil
import socket
import subprocess
import threading
from typing import Any, Callable, Dict, Optional, Type

Stream = Callable[[str, bytes], None]


class Error(RuntimeError):
    """Something that rigx could not do. ``code`` names the reason."""

    def __init__(self, message: str, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


_EXCEPTIONS: Dict[str, Type[Exception]] = {
    "value": ValueError,
    "timeout": TimeoutError,
    "unsupported": NotImplementedError,
}


_ENDED = "rigx, which ran the testbed, has ended"


def _exception(error: Dict[str, Any]) -> Exception:
    code, message = error.get("code", "failed"), error.get("message", "rigx gave no reason")
    kind = _EXCEPTIONS.get(code)
    return kind(message) if kind else Error(message, code)


class _Connection:
    """One socket on which calls follow each other."""

    def __init__(self, path: str, session: Optional[str]) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError as e:
            self._socket.close()
            raise Error(f"rigx does not answer at {path} (RIGX_CONTROL): {e}", "disconnected") from e
        self._reader = self._socket.makefile("rb")
        self._last = 0
        self.session: str = self.call("hello", {"session": session} if session else {}, None)["session"]

    def call(self, method: str, params: Dict[str, Any], stream: Optional[Stream]) -> Any:
        self._last += 1
        self._send({"id": self._last, "method": method, "params": params})
        while True:
            answer = self._receive()
            if answer.get("id") != self._last:
                raise Error(answer.get("error", {}).get("message", "unexpected answer"), "disconnected")
            if "stream" in answer:
                if stream is not None:
                    stream(answer["stream"], base64.b64decode(answer["data"]))
            elif "error" in answer:
                raise _exception(answer["error"])
            else:
                return answer.get("result")

    def _send(self, message: Dict[str, Any]) -> None:
        try:
            self._socket.sendall(json.dumps(message, allow_nan=False).encode() + b"\n")
        except OSError as e:
            raise Error(_ENDED, "disconnected") from e

    def _receive(self) -> Dict[str, Any]:
        try:
            line = self._reader.readline()
        except OSError as e:
            raise Error(_ENDED, "disconnected") from e
        if not line.endswith(b"\n"):
            raise Error(_ENDED, "disconnected")
        answer: Dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    def __del__(self) -> None:
        # With the thread that it was for. It may not have been opened.
        if hasattr(self, "_reader"):
            self.close()


class _Client:
    """The session of this process."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._server: Optional["subprocess.Popen[bytes]"] = None
        self._path = os.environ.get("RIGX_CONTROL") or self._serve()
        # A child that was forked has copies of the sockets; it must use its own.
        self._pid = os.getpid()
        self._keeper: Optional[_Connection] = None
        try:
            self._keeper = _Connection(self._path, None)
        except BaseException:
            self.close()
            raise
        self.session = self._keeper.session

    def _serve(self) -> str:
        program = os.environ.get("RIGX_EXE") or shutil.which("rigx")
        if not program:
            raise Error("rigx is not on PATH: run the script with `rigx run`, or name the program in RIGX_EXE", "disconnected")
        try:
            # A group of its own: Ctrl-C is for the script, which then ends the server.
            self._server = subprocess.Popen(
                [program, "testbed", "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
        except OSError as e:
            raise Error(f"cannot start {program}: {e}", "disconnected") from e
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        if not line:
            raise Error(f"`{program} testbed serve` ended with status {self._server.wait()}", "disconnected")
        return str(json.loads(line)["control"])

    def call(self, method: str, params: Dict[str, Any], stream: Optional[Stream]) -> Any:
        connection: Optional[_Connection] = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _Connection(self._path, self.session)
        try:
            return connection.call(method, params, stream)
        except (ValueError, TimeoutError, NotImplementedError):
            raise
        except BaseException as e:
            # The answer may still be under way, so this connection is of no more use.
            if not isinstance(e, Error) or e.code == "disconnected":
                connection.close()
                self._local.connection = None
            raise

    def forked(self) -> None:
        """Leaves the session to the parent, and joins it."""
        self._local = threading.local()
        if self._keeper is not None:
            self._keeper.close()
        if self._server is not None and self._server.stdin is not None:
            self._server.stdin.close()
        self._server = None

    def close(self) -> None:
        """Ends the session, and waits until all that it started is gone."""
        if os.getpid() != self._pid:
            return
        if self._keeper is not None:
            try:
                self._keeper.call("bye", {}, None)
            except Exception:  # rigx has gone, and takes everything down itself
                pass
            self._keeper.close()
        if self._server is not None:
            assert self._server.stdin is not None and self._server.stdout is not None
            self._server.stdin.close()
            self._server.stdout.close()
            self._server.wait()


_client: Optional[_Client] = None
_lock = threading.Lock()


def _the_client() -> _Client:
    global _client
    with _lock:
        if _client is None:
            _client = _Client()
            atexit.register(_client.close)
        return _client


def _forked() -> None:
    global _lock
    _lock = threading.Lock()
    if _client is not None:
        _client.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def call(method: str, stream: Optional[Stream] = None, **params: Any) -> Any:
    """Has rigx do something, and returns what it answers. Parameters that are
    None are left out. ``stream`` receives output as it comes."""
    return _the_client().call(method, {k: v for k, v in params.items() if v is not None}, stream)
