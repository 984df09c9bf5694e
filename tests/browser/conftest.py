"""Pages in a real browser: Debian's Chromium, one stage and one browser a worker process, a fresh visitor a test."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.stage import ADMIN, PASSWORD, Stage

PATIENCE_MS = 30_000  # a busy machine is no failure
expect.set_options(timeout=PATIENCE_MS)
NO_SANDBOX = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


def chromium_program() -> str | None:
    """Where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    program = chromium_program()
    if program is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=NO_SANDBOX)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The application, running, with nobody working on its queues."""
    stage = Stage(tmp_path_factory.mktemp("stage")).start()
    yield stage
    stage.stop()


@pytest.fixture
def empty(stage: Stage) -> Stage:
    """The stage with no job in any queue and no worker."""
    stage.stop_workers()
    stage.forget_jobs()
    return stage


Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, stage: Stage) -> Iterator[Visit]:
    """`visit(path, as_=…, width=…, theme=…, javascript=…)`: the page, opened by somebody who has signed in.

    What the browser complains of (scripts, styles or requests refused, errors thrown) is in `page.complaints`.
    """
    contexts: list[BrowserContext] = []

    def open_page(
        path: str, as_: str | None = ADMIN, width: int = 1440, theme: str = "light", javascript: bool = True
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,  # type: ignore[arg-type]
            java_script_enabled=javascript,
            locale="en-GB",
            base_url=stage.url,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []  # type: ignore[attr-defined]
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)  # type: ignore[attr-defined]
        page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
        if as_:
            context.add_cookies([{"name": stage.cookie_name, "value": stage.session_of(as_), "url": stage.url}])
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def sign_in(page: Page, email: str = ADMIN) -> None:
    """Fill the sign-in form that the visitor was sent to."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)
