"""Mail, from the row in the ledger to the server's reply.

addresses       valid recipients and header values
recipients      preferences, the unsubscribe link, segments of campaigns
booking_facts   a booking in the words of a message, and as a calendar file
contents        what each kind of message says
rendering       templates to subject, HTML and text
message         the message as RFC 5322 bytes
providers       where mail is sent: the sink, or an SMTP server
ledger          the `deliveries` rows: planned, claimed, finished
outbox          enqueues deliveries after the commit that planned them
sending         one delivery from its row to its outcome
campaigns       the mailing of a campaign
sweep           requeues stale deliveries
reading         lists and messages for the admin pages
"""
