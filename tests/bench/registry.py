"""Debian's docker-registry on a free loopback port."""

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.request

_CONFIGURATION = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


SLOW = 20_000_000


class _Slowing:
    def __init__(self, address):
        self._to = ("127.0.0.1", int(address.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def image(self, name):
        return f"{self.address}/{name}:1"

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._to)
            for words in ((client, server, None), (server, client, SLOW)):
                threading.Thread(target=self._pass_on, args=words, daemon=True).start()

    @staticmethod
    def _pass_on(source, to, speed):
        due = time.monotonic()
        try:
            while data := source.recv(65536):
                to.sendall(data)
                if speed:
                    # What was not used in time is lost.
                    due = max(due, time.monotonic() - 0.05) + len(data) / speed
                    time.sleep(max(0, due - time.monotonic()))
        except OSError:
            pass
        for end in (source, to):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Registry:
    """Empty, with its storage below `directory`, as long as it is entered."""

    def __init__(self, directory):
        port = _free_port()
        self._proxies = []
        self._storage = directory / f"registry-{port}"
        configuration = directory / "registry.yml"
        configuration.write_text(_CONFIGURATION.format(storage=self._storage, port=port))
        self.address = f"localhost:{port}"
        self._process = subprocess.Popen(
            ["docker-registry", "serve", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("docker-registry does not start")

    def __enter__(self):
        return self

    def slowed(self):
        """The same registry behind a proxy that lets each connection have SLOW bytes a second."""
        if not self._proxies:
            self._proxies.append(_Slowing(self.address))
        return self._proxies[0]

    def __exit__(self, *_):
        for proxy in self._proxies:
            proxy.close()
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._storage, ignore_errors=True)

    def image(self, name):
        return f"{self.address}/{name}:1"

    def layer_bytes(self, name):
        """The sum of an image's layers as they are stored."""
        accept = ", ".join(
            ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
        )
        request = urllib.request.Request(
            f"http://{self.address}/v2/{name}/manifests/1", headers={"Accept": accept}
        )
        with urllib.request.urlopen(request) as answer:
            return sum(layer["size"] for layer in json.load(answer)["layers"])
