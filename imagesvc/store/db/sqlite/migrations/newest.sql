CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE blobs (
	sha256 VARCHAR(64) NOT NULL, 
	bytes BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, dominant_color VARCHAR(7), palette JSON, thumbhash VARCHAR(64), phash VARCHAR(16), mezzanine_sha256 VARCHAR(64), mezzanine_format VARCHAR(16), mezzanine_width INTEGER, mezzanine_height INTEGER, palette_lab JSON, hues JSON, name VARCHAR(97), mezzanine_name VARCHAR(97), 
	CONSTRAINT pk_blobs PRIMARY KEY (sha256)
);

CREATE TABLE images (
	id CHAR(32) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	format VARCHAR(16) NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	frames INTEGER NOT NULL, 
	has_alpha BOOLEAN NOT NULL, 
	decode_bytes BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	filename TEXT NOT NULL, 
	title TEXT NOT NULL, 
	description TEXT NOT NULL, 
	tags JSON NOT NULL, 
	exif JSON NOT NULL, 
	visibility VARCHAR(16) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	job_id CHAR(32), 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	completed_at BIGINT, gps JSON, owner_id CHAR(32) REFERENCES users (id), collection_id CHAR(32) REFERENCES collections (id), version INTEGER DEFAULT '1' NOT NULL, number INTEGER DEFAULT '0' NOT NULL, dated_at BIGINT DEFAULT '0' NOT NULL, name_key TEXT DEFAULT '' NOT NULL, is_analysed BOOLEAN DEFAULT '0' NOT NULL, decode_seconds FLOAT, share_location BOOLEAN DEFAULT '0' NOT NULL, trashed_at BIGINT, is_favourite BOOLEAN DEFAULT '0' NOT NULL, expires_at BIGINT, awaits_review BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_images PRIMARY KEY (id), 
	CONSTRAINT fk_images_sha256_blobs FOREIGN KEY(sha256) REFERENCES blobs (sha256)
);

CREATE INDEX ix_images_sha256 ON images (sha256);

CREATE TABLE jobs (
	id CHAR(32) NOT NULL, 
	image_id CHAR(32) NOT NULL, 
	lane INTEGER NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	interruptions INTEGER NOT NULL, 
	error_code VARCHAR(64), 
	error_detail TEXT, 
	due_at BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	started_at BIGINT, 
	finished_at BIGINT, owner_id CHAR(32), claim CHAR(32), 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT fk_jobs_image_id_images FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);

CREATE INDEX ix_jobs_status_id ON jobs (status, id);

CREATE INDEX ix_jobs_image_id_id ON jobs (image_id, id);

