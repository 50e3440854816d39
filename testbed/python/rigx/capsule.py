"""Start and drive capsules.

    from rigx.capsule import start

    with start("greeter", publish={5000: 5050}) as cap:
        cap.wait_for_port(5000, timeout=10)
        # ... talk to 127.0.0.1:5050
        print(cap.logs())

`start` returns once the capsule has been started. A capsule ends with its
``with`` block, with `Capsule.stop`, or with the script, whichever is first.
"""

import base64
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union

from . import _control

PublishSpec = Union[int, Tuple[str, int]]
"""Where a port is on this machine: a port of 127.0.0.1, or an address and a port.
Port 0 is one that is free; `Capsule.host_endpoint` says which."""

PublishMapping = Union[PublishSpec, List[PublishSpec]]

VolumeSpec = Union[str, Tuple[str, str]]
"""Where a directory is in the capsule, and ``"ro"`` or ``"rw"``."""

__all__ = ["Capsule", "PublishMapping", "PublishSpec", "VolumeSpec", "start"]


class Capsule:
    """A capsule that was started. It is made by `start`."""

    def __init__(
        self,
        name: str,
        container_name: str,
        capsule_dir: Path,
        manifest: Dict[str, Any],
        publish: Dict[int, PublishMapping],
        publish_udp: Dict[int, PublishMapping],
        volumes: List[Tuple[str, str, str]],
        _id: int,
    ) -> None:
        self.name = name
        self.container_name = container_name
        self.capsule_dir = capsule_dir
        self.manifest = manifest
        self.publish = publish
        self.publish_udp = publish_udp
        self.volumes = volumes
        self._id = _id

    def __repr__(self) -> str:
        return f"Capsule(name={self.name!r}, container_name={self.container_name!r}, backend={self.backend!r})"

    def __enter__(self) -> "Capsule":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.stop()

    @property
    def backend(self) -> str:
        """``lite``, ``nixos``, ``qemu`` or ``docker``."""
        return str(self.manifest.get("backend", ""))

    def host_endpoint(self, container_port: int, *, proto: str = "tcp") -> Tuple[str, int]:
        """The address and port of this machine where a port of the capsule is.

        Raises KeyError if the port was not published.
        """
        published = self.publish_udp if proto == "udp" else self.publish
        if container_port not in published:
            raise KeyError(
                f"capsule {self.name!r}: container port {container_port}/{proto} was not published "
                f"(start() got publish={self.publish}, publish_udp={self.publish_udp})"
            )
        return _endpoints(published[container_port])[0]

    def host_address(self, container_port: int, *, proto: str = "tcp") -> str:
        """The address of `host_endpoint`."""
        return self.host_endpoint(container_port, proto=proto)[0]

    def host_port(self, container_port: int, *, proto: str = "tcp") -> int:
        """The port of `host_endpoint`."""
        return self.host_endpoint(container_port, proto=proto)[1]

    def wait_for_port(self, container_port: int, *, timeout: float = 10.0, interval: float = 0.1) -> None:
        """Waits until something in the capsule listens on a published TCP port.

        ``timeout`` is in seconds. ``interval`` is accepted for the sake of older
        scripts; how often to look is rigx's choice.

        Raises TimeoutError after that time, `rigx.Error` with the capsule's last
        words if it ends before, KeyError if the port was not published.
        """
        del interval
        self.host_endpoint(container_port)
        _control.call("capsule.wait_for_port", capsule=self._id, port=container_port, timeout=timeout)

    def exec(
        self,
        cmd: Sequence[str],
        *,
        capture: bool = False,
        timeout: Optional[float] = None,
        input: Optional[Union[str, bytes]] = None,
        user: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        workdir: Optional[str] = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a program inside the capsule and returns how it went.

        With ``capture``, ``stdout`` and ``stderr`` of the result are what it
        printed; else that goes to the script's own output. ``timeout`` is in
        seconds. ``input`` is its standard input.

        Raises subprocess.TimeoutExpired after that time, and NotImplementedError
        for a ``qemu`` capsule: a virtual machine has no such way in (put sshd
        into it with ``nixos_modules``, and publish its port).
        """
        argv = [str(word) for word in cmd]
        out: Dict[str, List[bytes]] = {"stdout": [], "stderr": []}

        def stream(name: str, data: bytes) -> None:
            if capture:
                out[name].append(data)
            else:
                _write(sys.stderr if name == "stderr" else sys.stdout, data)

        stdin = input.encode() if isinstance(input, str) else input
        try:
            answer = _control.call(
                "capsule.exec",
                stream,
                capsule=self._id,
                argv=argv,
                stdin=base64.b64encode(stdin).decode() if stdin is not None else None,
                timeout=timeout,
                user=user,
                env=dict(env) if env else None,
                workdir=workdir,
            )
        except TimeoutError as e:
            raise subprocess.TimeoutExpired(argv, timeout or 0, b"".join(out["stdout"]), b"".join(out["stderr"])) from e
        if not capture:
            return subprocess.CompletedProcess(argv, answer["status"])
        text = {name: b"".join(parts).decode(errors="replace") for name, parts in out.items()}
        return subprocess.CompletedProcess(argv, answer["status"], text["stdout"], text["stderr"])

    def logs(self) -> str:
        """What the capsule has printed; of a virtual machine, its console."""
        parts: List[bytes] = []
        _control.call("capsule.logs", lambda _, data: parts.append(data), capsule=self._id)
        return b"".join(parts).decode(errors="replace")

    def wait(self, timeout: Optional[float] = None) -> int:
        """Waits until the capsule ends by itself, and returns its exit status.

        Raises TimeoutError after ``timeout`` seconds.
        """
        return int(_control.call("capsule.wait", capsule=self._id, timeout=timeout)["status"])

    def stop(self) -> None:
        """Stops the capsule and removes it. Stopping it again does nothing."""
        _control.call("capsule.stop", capsule=self._id)


def start(
    name: str,
    *,
    env: Optional[Mapping[str, str]] = None,
    publish: Optional[Mapping[int, PublishMapping]] = None,
    publish_udp: Optional[Mapping[int, PublishMapping]] = None,
    volumes: Optional[Mapping[Union[Path, str], VolumeSpec]] = None,
    project_root: Optional[Union[Path, str]] = None,
    network: Optional[str] = None,
    container_name: Optional[str] = None,
    output_dir: Optional[Union[Path, str]] = None,
    user: Optional[str] = None,
    hosts: Optional[Mapping[str, str]] = None,
) -> Capsule:
    """Starts the capsule that was built to ``output/<name>``.

    - ``env``: more environment variables.
    - ``publish``, ``publish_udp``: where ports of the capsule are on this machine:
      a port, an address and a port, or a list of those.
    - ``volumes``: directories of this machine, and where they are in the capsule.
      A relative one is found from the project's root.
    - ``project_root``: the directory of ``rigx.toml``, else the one that the
      current directory is in. ``output_dir``: where ``<name>`` is, else
      ``output`` in the project's root.
    - ``network``: a network of docker or podman to join.
    - ``container_name``: its name there, else a new one.
    - ``user``: who runs it, as in ``rigx.toml``.
    - ``hosts``: names for its ``/etc/hosts``.

    A capsule that gets the ``bindings()`` of a node of a `rigx.testbed.Network`
    is that node: its links are in place before its program starts.

    Raises ValueError for arguments that cannot be, and `rigx.Error` if the
    capsule is not built, nothing is there to run it with, or it does not start.
    """
    root = Path(project_root).absolute() if project_root is not None else None
    if output_dir is not None:
        output = Path(output_dir).absolute()
    else:
        root = root or _project_root()
        output = root / "output"
    answer = _control.call(
        "capsule.start",
        name=name,
        dir=str(output / name),
        container_name=container_name,
        env={str(k): str(v) for k, v in (env or {}).items()},
        publish=_published(publish),
        publish_udp=_published(publish_udp),
        volumes=[{"host": h, "container": c, "mode": m} for h, c, m in _mounts(volumes)],
        network=network,
        user=user,
        hosts=dict(hosts or {}),
        project_root=str(root) if root else None,
    )
    return Capsule(
        name=name,
        container_name=answer["container_name"],
        capsule_dir=output / name,
        manifest=answer["manifest"],
        publish=_chosen(answer.get("publish"), publish),
        publish_udp=_chosen(answer.get("publish_udp"), publish_udp),
        volumes=_mounts(volumes),
        _id=answer["capsule"],
    )


def _project_root() -> Path:
    """The project that the script was run for, or the one around it."""
    here = Path.cwd()
    for directory in (here, *here.parents):
        if (directory / "rigx.toml").is_file():
            return directory
    if os.environ.get("RIGX_PROJECT_ROOT"):
        return Path(os.environ["RIGX_PROJECT_ROOT"])
    raise _control.Error(f"there is no rigx.toml in {here} or above: pass project_root=… or output_dir=…")


def _endpoints(value: PublishMapping) -> List[Tuple[str, int]]:
    specs = value if isinstance(value, list) else [value]
    return [("127.0.0.1", spec) if isinstance(spec, int) else (str(spec[0]), int(spec[1])) for spec in specs]


def _published(mapping: Optional[Mapping[int, PublishMapping]]) -> Dict[str, List[List[Any]]]:
    return {str(port): [list(at) for at in _endpoints(value)] for port, value in (mapping or {}).items()}


def _chosen(
    answer: Optional[Mapping[str, List[List[Any]]]], asked: Optional[Mapping[int, PublishMapping]]
) -> Dict[int, PublishMapping]:
    """What was asked for, or, if ports were to be chosen, what they are."""
    if answer is None:
        return dict(asked or {})
    return {int(port): [(str(address), int(at)) for address, at in places] for port, places in answer.items()}


def _mounts(volumes: Optional[Mapping[Union[Path, str], VolumeSpec]]) -> List[Tuple[str, str, str]]:
    mounts = []
    for host, spec in (volumes or {}).items():
        container, mode = (spec, "rw") if isinstance(spec, str) else spec
        mounts.append((str(host), container, mode))
    return mounts


def _write(stream: Any, data: bytes) -> None:
    """Writes bytes to a text stream, which a test runner may have replaced."""
    stream.flush()
    if hasattr(stream, "buffer"):
        stream.buffer.write(data)
        stream.buffer.flush()
    else:
        stream.write(data.decode(errors="replace"))
