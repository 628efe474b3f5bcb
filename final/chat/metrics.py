"""The figures, as Prometheus text, for whoever asks on another port.

Nothing is counted for this: it reads what the server counts anyway, when it is asked, in the thread that answers. Each
figure is one integer that only the server's thread writes; a reader sees one a moment old at worst, so there is no
lock.

This module is imported when --metrics asks for it, and the package prometheus-client with it.
"""

from collections.abc import Iterator
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from .server import LoopTime, Server


class ServerFigures(Collector):
    """What the server has to tell, each figure with a sentence that says what it is."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def collect(self) -> Iterator[Metric]:
        """Yield every figure as it is now."""
        for name, help, value in self._gauges():
            yield GaugeMetricFamily(f"chat_{name}", help, value=value)
        for name, help, value in self._counters():
            yield CounterMetricFamily(f"chat_{name}", help, value=value)
        yield _histogram("chat_loop_seconds", "Time that the turns of the loop took.", self._server.loop_time)

    def _gauges(self) -> Iterator[tuple[str, str, float]]:
        figures = self._server.figures()
        yield "connections", "Open connections, with a name or without.", figures.connections
        yield "clients", "People in the room.", figures.clients
        yield "behind", "Connections that lag behind the end of the log.", figures.behind
        yield "lag", "Entries that the connection furthest behind has yet to be sent.", figures.lag
        yield "unkept", "Entries that couldn't be written to the history yet.", figures.unkept

    def _counters(self) -> Iterator[tuple[str, str, float]]:
        counts, traffic = self._server.room.counts, self._server.traffic
        yield "messages", "Lines said to everybody.", counts.said
        yield "whispers", "Lines said to one person.", counts.whispered
        yield "deliveries", "Lines sent, counted once for each person they went to.", self._server.delivered
        yield "refused_joins", "Connections that weren't let in.", counts.refused_joins
        yield "refused_lines", "Lines that were too much at once.", counts.refused_lines
        yield "fallen", "Readers that fell off the end of the log.", counts.fallen
        yield "received_bytes", "Bytes received.", traffic.received
        yield "sent_bytes", "Bytes sent.", traffic.sent


def _histogram(name: str, help: str, loop_time: LoopTime) -> HistogramMetricFamily:
    buckets, total = [], 0
    for bound, count in zip((*map(str, loop_time.BUCKETS), "+Inf"), loop_time.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return HistogramMetricFamily(name, help, buckets=buckets, sum_value=loop_time.total)


def serve(server: Server, port: int) -> tuple[WSGIServer, str]:
    """Answer on this port of this computer alone; return the HTTP server and its address. Raises OSError."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServerFigures(server))
    http, _ = start_http_server(port, addr="127.0.0.1", registry=registry)
    return http, f"http://127.0.0.1:{http.server_port}/metrics"
