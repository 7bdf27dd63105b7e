"""Chromium without a screen, spoken to by its DevTools protocol over a pipe: real widths, real keys, real pages."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic", "--hide-scrollbars", "--disable-dev-shm-usage"),
    *("--remote-debugging-pipe", "about:blank"),
)
KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), "Space": (32, " ")}


def unavailable(reason: str) -> None:
    """What a page is looked at with is not here: skipped on a desk, failed in CI, which is meant to have it."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


class Browser:
    """One page of one browser."""

    def __init__(self, folder: Path) -> None:
        for_child, self._to = os.pipe()
        self._from, of_child = os.pipe()
        # The protocol's pipe is descriptors 3 and 4 of the browser, whatever numbers these have here.
        command = f'exec "$@" 3<&{for_child} 4>&{of_child}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", "chromium", f"--user-data-dir={folder}", *FLAGS],
            pass_fds=(for_child, of_child),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(for_child)
        os.close(of_child)
        self._rest, self._count, self._session = b"", 0, None
        (target,) = [each for each in self("Target.getTargets")["targetInfos"] if each["type"] == "page"]
        self._session = self("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        self("Page.enable")

    def __call__(self, method: str, **given: Any) -> dict[str, Any]:
        """The answer to one command of the protocol."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": given}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._count:
            pass
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            found = os.read(self._from, 1 << 20)
            assert found, "the browser ended"
            self._rest += found
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)

    def open(self, page: Path, width: int = 1280, scheme: str = "light") -> None:
        """Load a page at this width in pixels, in a light or dark scheme."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self("Page.navigate", url=page.as_uri())
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """The value of an expression, waited for where it is a promise."""
        answer = self("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """One key, as a keyboard would send it."""
        code, text = KEYS[key]
        names = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code, "text": text}
        self("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **names)
        self("Input.dispatchKeyEvent", type="keyUp", **names)

    def type(self, text: str) -> None:
        """Text into what has the focus."""
        self("Input.insertText", text=text)

    def pdf(self) -> bytes:
        """The page as it would be printed."""
        answer = self("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        return base64.b64decode(answer["data"])

    def picture(self, path: Path, height: int | None = None) -> None:
        """The page from its top as a PNG file: all of it, or so many pixels."""
        size = self("Page.getLayoutMetrics")["cssContentSize"]
        width = self.run("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height or size["height"], "scale": 1}
        answer = self("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self) -> None:
        """End the browser."""
        os.close(self._to)
        self._process.terminate()
        self._process.wait()
        os.close(self._from)


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in `folder`; skips, or fails in CI, where there is none."""
    if shutil.which("chromium") is None:
        unavailable("pages are looked at with Chromium (Debian: chromium)")
    found = Browser(folder)
    try:
        yield found
    finally:
        found.close()
