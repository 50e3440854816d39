"""Connect capsules, and break the connections on purpose.

    from rigx.capsule import start
    from rigx.testbed import Network

    with Network() as net:
        net.declare("sim", listens_on=[5000])
        net.declare("fc", listens_on=[5001])
        net.link("sim", "fc", to_port=5001)  # sim → fc:5001

        with start("simulator", **net.bindings("sim")) as sim, \\
             start("flight_computer", **net.bindings("fc")) as fc:
            fc.wait_for_port(5001)
            with net.fault("sim", "fc", drop_rate=0.5):
                ...

A link is a TCP or UDP proxy in rigx. Faults are rules of links; those that hold
at the same time add up.
"""

import difflib
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union

from . import _control

__all__ = ["Fault", "Network", "SharedVolume"]


class SharedVolume:
    """A directory of this machine that nodes share. It is made by
    `Network.shared_volume`, and goes when the network is closed."""

    def __init__(self, name: str, _resolve: Callable[["SharedVolume"], Path]) -> None:
        self.name = name
        self._resolve = _resolve

    def __repr__(self) -> str:
        return f"SharedVolume(name={self.name!r})"

    @property
    def host_path(self) -> Path:
        """Where it is on this machine."""
        return self._resolve(self)


class Fault:
    """A fault that can be switched on, for a ``with`` block or with `inject`, and
    off. It is made by `Network.fault` and `Network.partition`."""

    def __init__(self, network: "Network", method: str, params: Dict[str, Any]) -> None:
        self._network = network
        self._method = method
        self._params = params
        self._active: List[Tuple[int, int]] = []

    def inject(self) -> "Fault":
        """Switches it on. Raises ValueError if no link matches, or a value is out of range."""
        answer = self._network._call(self._method, **self._params)
        self._active.append((self._network._opened(), answer["fault"]))
        return self

    def clear(self) -> None:
        """Switches it off; if it was injected several times, once."""
        if self._active:
            network, fault = self._active.pop()
            _control.call("network.clear", network=network, fault=fault)

    def __enter__(self) -> "Fault":
        return self.inject()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.clear()


