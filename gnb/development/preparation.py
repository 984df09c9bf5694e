"""Prepares the database: migrations, demo data on the first start, an admin account.

Importing this imports the application, so the environment has to be set up before.
"""

import gc

from wsgi import app  # first, because it imports everything in the quick way

# isort: split
from flask_migrate import upgrade
from sqlalchemy import exists, select

from gnb.cli.installation import demo
from gnb.development.supervisor import say
from gnb.extensions import engine
from gnb.models import Tour, db
from gnb.services.accounts import passwords, users

DEMO_BOOKINGS = 3000


def prepare(email: str, password: str) -> None:
    """Migrate and fill the database, set the admin's password, and close all connections."""
    with app.app_context():
        upgrade()
        if not db.session.scalar(select(exists().select_from(Tour))):
            _load_demo_data()
        _give_admin(email, password)
        db.session.remove()
        db.engine.dispose()
        engine().after_fork()
    gc.freeze()  # what forks share stays shared


def _load_demo_data() -> None:
    """Load all demo data or none, so that an interrupted first start can be repeated."""
    say(f"bin/dev: loading demo data, {DEMO_BOOKINGS:,} bookings")
    demo.main(["load", "--bookings", str(DEMO_BOOKINGS)], standalone_mode=False)


def _give_admin(email: str, password: str) -> None:
    """Create the admin or set the password; the account's sessions remain valid if it is unchanged."""
    try:
        admin = users.find(email)
    except users.UserNotFound:
        users.create_admin(email, "Demo Admin", password, role="superadmin")
        return
    if not passwords.verify(password, admin.password_hash):
        admin.password_hash = passwords.hash_password(password)
    admin.role, admin.active = "superadmin", True
    db.session.commit()
