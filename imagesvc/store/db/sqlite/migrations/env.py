"""Alembic's environment: runs the migrations on the connection of `migrate`."""

from alembic import context

from imagesvc.store.db.schema.whole import WHOLE, is_in_metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=WHOLE,
    include_name=is_in_metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
