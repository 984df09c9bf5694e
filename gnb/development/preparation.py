"""Brings the database to where the application can run: migrations, demo data the first time, an admin's account.

Run as a process of its own (`python -m gnb.development.preparation EMAIL`, the password on standard input), so
that the one that supervises stays small.
"""

import sys

from wsgi import app  # first, because it imports everything in the quick way

# isort: split
import click
from flask_migrate import upgrade
from sqlalchemy import exists, select

from gnb.cli.demo import demo
from gnb.models import Tour, db
from gnb.services import passwords, user_service

DEMO_BOOKINGS = 3000


def prepare(email: str, password: str) -> None:
    """Returns when everything stands; the admin can sign in with this password from now on."""
    with app.app_context():
        upgrade()
        if not db.session.scalar(select(exists().select_from(Tour))):
            _load_demo_data()
        _give_admin(email, password)


def _load_demo_data() -> None:
    """All of it or none: a first start that is interrupted leaves the next one its work."""
    print(f"bin/dev: loading demo data, {DEMO_BOOKINGS:,} bookings", flush=True)  # noqa: T201
    demo.main(["load", "--bookings", str(DEMO_BOOKINGS)], standalone_mode=False)


def _give_admin(email: str, password: str) -> None:
    """An account that is there already keeps its sessions unless its password has changed."""
    try:
        admin = user_service.find(email)
    except user_service.UserNotFound:
        user_service.create_admin(email, "Demo Admin", password, role="superadmin")
        return
    if not passwords.verify(password, admin.password_hash):
        admin.password_hash = passwords.hash_password(password)
    admin.role, admin.active = "superadmin", True
    db.session.commit()


if __name__ == "__main__":
    try:
        prepare(sys.argv[1], sys.stdin.read())
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