class Network:
    """Nodes, the links between them, and their faults.

    - ``subnet``, such as ``"127.0.10.0/24"``, gives each node an address of its
      own; it must be inside 127.0.0.0/8. Without it all nodes are ``host``.
    - ``seed`` makes the faults' decisions repeatable. Without it there is a
      random one; `seed` says which.
    - ``verbose`` prints what happens to standard error.

    A network is open from its first use to the end of its ``with`` block. It can
    be entered again: what was declared is set up anew, at other ports.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        *,
        subnet: Optional[str] = None,
        verbose: bool = False,
        seed: Optional[int] = None,
    ) -> None:
        self._options = {"host": host, "subnet": subnet, "seed": seed}
        self._verbose = verbose
        self._lock = threading.RLock()
        self._id: Optional[int] = None
        self._seed = seed
        self._setup: List[Tuple[str, Dict[str, Any]]] = []
        self._volumes: Dict[SharedVolume, Tuple[int, Path]] = {}
        self._opened()

    def __enter__(self) -> "Network":
        self._opened()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _opened(self) -> int:
        """The network in rigx; opened, and everything set up, if it was not."""
        with self._lock:
            if self._id is None:
                answer = _control.call("network.open", **self._options)
                self._id, self._seed = answer["network"], answer["seed"]
                if self._verbose:
                    threading.Thread(target=self._follow, args=(self._id,), daemon=True).start()
                try:
                    for volume in self._volumes:
                        self._allocate(volume)
                    for method, params in self._setup:
                        _control.call(method, network=self._id, **self._resolved(params))
                except BaseException:
                    self.close()
                    raise
            return self._id

    def _call(self, method: str, **params: Any) -> Any:
        return _control.call(method, network=self._opened(), **self._resolved(params))

    def _set_up(self, method: str, **params: Any) -> Any:
        """Does what has to be done again when the network is entered again."""
        with self._lock:
            answer = self._call(method, **params)
            self._setup.append((method, params))
            return answer

    def _resolved(self, params: Dict[str, Any]) -> Dict[str, Any]:
        if "volumes" not in params:
            return params
        mounts = [{"volume": self._volumes[v][0], "path": path, "mode": mode} for v, path, mode in params["volumes"]]
        return {**params, "volumes": mounts}

    def _allocate(self, volume: SharedVolume) -> None:
        answer = _control.call("network.volume", network=self._id, name=volume.name)
        self._volumes[volume] = (answer["volume"], Path(answer["path"]))

    def _volume_path(self, volume: SharedVolume) -> Path:
        with self._lock:
            self._opened()
            return self._volumes[volume][1]

    def _follow(self, network: int) -> None:
        def show(_: str, data: bytes) -> None:
            sys.stderr.write("rigx.testbed: " + data.decode(errors="replace"))

        try:
            _control.call("network.follow", show, network=network)
        except _control.Error:  # the network has been closed
            pass

    @property
    def seed(self) -> int:
        """What decides which datagrams the faults hit."""
        self._opened()
        assert self._seed is not None
        return self._seed

    def close(self) -> None:
        """Takes down all links, and removes the shared volumes."""
        with self._lock:
            network, self._id = self._id, None
            if network is not None:
                _control.call("network.close", network=network)

    def declare(
        self,
        capsule: str,
        *,
        address: Optional[str] = None,
        listens_on: Optional[Sequence[int]] = None,
        udp_listens_on: Optional[Sequence[int]] = None,
        expose: Optional[Sequence[Tuple[str, int]]] = None,
        udp_expose: Optional[Sequence[Tuple[str, int]]] = None,
        volumes: Optional[Mapping[SharedVolume, Union[str, Tuple[str, str]]]] = None,
    ) -> None:
        """Adds a node, before or inside the ``with`` block.

        - ``listens_on``, ``udp_listens_on``: the ports that it listens on.
        - ``address``: its address in the subnet, else the next free one.
        - ``expose``, ``udp_expose``: where such ports are published as well,
          beside the links and out of reach of their faults.
        - ``volumes``: where shared volumes are in the capsule: a path, or a path
          and ``"ro"``.

        Raises ValueError for a name that is taken, an address outside the
        subnet, and ports that cannot be.
        """
        mounts = []
        for volume, spec in (volumes or {}).items():
            if not isinstance(volume, SharedVolume) or volume not in self._volumes:
                raise ValueError(f"volumes of {capsule!r}: {volume!r} is not a shared_volume() of this network")
            path, mode = (spec, "rw") if isinstance(spec, str) else spec
            mounts.append((volume, path, mode))
        self._set_up(
            "network.declare",
            name=capsule,
            address=address,
            listens_on=list(listens_on or []),
            udp_listens_on=list(udp_listens_on or []),
            expose=[list(at) for at in expose or []],
            udp_expose=[list(at) for at in udp_expose or []],
            volumes=mounts,
        )

    def link(self, src: str, dst: str, *, to_port: int, proto: str = "tcp") -> str:
        """Lets ``src`` reach a port that ``dst`` listens on, and returns where:
        the ``address:port`` that ``src`` finds in ``<DST>_<PORT>_ADDR``.

        Raises ValueError if a node is not declared, ``dst`` does not listen
        there, or the link exists.
        """
        return str(self._set_up("network.link", src=src, dst=dst, port=to_port, proto=proto)["address"])

    def bindings(self, capsule: str) -> Dict[str, Any]:
        """What `rigx.capsule.start` needs so that the capsule is this node:
        ``publish``, ``publish_udp``, ``env`` and ``volumes``.

        Link first: ``env`` names the links that there are.
        """
        answer = self._call("network.bindings", node=capsule)
        return {
            "publish": _published(answer["publish"]),
            "publish_udp": _published(answer["publish_udp"]),
            "env": answer["env"],
            "volumes": {
                Path(v["host"]): (v["container"], "ro") if v["mode"] == "ro" else v["container"]
                for v in answer["volumes"]
            },
        }

    def address(self, capsule: str) -> str:
        """The address of a node on this machine."""
        return str(self._call("network.address", node=capsule)["address"])

    def shared_volume(self, name: str) -> SharedVolume:
        """A new directory for nodes to share through ``declare(volumes=…)``."""
        volume = SharedVolume(name, self._volume_path)
        with self._lock:
            self._opened()
            self._allocate(volume)
        return volume

    def fault(
        self,
        src: str,
        dst: str,
        *,
        to_port: Optional[int] = None,
        proto: Optional[str] = None,
        direction: str = "both",
        drop_rate: Optional[float] = None,
        delay_ms: Optional[float] = None,
        jitter_ms: Optional[float] = None,
        corrupt_rate: Optional[float] = None,
        duplicate_rate: Optional[float] = None,
        reorder_rate: Optional[float] = None,
        bandwidth: Optional[float] = None,
        reset_rate: Optional[float] = None,
        slow_close_ms: Optional[float] = None,
        slice: Optional[int] = None,
        slice_delay_ms: Optional[float] = None,
        limit_bytes: Optional[int] = None,
        limit_ms: Optional[float] = None,
        burst: Optional[Mapping[str, float]] = None,
        partition: Optional[bool] = None,
        blocked: Optional[bool] = None,
        **unknown: Any,
    ) -> Fault:
        """A fault of the links from ``src`` to ``dst``, for a ``with`` block:
        ``with net.fault("sim", "fc", drop_rate=0.5): …``

        Which traffic: ``to_port`` and ``proto`` (``"tcp"``, ``"udp"``) choose
        among the links, and ``direction`` is ``"both"``, ``"forward"`` (from
        ``src`` to ``dst``) or ``"backward"`` (the replies).

        What happens to it, where rates are from 0 to 1:

        - ``drop_rate``: datagrams are lost; pieces of a TCP stream arrive late,
          as if sent again.
        - ``delay_ms``, ``jitter_ms``: everything arrives later, by so many
          milliseconds, give or take the jitter.
        - ``corrupt_rate``: a byte of the datagram or piece is changed.
        - ``duplicate_rate``, ``reorder_rate``: datagrams arrive twice, or are
          overtaken by the next.
        - ``burst``: loss in bursts (Gilbert–Elliott): ``dict(enter=0.01,
          leave=0.3, loss=0.9)`` are the chances, at each datagram, that a burst
          begins, that it ends, and that the datagram is lost in it; with
          ``good_loss`` some are lost between bursts, too.
        - ``bandwidth``: so many bytes pass per second.
        - ``reset_rate``: the chance, at each piece, that a TCP connection is reset.
        - ``slow_close_ms``: the end of a TCP connection arrives later.
        - ``slice``, ``slice_delay_ms``: TCP data arrives in pieces of so many
          bytes, with a pause between them.
        - ``limit_bytes``, ``limit_ms``: a TCP connection ends after so much.
        - ``partition``, or ``blocked``: nothing passes.

        Raises ValueError, when the block is entered, if no link matches or a
        value is out of range.
        """
        given = dict(locals())
        for name in unknown:
            near = difflib.get_close_matches(name, _RULES, 1) or [rule for rule in _RULES if name in rule]
            hint = f"; did you mean {near[0]!r}?" if near else f"; valid: {', '.join(_RULES)}"
            raise ValueError(f"unknown fault rule {name!r}{hint}")
        given["partition"] = partition if blocked is None else blocked
        rule = {name: given[name] for name in _RULES if given[name] is not None}
        return Fault(self, "network.fault", {**_selected(src, dst, to_port, proto), "direction": direction, "rule": rule})

    def schedule(
        self,
        src: str,
        dst: str,
        *,
        at: float = 0,
        duration: Optional[float] = None,
        to_port: Optional[int] = None,
        proto: Optional[str] = None,
        direction: str = "both",
        **rules: Any,
    ) -> None:
        """Plans a fault: it begins ``at`` seconds from now and lasts ``duration``
        seconds, or to the end. The rest is as for `fault`."""
        planned = self.fault(src, dst, to_port=to_port, proto=proto, direction=direction, **rules)
        self._call("network.schedule", at=at, duration=duration, **planned._params)

    def partition(self, group_a: Sequence[str], group_b: Sequence[str]) -> Fault:
        """A fault for a ``with`` block: nothing passes between the two groups of
        nodes, in either direction.

        Raises ValueError, when the block is entered, if no link is between them.
        """
        return Fault(self, "network.partition", {"a": list(group_a), "b": list(group_b)})

    def record(
        self,
        path: Union[str, Path],
        src: Optional[str] = None,
        dst: Optional[str] = None,
        *,
        to_port: Optional[int] = None,
        proto: Optional[str] = None,
    ) -> "Recording":
        """Writes what passes to a pcap file, which Wireshark and tshark read: the
        traffic of all links, or of those chosen. It ends with the ``with`` block,
        with `Recording.stop`, or with the network."""
        file = Path(path).absolute()
        answer = self._call("network.record", path=str(file), **_selected(src, dst, to_port, proto))
        return Recording(self._opened(), answer["record"], file)

    def state(self) -> Dict[str, Any]:
        """The nodes, the links with what passed and what was lost, and the
        faults at the moment."""
        state: Dict[str, Any] = self._call("network.state")
        return state

    def events(self) -> List[Dict[str, Any]]:
        """What was set up and injected so far, and when (``elapsed`` seconds)."""
        events: List[Dict[str, Any]] = self._call("network.events")["events"]
        return events


class Recording:
    """Traffic that is being recorded. It is made by `Network.record`."""

    def __init__(self, _network: int, _id: int, path: Path) -> None:
        self._network = _network
        self._id: Optional[int] = _id
        self.path = path

    def stop(self) -> None:
        """Completes the file. Stopping again does nothing."""
        record, self._id = self._id, None
        if record is not None:
            _control.call("network.stop_record", network=self._network, record=record)

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.stop()


_RULES = (
    "drop_rate",
    "delay_ms",
    "jitter_ms",
    "corrupt_rate",
    "duplicate_rate",
    "reorder_rate",
    "burst",
    "bandwidth",
    "reset_rate",
    "slow_close_ms",
    "slice",
    "slice_delay_ms",
    "limit_bytes",
    "limit_ms",
    "partition",
)


def _selected(src: Optional[str], dst: Optional[str], port: Optional[int], proto: Optional[str]) -> Dict[str, Any]:
    return {"src": src, "dst": dst, "port": port, "proto": proto}


def _published(answer: Mapping[str, List[List[Any]]]) -> Dict[int, Any]:
    """A pair for each port; a list of pairs if it is published more than once."""
    published: Dict[int, Any] = {}
    for port, places in answer.items():
        pairs = [(str(address), int(at)) for address, at in places]
        published[int(port)] = pairs[0] if len(pairs) == 1 else pairs
    return published
