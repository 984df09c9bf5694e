"""initial tables.

Revision ID: 0001
Revises:
Create Date: 2026-11-24 18:20:06.137029
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "extras",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("titles", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("max_quantity", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("currency IN ('EUR', 'GBP', 'TRY', 'USD')", name=op.f("ck_extras_currency")),
        sa.CheckConstraint("max_quantity > 0", name=op.f("ck_extras_max_quantity")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_extras_price")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_extras")),
    )
    op.create_table(
        "notification_settings",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("bookings", sa.Boolean(), nullable=False),
        sa.Column("campaigns", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_notification_settings")),
    )
    op.create_table(
        "tours",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("titles", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("descriptions", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("city", sa.String(length=80), nullable=False),
        sa.Column("airport", sa.String(length=3), nullable=True),
        sa.Column("origin", sa.String(length=120), nullable=False),
        sa.Column("destination", sa.String(length=120), nullable=False),
        sa.Column("distance_km", sa.Integer(), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("max_passengers", sa.Integer(), nullable=False),
        sa.Column("daily_seats", sa.Integer(), nullable=True),
        sa.Column("base_price", sa.BigInteger(), nullable=False),
        sa.Column("current_price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "category IN ('transfer', 'tour', 'vip', 'airport', 'city', 'excursion', 'package')",
            name=op.f("ck_tours_category"),
        ),
        sa.CheckConstraint("currency IN ('EUR', 'GBP', 'TRY', 'USD')", name=op.f("ck_tours_currency")),
        sa.CheckConstraint("base_price > 0", name=op.f("ck_tours_base_price")),
        sa.CheckConstraint("current_price > 0", name=op.f("ck_tours_current_price")),
        sa.CheckConstraint("daily_seats IS NULL OR daily_seats > 0", name=op.f("ck_tours_daily_seats")),
        sa.CheckConstraint("distance_km IS NULL OR distance_km >= 0", name=op.f("ck_tours_distance_km")),
        sa.CheckConstraint("duration_minutes > 0", name=op.f("ck_tours_duration_minutes")),
        sa.CheckConstraint("max_passengers BETWEEN 1 AND 50", name=op.f("ck_tours_max_passengers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tours")),
        sa.UniqueConstraint("slug", name=op.f("uq_tours_slug")),
    )
    with op.batch_alter_table("tours", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tours_active_category"), ["active", "category"], unique=False)
        batch_op.create_index(batch_op.f("ix_tours_city"), ["city"], unique=False)

    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("language IN ('tr', 'en', 'de', 'ru', 'ar', 'fr')", name=op.f("ck_users_language")),
        sa.CheckConstraint(
            "role IN ('user', 'driver', 'support', 'manager', 'admin', 'superadmin')", name=op.f("ck_users_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_users_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_users_language_created_at"), ["language", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_users_role_created_at"), ["role", "created_at"], unique=False)

    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_label", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("details", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_audit_entries_actor_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entries_action_created_at"), ["action", "created_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_audit_entries_actor_id_created_at"), ["actor_id", "created_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_audit_entries_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_entries_target_created_at"), ["target", "created_at"], unique=False)

    op.create_table(
        "bookings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("tour_id", sa.Integer(), nullable=False),
        sa.Column("customer_name", sa.String(length=200), nullable=False),
        sa.Column("customer_email", sa.String(length=254), nullable=False),
        sa.Column("customer_phone", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("adults", sa.Integer(), nullable=False),
        sa.Column("children", sa.Integer(), nullable=False),
        sa.Column("infants", sa.Integer(), nullable=False),
        sa.Column("pickup_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("travel_date", sa.Date(), nullable=False),
        sa.Column("pickup_place", sa.String(length=300), nullable=False),
        sa.Column("dropoff_place", sa.String(length=300), nullable=True),
        sa.Column("flight_number", sa.String(length=10), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("driver_id", sa.Integer(), nullable=True),
        sa.Column("vehicle", sa.String(length=80), nullable=True),
        sa.Column("arrival_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actual_pickup_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actual_arrival_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payment_method", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=True),
        sa.Column("request_hash", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("currency IN ('EUR', 'GBP', 'TRY', 'USD')", name=op.f("ck_bookings_currency")),
        sa.CheckConstraint("language IN ('tr', 'en', 'de', 'ru', 'ar', 'fr')", name=op.f("ck_bookings_language")),
        sa.CheckConstraint(
            "payment_method IN ('cash', 'credit_card', 'stripe', 'paytr')", name=op.f("ck_bookings_payment_method")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'paid', 'completed', 'cancelled')", name=op.f("ck_bookings_status")
        ),
        sa.CheckConstraint(
            "adults >= 1 AND children >= 0 AND infants >= 0 AND adults + children + infants <= 50",
            name=op.f("ck_bookings_party"),
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_bookings_amount")),
        sa.CheckConstraint("arrival_at IS NULL OR arrival_at > pickup_at", name=op.f("ck_bookings_arrival_at")),
        sa.ForeignKeyConstraint(
            ["driver_id"], ["users.id"], name=op.f("fk_bookings_driver_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["tour_id"], ["tours.id"], name=op.f("fk_bookings_tour_id_tours"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_bookings_user_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_bookings_idempotency_key")),
        sa.UniqueConstraint("reference", name=op.f("uq_bookings_reference")),
    )
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bookings_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_bookings_customer_email"), ["customer_email"], unique=False)
        batch_op.create_index(batch_op.f("ix_bookings_driver_id"), ["driver_id"], unique=False)
        batch_op.create_index("ix_bookings_revenue", ["travel_date", "tour_id", "status", "amount"], unique=False)
        batch_op.create_index(batch_op.f("ix_bookings_status_travel_date"), ["status", "travel_date"], unique=False)
        batch_op.create_index(batch_op.f("ix_bookings_tour_id_travel_date"), ["tour_id", "travel_date"], unique=False)
        batch_op.create_index(batch_op.f("ix_bookings_user_id_created_at"), ["user_id", "created_at"], unique=False)

    op.create_table(
        "campaigns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("discount_percent", sa.Integer(), nullable=False),
        sa.Column("floor_percent", sa.Integer(), nullable=False),
        sa.Column("stacks", sa.Boolean(), nullable=False),
        sa.Column("city", sa.String(length=80), nullable=True),
        sa.Column("category", sa.String(length=20), nullable=True),
        sa.Column("tour_id", sa.Integer(), nullable=True),
        sa.Column("weekdays", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("min_bookings", sa.Integer(), nullable=True),
        sa.Column("max_bookings", sa.Integer(), nullable=True),
        sa.Column("subjects", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("bodies", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("segment", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("mailing_state", sa.String(length=20), nullable=False),
        sa.Column("planned_up_to", sa.Integer(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=True),
        sa.Column("mailing_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mailing_finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "category IN ('transfer', 'tour', 'vip', 'airport', 'city', 'excursion', 'package')",
            name=op.f("ck_campaigns_category"),
        ),
        sa.CheckConstraint(
            "mailing_state IN ('none', 'planning', 'sending', 'paused', 'sent', 'cancelled')",
            name=op.f("ck_campaigns_mailing_state"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'active', 'paused', 'ended', 'cancelled')", name=op.f("ck_campaigns_state")
        ),
        sa.CheckConstraint("discount_percent BETWEEN 0 AND 90", name=op.f("ck_campaigns_discount_percent")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_campaigns_ends_at")),
        sa.CheckConstraint("floor_percent BETWEEN 10 AND 100", name=op.f("ck_campaigns_floor_percent")),
        sa.CheckConstraint(
            "max_bookings IS NULL OR max_bookings >= COALESCE(min_bookings, 0)", name=op.f("ck_campaigns_max_bookings")
        ),
        sa.CheckConstraint("min_bookings IS NULL OR min_bookings >= 0", name=op.f("ck_campaigns_min_bookings")),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_campaigns_created_by_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["tour_id"], ["tours.id"], name=op.f("fk_campaigns_tour_id_tours"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_campaigns_mailing_state"), ["mailing_state"], unique=False)
        batch_op.create_index(batch_op.f("ix_campaigns_state_starts_at"), ["state", "starts_at"], unique=False)

    op.create_table(
        "departures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tour_id", sa.Integer(), nullable=False),
        sa.Column("departs_on", sa.Date(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("seats_taken", sa.Integer(), nullable=False),
        sa.CheckConstraint("seats_taken >= 0 AND seats_taken <= seats", name=op.f("ck_departures_seats_taken")),
        sa.ForeignKeyConstraint(
            ["tour_id"], ["tours.id"], name=op.f("fk_departures_tour_id_tours"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departures")),
        sa.UniqueConstraint("tour_id", "departs_on", name=op.f("uq_departures_tour_id_departs_on")),
    )
    op.create_table(
        "exports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("filters", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("job_id", sa.String(length=100), nullable=True),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=True),
        sa.Column("file_key", sa.String(length=200), nullable=True),
        sa.Column("file_name", sa.String(length=200), nullable=True),
        sa.Column("content_type", sa.String(length=100), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("requested_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("language IN ('tr', 'en', 'de', 'ru', 'ar', 'fr')", name=op.f("ck_exports_language")),
        sa.CheckConstraint("state <> 'completed' OR file_key IS NOT NULL", name=op.f("ck_exports_file_key")),
        sa.CheckConstraint(
            "state IN ('waiting', 'active', 'completed', 'failed', 'removed')", name=op.f("ck_exports_state")
        ),
        sa.CheckConstraint(
            "type IN ('bookings-csv', 'users-csv', 'revenue-csv', 'bookings-pdf', 'revenue-pdf')",
            name=op.f("ck_exports_type"),
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_exports_progress")),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["users.id"], name=op.f("fk_exports_requested_by_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    with op.batch_alter_table("exports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exports_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_exports_job_id"), ["job_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_exports_requested_by_id_created_at"), ["requested_by_id", "created_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_exports_state_expires_at"), ["state", "expires_at"], unique=False)

    op.create_table(
        "revoked_tokens",
        sa.Column("jti", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_revoked_tokens_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_revoked_tokens")),
    )
    with op.batch_alter_table("revoked_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_revoked_tokens_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "booking_extras",
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("quantity", sa.SmallInteger(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_booking_extras_quantity")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_booking_extras_unit_price")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_booking_extras_booking_id_bookings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["code"], ["extras.code"], name=op.f("fk_booking_extras_code_extras"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("booking_id", "code", name=op.f("pk_booking_extras")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unique_key", sa.String(length=120), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("recipient_name", sa.String(length=200), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(length=300), nullable=True),
        sa.Column("content", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("job_id", sa.String(length=100), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=250), nullable=True),
        sa.Column("provider", sa.String(length=20), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('email', 'booking-confirmation', 'payment-confirmation', 'booking-cancellation', 'campaign-notification', 'password-reset', 'weekly-report')",
            name=op.f("ck_deliveries_kind"),
        ),
        sa.CheckConstraint("language IN ('tr', 'en', 'de', 'ru', 'ar', 'fr')", name=op.f("ck_deliveries_language")),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'failed', 'suppressed')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_deliveries_booking_id_bookings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_deliveries_campaign_id_campaigns"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_deliveries_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("unique_key", name=op.f("uq_deliveries_unique_key")),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deliveries_booking_id"), ["booking_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_deliveries_campaign_id_state"), ["campaign_id", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_deliveries_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_deliveries_recipient"), ["recipient"], unique=False)
        batch_op.create_index(batch_op.f("ix_deliveries_state_created_at"), ["state", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_deliveries_user_id_created_at"), ["user_id", "created_at"], unique=False)

    op.create_table(
        "export_chunks",
        sa.Column("file_key", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("export_id", sa.String(length=36), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"], ["exports.id"], name=op.f("fk_export_chunks_export_id_exports"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_key", "position", name=op.f("pk_export_chunks")),
    )
    with op.batch_alter_table("export_chunks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_export_chunks_export_id"), ["export_id"], unique=False)

    op.create_table(
        "passengers",
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("nationality", sa.String(length=2), nullable=True),
        sa.CheckConstraint("kind IN ('adult', 'child', 'infant')", name=op.f("ck_passengers_kind")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_passengers_booking_id_bookings"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("booking_id", "position", name=op.f("pk_passengers")),
    )
    op.create_table(
        "price_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tour_id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("period", sa.String(length=40), nullable=True),
        sa.Column("base_price", sa.BigInteger(), nullable=False),
        sa.Column("old_price", sa.BigInteger(), nullable=False),
        sa.Column("new_price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("figures", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cause IN ('campaign', 'demand', 'restore', 'manual')", name=op.f("ck_price_changes_cause")),
        sa.CheckConstraint("currency IN ('EUR', 'GBP', 'TRY', 'USD')", name=op.f("ck_price_changes_currency")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_price_changes_campaign_id_campaigns"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["changed_by_id"], ["users.id"], name=op.f("fk_price_changes_changed_by_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["tour_id"], ["tours.id"], name=op.f("fk_price_changes_tour_id_tours"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_changes")),
        sa.UniqueConstraint("tour_id", "cause", "period", name=op.f("uq_price_changes_tour_id_cause_period")),
    )
    with op.batch_alter_table("price_changes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_price_changes_created_at"), ["created_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_price_changes_tour_id_created_at"), ["tour_id", "created_at"], unique=False
        )

    op.create_table(
        "delivery_messages",
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["deliveries.id"],
            name=op.f("fk_delivery_messages_delivery_id_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_delivery_messages")),
    )


def downgrade() -> None:

    op.drop_table("delivery_messages")
    with op.batch_alter_table("price_changes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_price_changes_tour_id_created_at"))
        batch_op.drop_index(batch_op.f("ix_price_changes_created_at"))

    op.drop_table("price_changes")
    op.drop_table("passengers")
    with op.batch_alter_table("export_chunks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_export_chunks_export_id"))

    op.drop_table("export_chunks")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deliveries_user_id_created_at"))
        batch_op.drop_index(batch_op.f("ix_deliveries_state_created_at"))
        batch_op.drop_index(batch_op.f("ix_deliveries_recipient"))
        batch_op.drop_index(batch_op.f("ix_deliveries_created_at"))
        batch_op.drop_index(batch_op.f("ix_deliveries_campaign_id_state"))
        batch_op.drop_index(batch_op.f("ix_deliveries_booking_id"))

    op.drop_table("deliveries")
    op.drop_table("booking_extras")
    with op.batch_alter_table("revoked_tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_revoked_tokens_expires_at"))

    op.drop_table("revoked_tokens")
    with op.batch_alter_table("exports", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exports_state_expires_at"))
        batch_op.drop_index(batch_op.f("ix_exports_requested_by_id_created_at"))
        batch_op.drop_index(batch_op.f("ix_exports_job_id"))
        batch_op.drop_index(batch_op.f("ix_exports_created_at"))

    op.drop_table("exports")
    op.drop_table("departures")
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaigns_state_starts_at"))
        batch_op.drop_index(batch_op.f("ix_campaigns_mailing_state"))

    op.drop_table("campaigns")
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bookings_user_id_created_at"))
        batch_op.drop_index(batch_op.f("ix_bookings_tour_id_travel_date"))
        batch_op.drop_index(batch_op.f("ix_bookings_status_travel_date"))
        batch_op.drop_index("ix_bookings_revenue")
        batch_op.drop_index(batch_op.f("ix_bookings_driver_id"))
        batch_op.drop_index(batch_op.f("ix_bookings_customer_email"))
        batch_op.drop_index(batch_op.f("ix_bookings_created_at"))

    op.drop_table("bookings")
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_entries_target_created_at"))
        batch_op.drop_index(batch_op.f("ix_audit_entries_created_at"))
        batch_op.drop_index(batch_op.f("ix_audit_entries_actor_id_created_at"))
        batch_op.drop_index(batch_op.f("ix_audit_entries_action_created_at"))

    op.drop_table("audit_entries")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_users_role_created_at"))
        batch_op.drop_index(batch_op.f("ix_users_language_created_at"))
        batch_op.drop_index(batch_op.f("ix_users_created_at"))

    op.drop_table("users")
    with op.batch_alter_table("tours", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tours_city"))
        batch_op.drop_index(batch_op.f("ix_tours_active_category"))

    op.drop_table("tours")
    op.drop_table("notification_settings")
    op.drop_table("extras")
