-- What SQLite's single writer gives for free.

-- Numbers of images; a transaction that fails leaves a gap.
CREATE SEQUENCE image_numbers;

-- Ids of events are in the order of the commits: who adds one holds a lock until its transaction
-- ends. A reader that has read up to an id has missed none below it.
CREATE FUNCTION order_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('imagesvc events'));
  RETURN NULL;
END $$;

CREATE TRIGGER order_events BEFORE INSERT ON events
  FOR EACH STATEMENT EXECUTE FUNCTION order_events();

-- Every node learns of them at the commit.
CREATE FUNCTION announce_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('imagesvc_events', '');
  RETURN NULL;
END $$;

CREATE TRIGGER announce_events AFTER INSERT ON events
  FOR EACH STATEMENT EXECUTE FUNCTION announce_events();