CREATE TABLE job_operations (
	job_id CHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	name VARCHAR(64), 
	transform TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	error_code VARCHAR(64), 
	error_detail TEXT, 
	CONSTRAINT pk_job_operations PRIMARY KEY (job_id, position), 
	CONSTRAINT fk_job_operations_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;

CREATE INDEX ix_blobs_mezzanine_sha256 ON blobs (mezzanine_sha256);

CREATE TABLE users (
	id CHAR(32) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	password_hash TEXT, 
	is_admin BOOLEAN NOT NULL, 
	is_disabled BOOLEAN NOT NULL, 
	image_count BIGINT NOT NULL, 
	image_bytes BIGINT NOT NULL, 
	quota_images BIGINT, 
	quota_bytes BIGINT, 
	created_at BIGINT NOT NULL, 
	subject TEXT, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	UNIQUE (name), 
	UNIQUE (subject)
);

CREATE TABLE api_keys (
	id CHAR(32) NOT NULL, 
	user_id CHAR(32) NOT NULL, 
	name TEXT NOT NULL, 
	secret_sha256 VARCHAR(64) NOT NULL, 
	scopes JSON NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	last_used_at BIGINT, 
	CONSTRAINT pk_api_keys PRIMARY KEY (id), 
	CONSTRAINT fk_api_keys_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE logins (
	id CHAR(32) NOT NULL, 
	user_id CHAR(32) NOT NULL, 
	refresh_sha256 VARCHAR(64) NOT NULL, 
	scopes JSON NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_logins PRIMARY KEY (id), 
	CONSTRAINT fk_logins_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE collections (
	id CHAR(32) NOT NULL, 
	owner_id CHAR(32), 
	title TEXT NOT NULL, 
	description TEXT NOT NULL, 
	visibility VARCHAR(16) NOT NULL, 
	image_count BIGINT NOT NULL, 
	version INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, cover_id CHAR(32), 
	CONSTRAINT pk_collections PRIMARY KEY (id), 
	CONSTRAINT fk_collections_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id)
);

CREATE TABLE upload_slots (
	id CHAR(32) NOT NULL, 
	owner_id CHAR(32), 
	filename TEXT NOT NULL, 
	content_type VARCHAR(100), 
	max_bytes BIGINT NOT NULL, 
	fields JSON NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_upload_slots PRIMARY KEY (id), 
	CONSTRAINT fk_upload_slots_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE receipts (
	principal VARCHAR(64) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	status INTEGER NOT NULL, 
	headers JSON NOT NULL, 
	body TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_receipts PRIMARY KEY (principal, "key")
)
 WITHOUT ROWID

;

CREATE TABLE events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	owner_id CHAR(32), 
	type VARCHAR(64) NOT NULL, 
	subject_id CHAR(32) NOT NULL, 
	data JSON NOT NULL, 
	created_at BIGINT NOT NULL
);

CREATE TABLE webhooks (
	id CHAR(32) NOT NULL, 
	owner_id CHAR(32), 
	url TEXT NOT NULL, 
	secret TEXT NOT NULL, 
	event_types JSON NOT NULL, 
	is_enabled BOOLEAN NOT NULL, 
	last_event_id BIGINT NOT NULL, 
	failing_since BIGINT, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	CONSTRAINT pk_webhooks PRIMARY KEY (id), 
	CONSTRAINT fk_webhooks_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE webhook_deliveries (
	id CHAR(32) NOT NULL, 
	webhook_id CHAR(32) NOT NULL, 
	event_id BIGINT, 
	event_type VARCHAR(64) NOT NULL, 
	body TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	due_at BIGINT NOT NULL, 
	answer_status INTEGER, 
	error TEXT, 
	created_at BIGINT NOT NULL, 
	finished_at BIGINT, 
	CONSTRAINT pk_webhook_deliveries PRIMARY KEY (id), 
	CONSTRAINT fk_webhook_deliveries_webhook_id_webhooks FOREIGN KEY(webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE
);

CREATE INDEX ix_api_keys_user_id_id ON api_keys (user_id, id);

CREATE INDEX ix_logins_user_id ON logins (user_id);

CREATE INDEX ix_logins_expires_at ON logins (expires_at);

CREATE INDEX ix_collections_owner_id_id ON collections (owner_id, id);

CREATE INDEX ix_collections_visibility_id ON collections (visibility, id);

CREATE INDEX ix_upload_slots_expires_at ON upload_slots (expires_at);

CREATE INDEX ix_receipts_expires_at ON receipts (expires_at);

CREATE INDEX ix_events_owner_id_id ON events (owner_id, id);

CREATE INDEX ix_events_created_at ON events (created_at);

CREATE INDEX ix_webhooks_owner_id_id ON webhooks (owner_id, id);

CREATE INDEX ix_webhook_deliveries_webhook_id_id ON webhook_deliveries (webhook_id, id);

CREATE INDEX ix_webhook_deliveries_finished_at ON webhook_deliveries (finished_at);

CREATE INDEX ix_webhook_deliveries_pending ON webhook_deliveries (due_at) WHERE status = 'pending';

CREATE INDEX ix_webhook_deliveries_waiting ON webhook_deliveries (webhook_id) WHERE status = 'pending';

CREATE INDEX ix_jobs_owner_id_id ON jobs (owner_id, id);

CREATE INDEX ix_jobs_owner_id_status_id ON jobs (owner_id, status, id);

CREATE TABLE phash_bands (
	band VARCHAR(5) NOT NULL, 
	phash VARCHAR(16) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_phash_bands PRIMARY KEY (band, phash, sha256)
)
 WITHOUT ROWID

;

CREATE UNIQUE INDEX ix_images_number ON images (number);

CREATE VIRTUAL TABLE image_search USING fts5(
            title, description, tags, filename, camera, labels, keys,
            columnsize = 0, prefix = '1 2 3',
            tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co So'");

CREATE TRIGGER image_search_delete AFTER DELETE ON images BEGIN
        DELETE FROM image_search WHERE rowid = OLD.number; END;

CREATE TRIGGER phash_bands_insert AFTER INSERT ON blobs WHEN NEW.phash IS NOT NULL BEGIN
        
    INSERT OR IGNORE INTO phash_bands (band, phash, sha256)
    SELECT key || substr(NEW.phash, 1 + 4 * key, 4), NEW.phash, NEW.sha256
    FROM json_each('[0, 1, 2, 3]') WHERE NEW.phash IS NOT NULL
; END;

CREATE TRIGGER phash_bands_update AFTER UPDATE OF phash ON blobs
        WHEN NEW.phash IS NOT OLD.phash BEGIN
        DELETE FROM phash_bands WHERE sha256 = OLD.sha256 AND phash = OLD.phash
            AND band IN (SELECT key || substr(OLD.phash, 1 + 4 * key, 4)
                         FROM json_each('[0, 1, 2, 3]'));
        
    INSERT OR IGNORE INTO phash_bands (band, phash, sha256)
    SELECT key || substr(NEW.phash, 1 + 4 * key, 4), NEW.phash, NEW.sha256
    FROM json_each('[0, 1, 2, 3]') WHERE NEW.phash IS NOT NULL
; END;

CREATE TRIGGER phash_bands_delete AFTER DELETE ON blobs WHEN OLD.phash IS NOT NULL BEGIN
        DELETE FROM phash_bands WHERE sha256 = OLD.sha256 AND phash = OLD.phash
            AND band IN (SELECT key || substr(OLD.phash, 1 + 4 * key, 4)
                         FROM json_each('[0, 1, 2, 3]')); END;

CREATE TABLE variants (
	"key" VARCHAR(64) NOT NULL, 
	image_id CHAR(32) NOT NULL, 
	transform TEXT NOT NULL, 
	format VARCHAR(16) NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	bytes BIGINT NOT NULL, 
	crc32 BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_used_at BIGINT NOT NULL, 
	CONSTRAINT pk_variants PRIMARY KEY ("key"), 
	CONSTRAINT fk_variants_image_id_images FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;

CREATE INDEX ix_variants_image_id_last_used_at ON variants (image_id, last_used_at);

CREATE INDEX ix_variants_last_used_at ON variants (last_used_at);

CREATE INDEX ix_jobs_pending_of_owner ON jobs (owner_id, lane, due_at, id) WHERE coalesce(status, status) = 'pending';

CREATE INDEX ix_jobs_pending_due_at ON jobs (due_at) WHERE coalesce(status, status) = 'pending';

CREATE INDEX ix_upload_slots_owner_id ON upload_slots (owner_id);

CREATE TABLE sessions (
	id CHAR(32) NOT NULL, 
	user_id CHAR(32) NOT NULL, 
	token_sha256 VARCHAR(64) NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_seen_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	user_agent TEXT NOT NULL, 
	address TEXT NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	UNIQUE (token_sha256)
);

CREATE INDEX ix_sessions_user_id_id ON sessions (user_id, id);

CREATE TABLE setup_links (
	token_sha256 VARCHAR(64) NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_setup_links PRIMARY KEY (token_sha256)
);

CREATE INDEX ix_images_trashed_at ON images (trashed_at) WHERE trashed_at IS NOT NULL;

CREATE INDEX ix_images_collection_id_trashed_at_id ON images (collection_id, trashed_at, id);

CREATE INDEX ix_images_collection_id_trashed_at_number ON images (collection_id, trashed_at, number);

CREATE INDEX ix_images_owner_id_trashed_at_number ON images (owner_id, trashed_at, number);

CREATE INDEX ix_images_owner_id_trashed_at_bytes_number ON images (owner_id, trashed_at, bytes, number);

CREATE INDEX ix_images_owner_id_trashed_at_name_key_number ON images (owner_id, trashed_at, name_key, number);

CREATE INDEX ix_images_visibility_trashed_at_number ON images (visibility, trashed_at, number);

CREATE INDEX ix_images_visibility_trashed_at_dated_at_number ON images (visibility, trashed_at, dated_at, number);

CREATE INDEX ix_images_visibility_trashed_at_bytes_number ON images (visibility, trashed_at, bytes, number);

CREATE INDEX ix_images_visibility_trashed_at_name_key_number ON images (visibility, trashed_at, name_key, number);

CREATE INDEX ix_images_owner_id_trashed_at_dated_at_number ON images (owner_id, trashed_at, dated_at, number, visibility);

CREATE INDEX ix_images_collection_id_trashed_at_dated_at_number ON images (collection_id, trashed_at, dated_at, number);

CREATE INDEX ix_images_expires_at_number ON images (expires_at, number) WHERE expires_at IS NOT NULL;

CREATE TABLE shares (
	id CHAR(32) NOT NULL, 
	owner_id CHAR(32), 
	token_sha256 VARCHAR(64) NOT NULL, 
	target VARCHAR(16) NOT NULL, 
	image_id CHAR(32), 
	collection_id CHAR(32), 
	q TEXT, 
	title TEXT NOT NULL, 
	password_hash TEXT, 
	expires_at BIGINT, 
	max_views INTEGER, 
	views INTEGER NOT NULL, 
	allow_download BOOLEAN NOT NULL, 
	show_metadata BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_viewed_at BIGINT, 
	CONSTRAINT pk_shares PRIMARY KEY (id), 
	CONSTRAINT fk_shares_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE, 
	UNIQUE (token_sha256), 
	CONSTRAINT fk_shares_image_id_images FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE, 
	CONSTRAINT fk_shares_collection_id_collections FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE
);

CREATE TABLE upload_links (
	id CHAR(32) NOT NULL, 
	owner_id CHAR(32), 
	token_sha256 VARCHAR(64) NOT NULL, 
	title TEXT NOT NULL, 
	collection_id CHAR(32) NOT NULL, 
	expires_at BIGINT, 
	max_files INTEGER NOT NULL, 
	max_bytes BIGINT NOT NULL, 
	files INTEGER NOT NULL, 
	bytes BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_upload_links PRIMARY KEY (id), 
	CONSTRAINT fk_upload_links_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE, 
	UNIQUE (token_sha256), 
	CONSTRAINT fk_upload_links_collection_id_collections FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE
);

CREATE INDEX ix_shares_owner_id_id ON shares (owner_id, id);

CREATE INDEX ix_shares_image_id ON shares (image_id);

CREATE INDEX ix_shares_collection_id ON shares (collection_id);

CREATE INDEX ix_upload_links_owner_id_id ON upload_links (owner_id, id);

CREATE INDEX ix_upload_links_collection_id ON upload_links (collection_id);

CREATE TABLE archives (
	id CHAR(32) NOT NULL, 
	user_id CHAR(32), 
	image_ids JSON NOT NULL, 
	preset VARCHAR(64), 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_archives PRIMARY KEY (id), 
	CONSTRAINT fk_archives_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_archives_expires_at ON archives (expires_at);

CREATE INDEX ix_archives_user_id_id ON archives (user_id, id);

CREATE TABLE searches (
	id CHAR(32) NOT NULL, 
	user_id CHAR(32), 
	name TEXT NOT NULL, 
	q TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	CONSTRAINT pk_searches PRIMARY KEY (id), 
	CONSTRAINT fk_searches_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_searches_user_id_id ON searches (user_id, id);

CREATE TABLE cdn_purges (
	image_id CHAR(32) NOT NULL, 
	generation INTEGER NOT NULL, 
	requested_at BIGINT NOT NULL, 
	CONSTRAINT pk_cdn_purges PRIMARY KEY (image_id)
);

CREATE INDEX ix_cdn_purges_requested_at ON cdn_purges (requested_at);

CREATE TABLE cdn_position (
	id INTEGER NOT NULL, 
	last_event_id BIGINT NOT NULL, 
	CONSTRAINT pk_cdn_position PRIMARY KEY (id)
);

CREATE TRIGGER image_search_analysed AFTER UPDATE OF is_analysed ON images
        WHEN NEW.is_analysed IS NOT OLD.is_analysed
            AND (SELECT hues FROM blobs WHERE sha256 = NEW.sha256) IS NOT NULL
        BEGIN UPDATE images SET number = number WHERE id = NEW.id; END;

CREATE TRIGGER image_search_insert AFTER INSERT ON images BEGIN
        
    INSERT INTO image_search (rowid, title, description, tags, filename, camera, labels, keys)
    SELECT i.number, i.title, i.description,
        (SELECT group_concat(value, ' ') FROM json_each(i.tags)),
        i.filename,
        coalesce(json_extract(i.exif, '$.make') || ' ', '')
            || coalesce(json_extract(i.exif, '$.model'), ''),
        (SELECT group_concat(char(0xE001) || value || char(0xE001), ' ') FROM json_each(i.tags)),
        
    'v' || i.visibility || ' ' || coalesce('o' || i.owner_id, '') || ' f' || i.format
    || CASE WHEN i.width > i.height THEN ' slandscape'
            WHEN i.width < i.height THEN ' sportrait' ELSE ' ssquare' END
    || strftime(' y%Y m%Y%m d%Y%m%d n%m x%d', i.dated_at / 1000000, 'unixepoch')
    || ' e' || substr(strftime('%Y', i.dated_at / 1000000, 'unixepoch'), 1, 3)
    || ' c' || substr(strftime('%Y', i.dated_at / 1000000, 'unixepoch'), 1, 2)
    || coalesce((SELECT group_concat(' k' || json_extract(value, '$[0]'), '')
                 FROM json_each(b.palette_lab)), '') || iif(i.is_favourite, ' isfavourite', '') || iif(i.awaits_review, ' iswaiting', '')
    || coalesce((SELECT group_concat(' h' || value, '')
                 FROM json_each(b.hues) WHERE i.is_analysed), '')

    FROM images AS i JOIN blobs AS b ON b.sha256 = i.sha256
 WHERE i.id = NEW.id; END;

CREATE TRIGGER image_search_update
        AFTER UPDATE OF number, title, description, tags, filename, visibility, owner_id, trashed_at, dated_at, is_favourite, awaits_review ON images
        BEGIN DELETE FROM image_search WHERE rowid = OLD.number;
        
    INSERT INTO image_search (rowid, title, description, tags, filename, camera, labels, keys)
    SELECT i.number, i.title, i.description,
        (SELECT group_concat(value, ' ') FROM json_each(i.tags)),
        i.filename,
        coalesce(json_extract(i.exif, '$.make') || ' ', '')
            || coalesce(json_extract(i.exif, '$.model'), ''),
        (SELECT group_concat(char(0xE001) || value || char(0xE001), ' ') FROM json_each(i.tags)),
        
    'v' || i.visibility || ' ' || coalesce('o' || i.owner_id, '') || ' f' || i.format
    || CASE WHEN i.width > i.height THEN ' slandscape'
            WHEN i.width < i.height THEN ' sportrait' ELSE ' ssquare' END
    || strftime(' y%Y m%Y%m d%Y%m%d n%m x%d', i.dated_at / 1000000, 'unixepoch')
    || ' e' || substr(strftime('%Y', i.dated_at / 1000000, 'unixepoch'), 1, 3)
    || ' c' || substr(strftime('%Y', i.dated_at / 1000000, 'unixepoch'), 1, 2)
    || coalesce((SELECT group_concat(' k' || json_extract(value, '$[0]'), '')
                 FROM json_each(b.palette_lab)), '') || iif(i.is_favourite, ' isfavourite', '') || iif(i.awaits_review, ' iswaiting', '')
    || coalesce((SELECT group_concat(' h' || value, '')
                 FROM json_each(b.hues) WHERE i.is_analysed), '')

    FROM images AS i JOIN blobs AS b ON b.sha256 = i.sha256
 WHERE i.id = NEW.id AND i.trashed_at IS NULL; END;

CREATE TRIGGER image_search_colors AFTER UPDATE OF palette_lab ON blobs
        WHEN NEW.palette_lab IS NOT OLD.palette_lab BEGIN
        DELETE FROM image_search
            WHERE rowid IN (SELECT number FROM images WHERE sha256 = NEW.sha256);
        
    INSERT INTO image_search (rowid, title, description, tags, filename, camera, labels, keys)
    SELECT i.number, i.title, i.description,
        (SELECT group_concat(value, ' ') FROM json_each(i.tags)),
        i.filename,
        coalesce(json_extract(i.exif, '$.make') || ' ', '')
            || coalesce(json_extract(i.exif, '$.model'), ''),
        (SELECT group_concat(char(0xE001) || value || char(0xE001), ' ') FROM json_each(i.tags)),
        
    'v' || i.visibility || ' ' || coalesce('o' || i.owner_id, '') || ' f' || i.format
    || CASE WHEN i.width > i.height THEN ' slandscape'
            WHEN i.width < i.height THEN ' sportrait' ELSE ' ssquare' END
    || strftime(' y%Y m%Y%m d%Y%m%d n%m x%d', i.dated_at / 1000000, 'unixepoch')
    || ' e' || substr(strftime('%Y', i.dated_at / 1000000, 'unixepoch'), 1, 3)
    || ' c' || substr(strftime('%Y', i.dated_at / 1000000, 'unixepoch'), 1, 2)
    || coalesce((SELECT group_concat(' k' || json_extract(value, '$[0]'), '')
                 FROM json_each(b.palette_lab)), '') || iif(i.is_favourite, ' isfavourite', '') || iif(i.awaits_review, ' iswaiting', '')
    || coalesce((SELECT group_concat(' h' || value, '')
                 FROM json_each(b.hues) WHERE i.is_analysed), '')

    FROM images AS i JOIN blobs AS b ON b.sha256 = i.sha256
 WHERE i.sha256 = NEW.sha256 AND i.trashed_at IS NULL; END;

CREATE TABLE sources (
	id CHAR(32) NOT NULL, 
	owner_id CHAR(32), 
	kind VARCHAR(16) NOT NULL, 
	address TEXT NOT NULL, 
	interval_seconds INTEGER NOT NULL, 
	collection TEXT NOT NULL, 
	tags JSON NOT NULL, 
	visibility VARCHAR(16), 
	on_vanish VARCHAR(16) NOT NULL, 
	is_enabled BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	next_scan_at BIGINT NOT NULL, 
	result JSON, 
	state JSON NOT NULL, 
	CONSTRAINT pk_sources PRIMARY KEY (id), 
	CONSTRAINT fk_sources_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_sources_owner_id ON sources (owner_id);

CREATE TABLE source_entries (
	source_id CHAR(32) NOT NULL, 
	path TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	mark TEXT NOT NULL, 
	sha256 VARCHAR(64), 
	image_id CHAR(32), 
	is_gone BOOLEAN NOT NULL, 
	CONSTRAINT pk_source_entries PRIMARY KEY (source_id, path), 
	CONSTRAINT fk_source_entries_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;

CREATE TABLE installation (
	id CHAR(32) NOT NULL, 
	CONSTRAINT pk_installation PRIMARY KEY (id)
);

