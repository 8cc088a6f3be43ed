"""Debian's docker-registry on a free loopback port."""

import json
import shutil
import socket
import subprocess
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


class Registry:
    """Empty, with its storage below `directory`, as long as it is entered."""

    def __init__(self, directory):
        port = _free_port()
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

    def __exit__(self, *_):
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
