"""The mixed load: visitors of pages and API who enqueue mail, insights and exports; schedules; each steadily."""

from __future__ import annotations

import http.cookiejar
import itertools
import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from benchmarks.steady_world import ADMIN, PASSWORD, World
from gnb.extensions import engine

API = "/api/v1/admin"
KEPT = 1000
"""Completed jobs that each queue keeps; before the first sample it keeps as many."""

PAGES = ("/", "/admin/", "/admin/jobs", "/admin/jobs/email", "/admin/exports", "/admin/emails", "/admin/workers",
         "/admin/schedules", "/admin/insights", "/metrics")  # fmt: skip
READS = ("/jobs/stats", "/jobs/email/jobs?state=completed&start=0&end=50", "/jobs/export/jobs?state=failed", "/workers",
         "/schedules", "/exports")  # fmt: skip
SCHEDULES = (("process-campaigns", 5), ("update-sitemap", 7))
CITIES = ("Antalya", "Ankara", "Bursa", "Konya", "Adana", "Trabzon", "Mersin", "Denizli", "Kayseri", "Muğla")


class Load:
    """Threads that ask and enqueue between `start` and `stop`. `seconds`: of each answer; `errors`: what went wrong."""

    def __init__(self, place: World) -> None:
        self.place = place
        self.seconds: list[float] = []
        self.errors: list[str] = []
        self._base = f"http://127.0.0.1:{place.port}"
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._numbers = itertools.count(1)
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def fill_up(self) -> None:
        """Has each queue keep as many completed jobs as it ever will, and the demo's campaigns mailed."""
        with self.place.app.app_context():
            engine().queue("scheduled").enqueue("process-campaigns")
            engine().queue("export").enqueue_many([("revenue-pdf", {}, {})] * 6)  # each worker loads what PDFs need
            for queue, job in (("email", mail), ("ai", insight), ("export", _export), ("scheduled", _sitemap)):
                engine().queue(queue).enqueue_many(
                    [(name, data, {}) for name, data in (job(next(self._numbers)) for _ in range(KEPT + 20))]
                )
        self.wait_until_done(600)

    def start(self) -> None:
        """Signs in, adds two schedules, and sends out the visitors."""
        self.sign_in()
        for name, every in SCHEDULES:
            self._call("POST", f"{API}/schedules", {"name": f"steady-{name}", "type": name, "every": every})
        paces: list[tuple[float, Callable[[], None]]] = [
            (0.25, lambda: self._enqueue("email", *mail(next(self._numbers)))),
            (0.5, lambda: self._enqueue("ai", *insight(next(self._numbers)))),
            (2.0, lambda: self._call("POST", f"{API}/exports", {"type": "users-csv"})),
            (20.0, lambda: self._call("POST", f"{API}/exports", {"type": "revenue-pdf"})),
            (0.4, self._each(PAGES, self.visit)),
            (0.4, self._each(READS, lambda path: self._call("GET", API + path))),
        ]
        for seconds, step in paces:
            thread = threading.Thread(target=self._repeat, args=(seconds, step), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Ends the visits; what was enqueued goes on."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        for name, _ in SCHEDULES:
            self._call("DELETE", f"{API}/schedules/steady-{name}")

    def wait_until_done(self, patience: float = 120) -> int:
        """How many jobs are left; 0, unless so many seconds did not suffice."""
        deadline = time.monotonic() + patience
        while left := self._sum(lambda stats: stats.waiting + stats.active + stats.delayed):
            if time.monotonic() > deadline:
                return left
            time.sleep(0.5)
        return 0

    def done(self) -> int:
        return self._sum(lambda stats: stats.processed_completed)

    def failed(self) -> int:
        return self._sum(lambda stats: stats.processed_failed)

    def _sum(self, count: Callable[[Any], int]) -> int:
        with self.place.app.app_context():
            return sum(map(count, engine().stats()))

    def _repeat(self, every: float, step: Callable[[], None]) -> None:
        while not self._stop.wait(every):
            step()

    @staticmethod
    def _each(paths: tuple[str, ...], step: Callable[[str], None]) -> Callable[[], None]:
        """A step that takes the paths in turn."""
        turn = itertools.cycle(paths)
        return lambda: step(next(turn))

    def _enqueue(self, queue: str, name: str, data: dict[str, Any]) -> None:
        self._call("POST", f"{API}/jobs/{queue}", {"type": name, "data": data})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        headers = {"Authorization": f"Bearer {self.place.token}", "Content-Type": "application/json"}
        words = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self._base + path, words, headers, method=method)
        self._timed(f"{method} {path}", lambda: urllib.request.urlopen(request, timeout=30).read())

    def visit(self, path: str) -> None:
        """Open a page as the administrator."""
        self._timed(path, lambda: self._opener.open(self._base + path, timeout=30).read())

    def _timed(self, name: str, ask: Callable[[], bytes]) -> bytes:
        begun = time.monotonic()
        try:
            answer = ask()
        except urllib.error.HTTPError as error:
            self.errors.append(f"{name}: {error.code}")
        except OSError as error:
            self.errors.append(f"{name}: {type(error).__name__}")
        else:
            self.seconds.append(time.monotonic() - begun)
            return answer
        return b""

    def sign_in(self) -> None:
        """Sign in as the administrator of the demo data."""
        form = self._opener.open(self._base + "/login").read().decode()
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
        if found is None:
            raise RuntimeError("the sign-in form has no token")
        fields = urllib.parse.urlencode({"csrf_token": found[1], "email": ADMIN, "password": PASSWORD}).encode()
        answer = self._opener.open(self._base + "/login", fields)
        if answer.url.endswith("/login"):
            raise RuntimeError("the administrator could not sign in")


def mail(number: int) -> tuple[str, dict[str, Any]]:
    return "send-email", {"to": f"guest{number}@example.com", "subject": f"Number {number}", "text": "Hello."}


def insight(number: int) -> tuple[str, dict[str, Any]]:
    moment = f"2027-0{number % 9 + 1}-1{number % 10}T{number % 24:02}:{number % 60:02}:00+03:00"
    return "delay-risk", {"origin": "IST", "destination": CITIES[number % len(CITIES)], "scheduledTime": moment}


def _export(_number: int) -> tuple[str, dict[str, Any]]:
    return "revenue-csv", {"filters": {}}


def _sitemap(_number: int) -> tuple[str, dict[str, Any]]:
    return "update-sitemap", {}
