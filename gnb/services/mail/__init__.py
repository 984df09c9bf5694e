"""Mail, from the row in the ledger to the server's answer.

addresses   who may be written to, and what may stand in a header
booking_facts, calendar, rendering, words   what a message says, in the recipient's language
message     the message as RFC 5322 bytes
smtp        one kept connection to a server
providers   where mail goes: the sink, or a server
ledger      the `deliveries` rows: planned, taken, settled
after_commit   what is planned is in the queue, or sent at once, as soon as its transaction is committed
sending     one delivery from its row to its outcome
preferences   who wants what, and the link that says no
segments, campaigns, planning   who a campaign reaches, and its course
sweep       what was left behind
"""
