"""The template of each message of the application by its code; the engine's own are in `gnb.queueing.messages`.

The part of a code before the dot is the `code` of the error that has the message, which the API shows. A pair is the
singular and the plural of one message, chosen by its param `num`.
"""

from collections.abc import Mapping

N_ = str  # marks a text that is collected for translation


def plural(one: str, many: str) -> tuple[str, str]:
    """Mark the singular and the plural of a text that is collected for translation."""
    return one, many


_ACCOUNTS = {
    "invalid_account.bookings_to_come": N_("the account has bookings to come; cancel them first"),
    "invalid_account.is_staff": N_("a member of staff is not erased; change the role to customer first"),
    "invalid_account.last_admin": N_("this is the last administrator: make another one first"),
    "invalid_account.password": N_("%(what)s"),
    "invalid_account.rank": N_("only a chief administrator may change the account of one"),
    "invalid_account.role": N_("a role is one of %(choices)s, not %(value)s"),
    "user_exists": N_("an account has the address %(email)s already"),
    "user_not_found.email": N_("no account has the address %(email)s"),
    "user_not_found.id": N_("there is no account %(id)s"),
    "weak_password.length": N_("A password has %(low)s to %(high)s characters."),
    "weak_password.repetitive": N_("The password has too few different characters."),
    "weak_password.address": N_("The password must not be the email address."),
}
_ALERTS: dict[str, str | tuple[str, str]] = {
    "alert.broker": N_("the broker is unreachable"),
    "alert.failures": plural("%(queue)s: %(num)s job failed", "%(queue)s: %(num)s jobs failed"),
    "alert.late": N_("%(name)s is overdue"),
    "alert.memory": N_("the broker's memory is %(percent)s%% full"),
    "alert.memory_full": N_("when it is full, no job is accepted: remove finished jobs, or give it more memory"),
    "alert.no_scheduler": N_("no scheduler is running"),
    "alert.no_workers": N_("%(queue)s has no workers"),
    "alert.oldest_waiting": N_("oldest job waiting for %(minutes)s min, workers are free"),
    "alert.suspended": N_("%(queue)s is suspended by RQ"),
    "alert.rq_resume": N_("To resume all queues: rq resume"),
    "alert.paused": N_("%(queue)s is paused"),
    "alert.quiet": N_("all workers of %(queue)s are quiet"),
    "alert.scheduler_behind": N_("a scheduler is running, but has not fired it"),
    "alert.stalled": N_("%(queue)s is stalled"),
    "alert.start_scheduler": plural(
        "%(num)s schedule is overdue; start a scheduler with: flask jobs scheduler",
        "%(num)s schedules are overdue; start a scheduler with: flask jobs scheduler",
    ),
    "alert.start_worker": N_("%(waiting)s; start one with: flask jobs worker %(queue)s"),
    "alert.test": N_("This is a test. Alerts will arrive here."),
    "alert.waiting": plural("%(num)s job waits", "%(num)s jobs wait"),
}
_RULES = {
    "invalid_rule.kinds": N_("Choose at least one kind of alert."),
    "invalid_webhook.no_host": N_("there is no such host"),
    "invalid_webhook.private": N_("the host has a private address; ALERT_WEBHOOK_PRIVATE=true allows it"),
    "invalid_webhook.status": N_("the server answered %(status)s"),
    "invalid_webhook.url": N_("Enter an https URL without a user name."),
}
_AI = {
    "language_model.busy": N_("the language model answered %(status)s; trying again in %(seconds)s s"),
    "language_model.key_rejected": N_("the language model rejected the key (%(status)s); check OPENAI_API_KEY"),
    "language_model.no_key": N_("no key for a language model is set"),
    "language_model.request_rejected": N_(
        "the language model rejected the request (%(status)s); check OPENAI_MODEL and OPENAI_BASE_URL"
    ),
    "language_model.status": N_("the language model answered %(status)s"),
    "language_model.timeout": N_("the language model did not answer within %(seconds)s s"),
    "language_model.unreachable": N_("the language model is unreachable"),
    "no_recommendations": N_("there is nothing to recommend"),
    "too_many_open_jobs": N_("Too many of your requests are still being processed. Wait for one of them."),
    "too_few_trips": N_("there are %(count)s finished transfers to learn from; %(needed)s are needed"),
    "too_few_trips.none": N_("there is no finished transfer to learn from yet"),
    "unknown_place.name": N_("there is no place %(value)s; name a Turkish airport, province or town"),
    "unknown_place.similar": N_("there is no place %(value)s; did you mean: %(choices)s?"),
    "unusable_answer.address": N_("a sentence has an address, a phone number or markup"),
    "unusable_answer.empty": N_("the language model's answer has no content"),
    "unusable_answer.foreign_figure": N_("it mentions a figure that was not among those given"),
    "unusable_answer.foreign_number": N_("it has a number that is not its figure's"),
    "unusable_answer.foreign_tour": N_("it names tour %(id)s, which was not among those given"),
    "unusable_answer.not_json": N_("the language model's answer is not JSON"),
    "unusable_answer.not_object": N_("the language model's answer is not a JSON object"),
    "unusable_answer.quota": N_("the language model's quota is used up"),
    "unusable_answer.rejected": N_("the language model's answer was rejected: %(what)s"),
    "unusable_answer.repeated_tour": N_("it names a tour twice"),
    "unusable_answer.unfinished": N_("the language model did not finish its answer: %(what)s"),
    "unusable_answer.unstorable": N_("the language model's answer has characters that cannot be stored"),
    "unusable_answer.unreadable": N_("the language model's answer could not be read: %(what)s"),
}
_TRIPS: dict[str, str | tuple[str, str]] = {
    "invalid_trips.columns": N_("The first line lacks the columns: %(columns)s."),
    "invalid_trips.csv": N_("Line %(line)s is no CSV: %(what)s"),
    "invalid_trips.delay": N_("The arrival is more than a day away from its plan."),
    "invalid_trips.empty": N_("The file has no trips."),
    "invalid_trips.encoding": N_("The file is not UTF-8 text."),
    "invalid_trips.future": N_("The arrival is in the future."),
    "invalid_trips.lines": plural(
        "Nothing was imported: %(num)s line is invalid.", "Nothing was imported: %(num)s lines are invalid."
    ),
    "invalid_trips.long": N_("The file has more than %(most)s lines; import it in parts."),
    "invalid_trips.no_road": N_("Tour %(value)s has no airport or no length: the delay model cannot use its trips."),
    "invalid_trips.order": N_("An arrival is not after the pickup."),
    "invalid_trips.time": N_("%(column)s: “%(value)s” is no time such as 2026-05-01 14:30."),
    "invalid_trips.tour": N_("There is no tour “%(value)s”; give its address, such as ist-fatih."),
    "invalid_trips.twice": N_("This trip is there already."),
}
_BOOKINGS: dict[str, str | tuple[str, str]] = {
    "booking_not_found": N_("There is no such booking. Look at the link in your confirmation mail."),
    "idempotency_conflict": N_("This Idempotency-Key came before with other data; send a new key for a new booking."),
    "invalid.currency": N_("%(extra)s is sold in %(currency)s, this tour in %(wanted)s: it cannot be booked with it."),
    "invalid.idempotency_key": N_("An Idempotency-Key has 1 to 80 printable ASCII characters, such as a UUID."),
    "invalid_booking_state.cancelled": N_("Booking %(reference)s is cancelled: it cannot be changed any more."),
    "invalid_booking_state.done": N_("Booking %(reference)s is completed: it cannot be changed any more."),
    "invalid_booking_state.final": N_("Booking %(reference)s is %(status)s and cannot become %(wanted)s."),
    "invalid_booking_state.other": N_(
        "Booking %(reference)s is %(status)s and cannot become %(wanted)s. Possible now: %(statuses)s."
    ),
    "invalid_booking_state.too_late": N_(
        "A booking can be cancelled here until %(hours)s hours before its pickup. "
        "Answer your confirmation mail, naming %(reference)s, and we see what can be done."
    ),
    "price_changed": N_("The price has changed from %(old)s to %(new)s %(currency)s. Book again to accept it."),
    "price_changed.unconfirmed": N_("The price is %(new)s %(currency)s. Book again to accept it."),
    "sold_out": N_("That day is sold out. Choose another day or a smaller party."),
    "sold_out.few": plural(
        "Only %(num)s seat is left on that day. Choose another day or a smaller party.",
        "Only %(num)s seats are left on that day. Choose another day or a smaller party.",
    ),
    "tour_not_found": N_("There is no such tour, or it is not sold any more."),
}
_EXPORTS = {
    "attempt_superseded": N_("another attempt has taken over export %(id)s"),
    "export_failed.database": N_("The database reported an error: %(what)s"),
    "export_failed.job_lost": N_("Its job was removed or lost before it was done."),
    "export_failed.machine": N_("The machine reported an error: %(what)s"),
    "export_failed.stopped": N_("It was stopped."),
    "export_failed.unexpected": N_("It failed with %(what)s."),
    "export_not_found.no_reader": N_("export %(id)s has not ended, or its reader no longer exists"),
    "export_not_found": N_("there is no export %(id)s"),
    "export_too_large.rows": N_(
        "The broker is unreachable, and the export has %(count)s rows; without it, at most %(most)s are exported. "
        "Try again later."
    ),
    "export_too_large.time": N_(
        "The broker is unreachable, and the export takes more than the %(seconds)s s that it may without it. "
        "Try again later."
    ),
    "file_not_available.failed": N_("It failed, so there is no file; request it again."),
    "file_not_available.lost": N_("Its file is no longer in the storage; request it again."),
    "file_not_available.not_ready": N_("It is not ready yet; wait until it is completed."),
    "file_not_available.removed": N_("Its file was removed after seven days; request it again."),
    "invalid_filters": N_("%(fields)s"),
    "no_fonts": N_("there is no font, and no document can be made: %(what)s"),
    "storage_unavailable.folder": N_("the folder for exports cannot be written to: %(what)s"),
    "storage_unavailable.no_boto3": N_("EXPORT_STORAGE names S3, but the package boto3 is not installed"),
    "storage_unavailable.s3_read": N_("S3 cannot be read: %(what)s"),
    "storage_unavailable.s3_size": N_("S3 does not report the size of the export: %(what)s"),
    "storage_unavailable.s3_write": N_("the export could not be written to S3: %(what)s"),
    "storage_unavailable.write": N_("the export could not be written: %(what)s"),
    "too_many_exports": N_("you have %(count)s exports that are not finished; wait for one of them"),
    "unknown_export_type": N_("there is no export %(value)s; there are: %(choices)s"),
}
_FIELDS = {
    "invalid_field.arrival_before_pickup": N_("The arrival is not after the pickup."),
    "invalid_field.beside_filters": N_("given beside `filters`; put it in there"),
    "invalid_field.day": N_("a day is written like 2026-01-31"),
    "invalid_field.delivery": N_("Give deliveryId, or %(instead)s."),
    "invalid_field.driver": N_("Account %(id)s is no driver, or is disabled."),
    "invalid_field.end_before_start": N_("the end (%(end)s) is before the start (%(start)s)"),
    "invalid_field.far_from_plan": N_("That is more than a day away from the planned pickup."),
    "invalid_field.filter": N_("there is no filter of that name"),
    "invalid_field.future": N_("That time is in the future."),
    "invalid_field.given_twice": N_("given twice, beside `filters` and in it"),
    "invalid_field.instant": N_("an instant is written like 2026-12-24T17:30:00+03:00"),
    "invalid_field.limit": N_("Give `rateLimit`, `concurrencyLimit`, `removeOnComplete` or `removeOnFail`."),
    "invalid_field.most_jobs": N_("At most %(most)s jobs at once."),
    "invalid_field.no_pickup": N_("Record the pickup first."),
    "invalid_field.run_at": N_("Give either `runAt` or `delay`."),
    "invalid_field.same_place": N_("this is where the trip begins"),
    "invalid_field.selection": N_("Give either `ids` or `q`, not both."),
    "invalid_field.tour": N_("a tour's number is expected"),
    "invalid_field.unknown_job_type": N_("there is no job type %(value)s; there are: %(choices)s"),
    "invalid_field.unknown_tour": N_("there is no tour %(id)s"),
    "invalid_field.week": N_("Give a week like 2026-W47."),
    "invalid_field.word": N_("%(value)s is none of: %(choices)s"),
    "invalid_field.words": N_("a word or a list of words is expected"),
    "invalid_field.year": N_("the year is not between %(low)s and %(high)s"),
}
_MAIL = {
    "invalid_message.address": N_("the recipient is not an email address"),
    "invalid_message.control_character": N_("the subject has a line break or another control character"),
    "invalid_message.empty": N_("the message is empty"),
    "invalid_message.long_subject": N_("the subject is longer than %(most)s characters"),
    "invalid_message.long_text": N_("the text is longer than %(most)s characters"),
    "invalid_message.no_account": N_("the account that this is about no longer exists"),
    "invalid_message.no_booking": N_("the booking that this is about no longer exists"),
    "invalid_message.no_campaign": N_("the campaign that this is about no longer exists"),
    "invalid_message.no_recipient": N_("there is no such account or campaign"),
    "invalid_message.no_subject": N_("the subject is empty"),
    "invalid_message.unknown_booking": N_("there is no booking %(id)s"),
    "mail_in_progress": N_("another worker is sending it; its claim expires in %(seconds)s s"),
    "mail_rejected": N_("the message was rejected"),
    "mail_rejected.reply": N_("%(what)s"),
    "mail_rejected.smtputf8": N_("the server takes no address with letters beyond ASCII before the @ (no SMTPUTF8)"),
    "mail_unavailable.ascii": N_("the user or the password has letters beyond ASCII; SMTP takes none"),
    "mail_unavailable.broken": N_("the connection broke while the message was sent: %(what)s"),
    "mail_unavailable.reply": N_("%(what)s"),
    "mail_unavailable.server": N_("%(server)s: %(what)s"),
    "mailing_rejected.no_recipients": N_("the segment has no recipients"),
    "mailing_rejected.no_text": N_("the mail has no subject or text in languages of its recipients: %(languages)s"),
    "mailing_rejected.over": N_("the campaign is over"),
    "mailing_rejected.state": N_("the mailing is %(mailing)s"),
    "smtp.no_host": N_("there is no such host"),
    "smtp.no_tls": N_("the server offers no TLS"),
    "smtp.no_tls_for_password": N_("the server offers no TLS, and the password is not sent without it"),
    "smtp.timeout": N_("no answer in time"),
    "suppressed.booking_cancelled": N_("the booking was cancelled"),
    "suppressed.campaign_cancelled": N_("the campaign was cancelled"),
    "suppressed.campaign_over": N_("the campaign is over"),
    "suppressed.no_such_booking": N_("no booking has this reference and e-mail address"),
    "suppressed.unwanted": N_("the recipient does not want this kind of mail"),
}
_OTHERS = {
    "os_error.EACCES": N_("permission denied"),
    "os_error.ENOENT": N_("no such file or directory"),
    "os_error.ENOSPC": N_("no space left on device"),
    "os_error.ENOTDIR": N_("not a directory"),
    "os_error.EROFS": N_("read-only file system"),
    "progress.counting": N_("counting"),
    "progress.learning": N_("learning from finished transfers"),
    "progress.planned": N_("%(done)s of %(total)s recipients planned"),
    "progress.rows": N_("%(done)s of %(total)s rows"),
    "progress.scoring": N_("scoring the tours"),
    "stale_schedule": N_(
        "The schedule was changed after you had read it. Compare the values, and save again to replace them."
    ),
    "queue_unavailable.disabled": N_("queueing is switched off; set QUEUE_ENABLED=true to use it"),
}
TEMPLATES: Mapping[str, str | tuple[str, str]] = {
    **_ACCOUNTS,
    **_ALERTS,
    **_RULES,
    **_AI,
    **_BOOKINGS,
    **_EXPORTS,
    **_FIELDS,
    **_MAIL,
    **_OTHERS,
    **_TRIPS,
}
