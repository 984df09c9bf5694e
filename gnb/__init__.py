"""GNB Transfer: airport transfers and tours, and the job queues that carry the heavy work.

`create_app` is the only place where the parts are wired together.
"""

from flask import Flask

from gnb.config import INSTANCE, ROOT, Settings, environment


def create_app(settings: Settings | None = None) -> Flask:
    """Create the application with these settings, or those of the environment. Raises ConfigError for an invalid
    one."""
    from gnb import extensions, flask_settings, jobs, logs, security
    from gnb.blueprints.shared import access
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
    security.bind(app, settings)
    logs.bind(app)
    access.bind(app)
    extensions.db.init_app(app)
    extensions.migrate.init_app(app, extensions.db, directory=str(ROOT / "migrations"))
    extensions.login_manager.init_app(app)
    extensions.csrf.init_app(app)
    extensions.limiter.init_app(app)
    extensions.jwt.init_app(app)
    extensions.babel.init_app(app)
    extensions.api.init_app(app)
    jobs.bind(app)
    _register_parts(app)
    return app


def _register_parts(app: Flask) -> None:
    from gnb.blueprints import admin, api, auth, error_handlers, ops, site
    from gnb.blueprints.shared import preferences, template_filters
    from gnb.cli import demo, doctor, jobs, schedules, users

    for part in (error_handlers, preferences, template_filters, site, auth, api):
        part.register(app)
    for blueprint in (ops.blueprint, admin.blueprint):
        app.register_blueprint(blueprint)
    for command in (jobs.jobs, schedules.schedules, users.users, demo.demo, doctor.doctor):
        app.cli.add_command(command)
