-- take: the next job for a worker that has none. Keys, arguments and answer: take_next.lua.
return take_next(clock())
