"""Bookings: request, create, change and find them.

request = BookingRequestSchema().load(sent)          request.py     parsed and validated
booking = book(request, user, idempotency_key)       booking.py     seats, booking and mail in one transaction
set_status(booking, "confirmed", actor)              status.py      with the seats and mail that follow
guest_link(booking)                                  access.py      access without an account
find_tours(TourSearch(category="city"))              tours.py       what is on sale
"""
