"""The JSON API: a module for each resource, without SQL and pixels."""
