"""What recurs by itself. Each scheduler brings this list to the broker when it starts; admins add others there."""

from gnb.queueing import Schedule

_HOME = "Europe/Istanbul"

SCHEDULES = [
    Schedule("process-campaigns", "process-campaigns", cron="0 * * * *", tz=_HOME),
    Schedule("update-dynamic-pricing", "update-dynamic-pricing", cron="0 2 * * mon", tz=_HOME),
    Schedule("generate-weekly-report", "generate-weekly-report", cron="0 9 * * mon", tz=_HOME),
    Schedule("update-sitemap", "update-sitemap", cron="0 0 * * *", tz=_HOME),
    Schedule("clean-up", "clean-up", cron="30 3 * * *", tz=_HOME),
    Schedule("requeue-stale-deliveries", "requeue-stale-deliveries", every=60, catch_up="skip"),
]
