"""The database: engine, schema, migrations, and what statements share."""
