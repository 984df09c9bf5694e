-- dequeue: the next job for a worker that has none. Keys, arguments and reply: dequeue_job.lua.
return dequeue_job(clock())
