"""Workers for the pages' tests, in a process of their own: `python -m tests.browser.workers QUEUE…`."""

import sys

from gnb import create_app
from gnb.extensions import engine
from gnb.queueing.worker.process import WorkerProcess
from gnb.queueing.worker.supervisor import Supervisor
from tests.browser import page_jobs  # noqa: F401  (declares its types)

if __name__ == "__main__":
    with create_app().app_context():
        Supervisor(engine(), [WorkerProcess([name]) for name in sys.argv[1:]]).run()
