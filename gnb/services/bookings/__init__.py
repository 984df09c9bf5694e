"""Bookings: what one may ask for, what it costs, how it is made, changed and found.

request = BookingRequestSchema().load(sent)          request.py     everything typed, checked at once
quote(tour, Party(adults=2), {"child-seat": 1})      pricing.py     what it costs
booking = book(request, user, idempotency_key)       booking.py     seats, booking and mail in one transaction
set_status(booking, "confirmed", actor)              changing.py    and what follows from it
guest_link(booking)                                  access.py      who may see it without an account
find_tours(TourSearch(category="city"))              catalogue.py   what is sold
"""
