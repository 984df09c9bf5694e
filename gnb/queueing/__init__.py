"""The job engine: BullMQ's semantics on RQ's records, each move one atomic step. README.md says where to begin.

from gnb.queueing import Engine, QueueOptions, job

@job("email", "greeting", GreetingData, attempts=5)
def greeting(data, running):
    running.progress(50, "half way")

engine = Engine("redis://localhost:6379", {"email": QueueOptions()})
engine.queue("email").enqueue("greeting", {"to": 7}, priority=1, delay=60)
"""

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
)
from .history import HistoryPoint
from .job_types import JobType, job, job_types
from .options import Backoff, JobOptions, QueueOptions, RateLimit, Retention
from .overview import Overview, ScheduleCounts, overview
from .queue import Queue
from .reading import FailureGroup, JobPage
from .records import STATES, Attempt, Job
from .running import RunningJob
from .schedule import Schedule
from .schedule_runs import Run
from .scheduler import Scheduler
from .schedules import ScheduleState
from .statistics import QueueStats
from .worker import Worker
from .workers import WorkerInfo

__all__ = [
    "STATES",
    "Attempt",
    "Backoff",
    "Engine",
    "FailureGroup",
    "FinalError",
    "HistoryPoint",
    "InvalidJobData",
    "InvalidJobOption",
    "InvalidJobState",
    "InvalidSchedule",
    "Job",
    "JobNotFound",
    "JobOptions",
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
    "Retention",
    "RetryLater",
    "Run",
    "RunningJob",
    "Schedule",
    "ScheduleCounts",
    "ScheduleInCode",
    "ScheduleNotFound",
    "ScheduleState",
    "Scheduler",
    "UnknownJobType",
    "UnknownQueue",
    "Worker",
    "WorkerInfo",
    "job",
    "job_types",
    "overview",
]
