"""Where the metrics are served: moved by a reload, given up at the end."""

from __future__ import annotations

from pectin.observing.metrics import Metrics, MetricsServer


class MetricsDoor:
    """Closed at first."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._at = "off"
        self._server: MetricsServer | None = None

    def open(self, listen: str) -> None:
        """Serve here from now on (`127.0.0.1:9847`), or nowhere (`off`). Raises PectinError(ADDRESS_UNUSABLE), and then nothing
        has changed."""
        if listen == self._at:
            return
        host, _, port = listen.rpartition(":")
        new = None if listen == "off" else self._metrics.serve(host.strip("[]"), int(port))
        self.close()
        self._server, self._at = new, listen

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server, self._at = None, "off"
