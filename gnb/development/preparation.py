"""Brings the database to where the application can run: migrations, demo data the first time, an admin's account.

Importing this imports the application, which the environment has to be ready for.
"""

import gc

from wsgi import app  # first, because it imports everything in the quick way

# isort: split
from flask_migrate import upgrade
from sqlalchemy import exists, select

from gnb.cli.demo import demo
from gnb.development.supervisor import say
from gnb.extensions import engine
from gnb.models import Tour, db
from gnb.services.accounts import passwords, users

DEMO_BOOKINGS = 3000


def prepare(email: str, password: str) -> None:
    """Returns when everything stands and nothing is open; the admin can sign in with this password from now on."""
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
    """All of it or none: a first start that is interrupted leaves the next one its work."""
    say(f"bin/dev: loading demo data, {DEMO_BOOKINGS:,} bookings")
    demo.main(["load", "--bookings", str(DEMO_BOOKINGS)], standalone_mode=False)


def _give_admin(email: str, password: str) -> None:
    """An account that is there already keeps its sessions unless its password has changed."""
    try:
        admin = users.find(email)
    except users.UserNotFound:
        users.create_admin(email, "Demo Admin", password, role="superadmin")
        return
    if not passwords.verify(password, admin.password_hash):
        admin.password_hash = passwords.hash_password(password)
    admin.role, admin.active = "superadmin", True
    db.session.commit()
