"""Alembic's environment: runs the migrations on the connection that `migrate` hands over."""

from alembic import context

from imagesvc.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
