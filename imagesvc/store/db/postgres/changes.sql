-- What every node must forget before a change of an image is answered.

-- Changes of images that were read before, in the order of their commits.
CREATE TABLE image_changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  image_id uuid NOT NULL
);

-- Nodes that keep rows in memory, up to which change they have forgotten, and until when.
CREATE TABLE nodes (
  id uuid PRIMARY KEY,
  seen bigint NOT NULL,
  lease_until timestamptz NOT NULL
);

-- The lock is that of events: two locks would be taken in different orders.
CREATE FUNCTION note_image_change(changed uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  change bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('imagesvc events'));
  INSERT INTO image_changes (image_id) VALUES (changed) RETURNING id INTO change;
  PERFORM set_config('imagesvc.change', change::text, true);
  PERFORM pg_notify('imagesvc_changes', '');
END $$;

CREATE FUNCTION note_changed_image() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM note_image_change(OLD.id);
  RETURN NULL;
END $$;

CREATE FUNCTION note_changed_blob() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM note_image_change(id) FROM images WHERE sha256 = NEW.sha256;
  RETURN NULL;
END $$;

CREATE TRIGGER note_deleted_image AFTER DELETE ON images
  FOR EACH ROW EXECUTE FUNCTION note_changed_image();

-- Not for the states of jobs: delivery does not depend on them.
CREATE TRIGGER note_changed_image AFTER UPDATE ON images FOR EACH ROW WHEN (
  (OLD.version, OLD.sha256, OLD.visibility, OLD.trashed_at, OLD.expires_at, OLD.owner_id,
   OLD.collection_id, OLD.awaits_review, OLD.share_location, OLD.format, OLD.width, OLD.height,
   OLD.frames, OLD.filename)
  IS DISTINCT FROM
  (NEW.version, NEW.sha256, NEW.visibility, NEW.trashed_at, NEW.expires_at, NEW.owner_id,
   NEW.collection_id, NEW.awaits_review, NEW.share_location, NEW.format, NEW.width, NEW.height,
   NEW.frames, NEW.filename)
) EXECUTE FUNCTION note_changed_image();

CREATE TRIGGER note_changed_blob AFTER UPDATE ON blobs FOR EACH ROW WHEN (
  (OLD.name, OLD.mezzanine_sha256, OLD.mezzanine_name)
  IS DISTINCT FROM (NEW.name, NEW.mezzanine_sha256, NEW.mezzanine_name)
) EXECUTE FUNCTION note_changed_blob();
