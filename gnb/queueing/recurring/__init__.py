"""Recurring jobs: schedules, their store in the broker, and the scheduler that enqueues what is due."""
