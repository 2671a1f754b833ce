"""An object store on loopback: moto's S3 and a proxy that lets requests fail."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from programs import HERE, free_port, wait_until

from seisflow.core.files import AnyPath, any_path

BUCKET = "campaign"
SECRET = "to-be-found-nowhere"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@dataclass(frozen=True)
class ObjectStore:
    """Where a store answers, and what processes must know to use it."""

    endpoint: str
    environment: dict[str, str]

    def faults(self) -> dict[str, int]:
        """Return what its proxy did, by kind."""
        with urllib.request.urlopen(f"{self.endpoint}/__faults", timeout=10) as answer:
            return dict(json.load(answer))

    def refuse(self, pattern: str) -> None:
        """Have requests answered by 403 whose ``METHOD path?query`` has the pattern in it."""
        request = urllib.request.Request(f"{self.endpoint}/__refuse", data=pattern.encode())
        urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def start_store(folder: Path, *, with_faults: bool) -> Iterator[ObjectStore]:
    """Start a store with one bucket; this process may use it too."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        _start(stack, folder / "store.log", ["-m", "moto.server", "-H", "127.0.0.1", "-p", port])
        _answers(f"{endpoint}/moto-api/")
        urllib.request.urlopen(
            urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT"), timeout=10
        ).close()
        port = free_port()
        proxy = [str(HERE / "fault_proxy.py"), endpoint, port, int(with_faults)]
        _start(stack, folder / "proxy.log", proxy)
        endpoint = f"http://127.0.0.1:{port}"
        _answers(f"{endpoint}/__faults")
        environment = CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint}
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            yield ObjectStore(endpoint, environment)
        finally:
            os.environ.clear()
            os.environ.update(before)
            any_path(f"s3://{BUCKET}").fs.clear_instance_cache()


def _start(stack: ExitStack, log: Path, arguments: list[object]) -> None:
    output = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)], stdout=output, stderr=subprocess.STDOUT
    )
    stack.callback(process.wait)
    stack.callback(process.kill)


def _answers(url: str) -> None:
    def answered() -> bool:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
            return False
        return True

    wait_until(answered, 60, url)


def fetch(url: AnyPath, folder: Path) -> Path:
    """Copy all below a URL into a folder of this machine."""
    for key, content in url.fs.cat(url.fs.find(url.path)).items():
        file = folder / key.removeprefix(f"{url.path}/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder
