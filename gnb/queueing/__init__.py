"""The job engine: BullMQ's semantics on RQ's records, each change of state one atomic step. Begin with README.md.

from gnb.queueing import Engine, QueueOptions, job

@job("email", "greeting", GreetingData, attempts=5)
def greeting(data, context):
    context.progress(50, "half way")

engine = Engine("redis://localhost:6379", {"email": QueueOptions()})
engine.queue("email").enqueue("greeting", {"to": 7}, priority=1, delay=60)
"""

from .dependencies import RelatedJob
from .engine import Engine
from .errors import (
    FinalError,
    InvalidJobData,
    InvalidJobOption,
    InvalidJobState,
    InvalidSchedule,
    JobNotFound,
    JobStopped,
    JobTimedOut,
    QueueingError,
    QueueUnavailable,
    RetryLater,
    ScheduleInCode,
    ScheduleNotFound,
    UnknownJobType,
    UnknownQueue,
    WorkerNotFound,
)
from .job import STATES, Attempt, Job
from .job_context import JobContext
from .job_types import JobOutcome, JobType, job, job_types
from .metrics import HistoryPoint, QueueStats
from .options import Backoff, Deduplication, JobOptions, Retention
from .overview import Overview, ScheduleCounts, overview
from .queue import Queue
from .queue_options import QueueOptions, RateLimit
from .queue_reader import FailureGroup, JobPage
from .recurring.runs import Run
from .recurring.schedule import Schedule
from .recurring.scheduler import Scheduler
from .recurring.store import ScheduleState
from .recurring.template import ScheduledJob, ScheduledQueue
from .worker.registry import WorkerInfo
from .worker.rq_worker import Worker

__all__ = [
    "STATES",
    "Attempt",
    "Backoff",
    "Deduplication",
    "Engine",
    "FailureGroup",
    "FinalError",
    "HistoryPoint",
    "InvalidJobData",
    "InvalidJobOption",
    "InvalidJobState",
    "InvalidSchedule",
    "Job",
    "JobContext",
    "JobNotFound",
    "JobOptions",
    "JobOutcome",
    "JobPage",
    "JobStopped",
    "JobTimedOut",
    "JobType",
    "Overview",
    "Queue",
    "QueueOptions",
    "QueueStats",
    "QueueUnavailable",
    "QueueingError",
    "RateLimit",
    "RelatedJob",
    "Retention",
    "RetryLater",
    "Run",
    "Schedule",
    "ScheduleCounts",
    "ScheduleInCode",
    "ScheduleNotFound",
    "ScheduleState",
    "ScheduledJob",
    "ScheduledQueue",
    "Scheduler",
    "UnknownJobType",
    "UnknownQueue",
    "Worker",
    "WorkerInfo",
    "WorkerNotFound",
    "job",
    "job_types",
    "overview",
]
