-- The full-text index, as migration 0004 describes it, and what keeps it. Words of texts have
-- positions and a weight for each text: A title, B tags, C description, D file name. Other lexemes
-- have a letter and a colon before them, which no word has: c: words of the camera, t: whole tags,
-- k: keys.

CREATE TABLE image_search (
  rowid bigint PRIMARY KEY,
  words tsvector NOT NULL
);

CREATE INDEX ix_image_search_words ON image_search USING gin (words);

-- In PL/pgSQL, since its plans last as long as a session; those of SQL functions are made anew in
-- each statement, which takes seven times as long as all the rest.
CREATE FUNCTION search_words(content text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF content IS NULL OR content = '' THEN
    RETURN '{}';
  END IF;
  RETURN (
    SELECT coalesce(array_agg(left(found.parts[1], 200) ORDER BY found.place), '{}')
    FROM regexp_matches(
      lower(regexp_replace(normalize(content, NFD), '[\u0300-\u036f]', '', 'g') COLLATE "und-x-icu"),
      '[%(letters)s]+', 'g'
    ) WITH ORDINALITY AS found(parts, place)
  );
END $$;

-- Words at positions from 2 on: after another vector, none is adjacent to the last word of that.
CREATE FUNCTION search_text(words text[], prefix text, weight text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  found text := '';
BEGIN
  FOR place IN 1 .. cardinality(words) LOOP
    found := found || '''' || prefix || words[place] || ''':' || least(place + 1, 16383) || weight || ' ';
  END LOOP;
  RETURN found::tsvector;
END $$;

CREATE FUNCTION search_keys(i images, b blobs) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
  at timestamp := to_timestamp(floor(i.dated_at / 1000000.0)) AT TIME ZONE 'UTC';
  keys text[] := ARRAY[
    'v' || i.visibility, 'o' || replace(i.owner_id::text, '-', ''), 'f' || i.format,
    CASE WHEN i.width > i.height THEN 'slandscape'
         WHEN i.width < i.height THEN 'sportrait' ELSE 'ssquare' END,
    'y' || to_char(at, 'YYYY'), 'm' || to_char(at, 'YYYYMM'), 'd' || to_char(at, 'YYYYMMDD'),
    'n' || to_char(at, 'MM'), 'x' || to_char(at, 'DD'),
    'e' || left(to_char(at, 'YYYY'), 3), 'c' || left(to_char(at, 'YYYY'), 2),
    CASE WHEN i.is_favourite THEN 'isfavourite' END,
    CASE WHEN i.awaits_review THEN 'iswaiting' END];
  item jsonb;
BEGIN
  IF jsonb_typeof(b.palette_lab) = 'array' THEN
    FOR item IN SELECT * FROM jsonb_array_elements(b.palette_lab) LOOP
      keys := keys || ('k' || (item ->> 0));
    END LOOP;
  END IF;
  IF i.is_analysed AND jsonb_typeof(b.hues) = 'array' THEN
    FOR item IN SELECT * FROM jsonb_array_elements(b.hues) LOOP
      keys := keys || ('h' || (item #>> '{}'));
    END LOOP;
  END IF;
  RETURN (SELECT array_agg('k:' || key) FROM unnest(keys) key WHERE key IS NOT NULL);
END $$;

CREATE FUNCTION search_vector(i images, b blobs) RETURNS tsvector LANGUAGE plpgsql STABLE AS $$
DECLARE
  tags text[] := ARRAY(SELECT jsonb_array_elements_text(i.tags));
  whole text[] := '{}';
  tag text;
BEGIN
  FOREACH tag IN ARRAY tags LOOP
    whole := whole || ('t:' || array_to_string(search_words(tag), ' '));
  END LOOP;
  RETURN search_text(search_words(i.title), '', 'A')
    || search_text(search_words(array_to_string(tags, ' ')), '', 'B')
    || search_text(search_words(i.description), '', 'C')
    || search_text(search_words(i.filename), '', 'D')
    || search_text(search_words(concat_ws(' ', i.exif ->> 'make', i.exif ->> 'model')), 'c:', 'D')
    || array_to_tsvector(whole)
    || array_to_tsvector(search_keys(i, b));
END $$;

CREATE FUNCTION search_images(changed uuid[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO image_search (rowid, words)
  SELECT i.number, search_vector(i, b)
  FROM images i JOIN blobs b ON b.sha256 = i.sha256 WHERE i.id = ANY (changed)
  ON CONFLICT (rowid) DO UPDATE SET words = excluded.words
$$;

CREATE FUNCTION image_search_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM search_images(ARRAY[NEW.id]);
  RETURN NULL;
END $$;

CREATE TRIGGER image_search_insert AFTER INSERT ON images
  FOR EACH ROW EXECUTE FUNCTION image_search_insert();

CREATE FUNCTION image_search_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.trashed_at IS NOT NULL OR NEW.number <> OLD.number THEN
    DELETE FROM image_search WHERE rowid = OLD.number;
  END IF;
  IF NEW.trashed_at IS NULL THEN
    PERFORM search_images(ARRAY[NEW.id]);
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER image_search_update AFTER UPDATE ON images FOR EACH ROW
  WHEN ((OLD.number, OLD.title, OLD.description, OLD.tags, OLD.filename, OLD.visibility,
         OLD.owner_id, OLD.trashed_at, OLD.dated_at, OLD.is_favourite, OLD.awaits_review,
         OLD.is_analysed)
    IS DISTINCT FROM
        (NEW.number, NEW.title, NEW.description, NEW.tags, NEW.filename, NEW.visibility,
         NEW.owner_id, NEW.trashed_at, NEW.dated_at, NEW.is_favourite, NEW.awaits_review,
         NEW.is_analysed))
  EXECUTE FUNCTION image_search_update();

CREATE FUNCTION image_search_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM image_search WHERE rowid = OLD.number;
  RETURN NULL;
END $$;

CREATE TRIGGER image_search_delete AFTER DELETE ON images
  FOR EACH ROW EXECUTE FUNCTION image_search_delete();

CREATE FUNCTION image_search_colors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM search_images(array_agg(id)) FROM images
    WHERE sha256 = NEW.sha256 AND trashed_at IS NULL;
  RETURN NULL;
END $$;

CREATE TRIGGER image_search_colors AFTER UPDATE ON blobs FOR EACH ROW
  WHEN (OLD.palette_lab IS DISTINCT FROM NEW.palette_lab)
  EXECUTE FUNCTION image_search_colors();

CREATE FUNCTION phash_bands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.phash IS NOT NULL THEN
    DELETE FROM phash_bands WHERE sha256 = OLD.sha256 AND phash = OLD.phash;
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.phash IS NOT NULL THEN
    INSERT INTO phash_bands (band, phash, sha256)
    SELECT quarter || substr(NEW.phash, 1 + 4 * quarter, 4), NEW.phash, NEW.sha256
    FROM generate_series(0, 3) quarter ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER phash_bands AFTER INSERT OR DELETE OR UPDATE OF phash ON blobs
  FOR EACH ROW EXECUTE FUNCTION phash_bands();
