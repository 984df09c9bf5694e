"""GNB Transfer: airport transfers and tours, and the job queues that carry the heavy work.

`create_app` is the only place where the parts are wired together.
"""

from importlib import import_module

from flask import Flask

from gnb.config import INSTANCE, ROOT, Settings, environment


def create_app(settings: Settings | None = None, *, only: str = "") -> Flask:
    """Create the application. Raises ConfigError for an invalid setting.

    Args:
        settings: Those of the environment if not given.
        only: The one group of commands to add, such as "jobs", without pages and API: that takes half the time.
    """
    from gnb import extensions, flask_settings, jobs, logs
    from gnb.services import queues

    settings = settings or Settings.from_env(environment())
    logs.configure(settings)
    logs.report_errors(settings)
    app = Flask(
        __name__,
        instance_path=str(INSTANCE),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    app.url_rule_class = flask_settings.LazyRule
    app.config.from_mapping(flask_settings.mapping(settings))
    app.extensions["settings"] = settings
    app.extensions["engine"] = queues.make_engine(settings)
    extensions.db.init_app(app)
    extensions.migrate.init_app(app, extensions.db, directory=str(ROOT / "migrations"))
    extensions.babel.init_app(app)
    jobs.bind(app)
    if only:
        app.cli.add_command(getattr(import_module(f"gnb.cli.{only}"), only))
    else:
        _add_pages(app, settings)
        _add_commands(app)
    return app


def _add_pages(app: Flask, settings: Settings) -> None:
    from gnb import flask_settings, logs
    from gnb.blueprints import admin, api, auth, error_handlers, ops, site
    from gnb.blueprints.shared import access, describe, extensions, preferences

    flask_settings.bind(app, settings)
    logs.bind(app)
    access.bind(app)
    extensions.bind(app)
    for part in (error_handlers, preferences, describe, site, auth, api):
        part.register(app)
    for blueprint in (ops.blueprint, admin.blueprint):
        app.register_blueprint(blueprint)


def _add_commands(app: Flask) -> None:
    from gnb.cli import installation, jobs, schedules, users

    for command in (jobs.jobs, schedules.schedules, users.users, installation.demo, installation.doctor):
        app.cli.add_command(command)
