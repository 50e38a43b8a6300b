CREATE TABLE blobs (
	sha256 VARCHAR(64) COLLATE "C" NOT NULL, 
	bytes BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	dominant_color VARCHAR(7) COLLATE "C", 
	palette JSONB, 
	thumbhash VARCHAR(64) COLLATE "C", 
	phash VARCHAR(16) COLLATE "C", 
	palette_lab JSONB, 
	hues JSONB, 
	mezzanine_sha256 VARCHAR(64) COLLATE "C", 
	mezzanine_format VARCHAR(16) COLLATE "C", 
	mezzanine_width INTEGER, 
	mezzanine_height INTEGER, 
	CONSTRAINT pk_blobs PRIMARY KEY (sha256)
);

CREATE INDEX ix_blobs_mezzanine_sha256 ON blobs (mezzanine_sha256);

CREATE TABLE cdn_position (
	id SERIAL NOT NULL, 
	last_event_id BIGINT NOT NULL, 
	CONSTRAINT pk_cdn_position PRIMARY KEY (id)
);

CREATE TABLE cdn_purges (
	image_id UUID NOT NULL, 
	generation INTEGER NOT NULL, 
	requested_at BIGINT NOT NULL, 
	CONSTRAINT pk_cdn_purges PRIMARY KEY (image_id)
);

CREATE INDEX ix_cdn_purges_requested_at ON cdn_purges (requested_at);

CREATE TABLE events (
	id BIGSERIAL NOT NULL, 
	owner_id UUID, 
	type VARCHAR(64) COLLATE "C" NOT NULL, 
	subject_id UUID NOT NULL, 
	data JSONB NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id)
);

CREATE INDEX ix_events_owner_id_id ON events (owner_id, id);

CREATE INDEX ix_events_created_at ON events (created_at);

CREATE TABLE phash_bands (
	band VARCHAR(5) COLLATE "C" NOT NULL, 
	phash VARCHAR(16) COLLATE "C" NOT NULL, 
	sha256 VARCHAR(64) COLLATE "C" NOT NULL, 
	CONSTRAINT pk_phash_bands PRIMARY KEY (band, phash, sha256)
);

CREATE TABLE receipts (
	principal VARCHAR(64) COLLATE "C" NOT NULL, 
	key VARCHAR(255) COLLATE "C" NOT NULL, 
	fingerprint VARCHAR(64) COLLATE "C" NOT NULL, 
	status INTEGER NOT NULL, 
	headers JSONB NOT NULL, 
	body TEXT COLLATE "C" NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_receipts PRIMARY KEY (principal, key)
);

CREATE INDEX ix_receipts_expires_at ON receipts (expires_at);

CREATE TABLE setup_links (
	token_sha256 VARCHAR(64) COLLATE "C" NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_setup_links PRIMARY KEY (token_sha256)
);

CREATE TABLE users (
	id UUID NOT NULL, 
	name VARCHAR(64) COLLATE "C" NOT NULL, 
	password_hash TEXT COLLATE "C", 
	is_admin BOOLEAN NOT NULL, 
	is_disabled BOOLEAN NOT NULL, 
	image_count BIGINT NOT NULL, 
	image_bytes BIGINT NOT NULL, 
	quota_images BIGINT, 
	quota_bytes BIGINT, 
	created_at BIGINT NOT NULL, 
	subject TEXT COLLATE "C", 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	UNIQUE (name), 
	UNIQUE (subject)
);

CREATE TABLE api_keys (
	id UUID NOT NULL, 
	user_id UUID NOT NULL, 
	name TEXT COLLATE "C" NOT NULL, 
	secret_sha256 VARCHAR(64) COLLATE "C" NOT NULL, 
	scopes JSONB NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	last_used_at BIGINT, 
	CONSTRAINT pk_api_keys PRIMARY KEY (id), 
	CONSTRAINT fk_api_keys_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_api_keys_user_id_id ON api_keys (user_id, id);

CREATE TABLE archives (
	id UUID NOT NULL, 
	user_id UUID, 
	image_ids JSONB NOT NULL, 
	preset VARCHAR(64) COLLATE "C", 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_archives PRIMARY KEY (id), 
	CONSTRAINT fk_archives_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_archives_user_id_id ON archives (user_id, id);

CREATE INDEX ix_archives_expires_at ON archives (expires_at);

CREATE TABLE collections (
	id UUID NOT NULL, 
	owner_id UUID, 
	title TEXT COLLATE "C" NOT NULL, 
	description TEXT COLLATE "C" NOT NULL, 
	visibility VARCHAR(16) COLLATE "C" NOT NULL, 
	image_count BIGINT NOT NULL, 
	version INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	cover_id UUID, 
	CONSTRAINT pk_collections PRIMARY KEY (id), 
	CONSTRAINT fk_collections_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id)
);

CREATE INDEX ix_collections_owner_id_id ON collections (owner_id, id);

CREATE INDEX ix_collections_visibility_id ON collections (visibility, id);

CREATE TABLE logins (
	id UUID NOT NULL, 
	user_id UUID NOT NULL, 
	refresh_sha256 VARCHAR(64) COLLATE "C" NOT NULL, 
	scopes JSONB NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_logins PRIMARY KEY (id), 
	CONSTRAINT fk_logins_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_logins_user_id ON logins (user_id);

CREATE INDEX ix_logins_expires_at ON logins (expires_at);

CREATE TABLE searches (
	id UUID NOT NULL, 
	user_id UUID, 
	name TEXT COLLATE "C" NOT NULL, 
	q TEXT COLLATE "C" NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	CONSTRAINT pk_searches PRIMARY KEY (id), 
	CONSTRAINT fk_searches_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_searches_user_id_id ON searches (user_id, id);

CREATE TABLE sessions (
	id UUID NOT NULL, 
	user_id UUID NOT NULL, 
	token_sha256 VARCHAR(64) COLLATE "C" NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_seen_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	user_agent TEXT COLLATE "C" NOT NULL, 
	address TEXT COLLATE "C" NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	UNIQUE (token_sha256), 
	CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_sessions_user_id_id ON sessions (user_id, id);

CREATE TABLE sources (
	id UUID NOT NULL, 
	owner_id UUID, 
	kind VARCHAR(16) COLLATE "C" NOT NULL, 
	address TEXT COLLATE "C" NOT NULL, 
	interval_seconds INTEGER NOT NULL, 
	collection TEXT COLLATE "C" NOT NULL, 
	tags JSONB NOT NULL, 
	visibility VARCHAR(16) COLLATE "C", 
	on_vanish VARCHAR(16) COLLATE "C" NOT NULL, 
	is_enabled BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	next_scan_at BIGINT NOT NULL, 
	result JSONB, 
	state JSONB NOT NULL, 
	CONSTRAINT pk_sources PRIMARY KEY (id), 
	CONSTRAINT fk_sources_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_sources_owner_id ON sources (owner_id);

CREATE TABLE upload_slots (
	id UUID NOT NULL, 
	owner_id UUID, 
	filename TEXT COLLATE "C" NOT NULL, 
	content_type VARCHAR(100) COLLATE "C", 
	max_bytes BIGINT NOT NULL, 
	fields JSONB NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_upload_slots PRIMARY KEY (id), 
	CONSTRAINT fk_upload_slots_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_upload_slots_owner_id ON upload_slots (owner_id);

CREATE INDEX ix_upload_slots_expires_at ON upload_slots (expires_at);

CREATE TABLE webhooks (
	id UUID NOT NULL, 
	owner_id UUID, 
	url TEXT COLLATE "C" NOT NULL, 
	secret TEXT COLLATE "C" NOT NULL, 
	event_types JSONB NOT NULL, 
	is_enabled BOOLEAN NOT NULL, 
	last_event_id BIGINT NOT NULL, 
	failing_since BIGINT, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	CONSTRAINT pk_webhooks PRIMARY KEY (id), 
	CONSTRAINT fk_webhooks_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_webhooks_owner_id_id ON webhooks (owner_id, id);

CREATE TABLE images (
	id UUID NOT NULL, 
	sha256 VARCHAR(64) COLLATE "C" NOT NULL, 
	format VARCHAR(16) COLLATE "C" NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	frames INTEGER NOT NULL, 
	has_alpha BOOLEAN NOT NULL, 
	decode_bytes BIGINT NOT NULL, 
	decode_seconds FLOAT, 
	bytes BIGINT NOT NULL, 
	filename TEXT COLLATE "C" NOT NULL, 
	title TEXT COLLATE "C" NOT NULL, 
	description TEXT COLLATE "C" NOT NULL, 
	tags JSONB NOT NULL, 
	exif JSONB NOT NULL, 
	gps JSONB, 
	visibility VARCHAR(16) COLLATE "C" NOT NULL, 
	status VARCHAR(16) COLLATE "C" NOT NULL, 
	job_id UUID, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	completed_at BIGINT, 
	owner_id UUID, 
	collection_id UUID, 
	version INTEGER DEFAULT '1' NOT NULL, 
	number INTEGER DEFAULT '0' NOT NULL, 
	dated_at BIGINT DEFAULT '0' NOT NULL, 
	name_key TEXT COLLATE "C" DEFAULT '' NOT NULL, 
	share_location BOOLEAN DEFAULT false NOT NULL, 
	is_analysed BOOLEAN DEFAULT false NOT NULL, 
	trashed_at BIGINT, 
	is_favourite BOOLEAN DEFAULT false NOT NULL, 
	expires_at BIGINT, 
	awaits_review BOOLEAN DEFAULT false NOT NULL, 
	CONSTRAINT pk_images PRIMARY KEY (id), 
	CONSTRAINT fk_images_sha256_blobs FOREIGN KEY(sha256) REFERENCES blobs (sha256), 
	CONSTRAINT fk_images_collection_id_collections FOREIGN KEY(collection_id) REFERENCES collections (id), 
	CONSTRAINT fk_images_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id)
);

CREATE INDEX ix_images_collection_id_trashed_at_number ON images (collection_id, trashed_at, number);

CREATE INDEX ix_images_trashed_at ON images (trashed_at) WHERE trashed_at IS NOT NULL;

CREATE INDEX ix_images_owner_id_trashed_at_name_key_number ON images (owner_id, trashed_at, name_key, number);

CREATE INDEX ix_images_collection_id_trashed_at_id ON images (collection_id, trashed_at, id);

CREATE INDEX ix_images_sha256 ON images (sha256);

CREATE INDEX ix_images_collection_id_trashed_at_dated_at_number ON images (collection_id, trashed_at, dated_at, number);

CREATE INDEX ix_images_owner_id_trashed_at_bytes_number ON images (owner_id, trashed_at, bytes, number);

CREATE INDEX ix_images_visibility_trashed_at_number ON images (visibility, trashed_at, number);

CREATE INDEX ix_images_visibility_trashed_at_bytes_number ON images (visibility, trashed_at, bytes, number);

CREATE INDEX ix_images_owner_id_trashed_at_number ON images (owner_id, trashed_at, number);

CREATE INDEX ix_images_visibility_trashed_at_name_key_number ON images (visibility, trashed_at, name_key, number);

CREATE INDEX ix_images_owner_id_trashed_at_dated_at_number ON images (owner_id, trashed_at, dated_at, number, visibility);

CREATE INDEX ix_images_expires_at_number ON images (expires_at, number) WHERE expires_at IS NOT NULL;

CREATE INDEX ix_images_visibility_trashed_at_dated_at_number ON images (visibility, trashed_at, dated_at, number);

CREATE UNIQUE INDEX ix_images_number ON images (number);

CREATE TABLE source_entries (
	source_id UUID NOT NULL, 
	path TEXT COLLATE "C" NOT NULL, 
	size BIGINT NOT NULL, 
	mark TEXT COLLATE "C" NOT NULL, 
	sha256 VARCHAR(64) COLLATE "C", 
	image_id UUID, 
	is_gone BOOLEAN NOT NULL, 
	CONSTRAINT pk_source_entries PRIMARY KEY (source_id, path), 
	CONSTRAINT fk_source_entries_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id) ON DELETE CASCADE
);

CREATE TABLE upload_links (
	id UUID NOT NULL, 
	owner_id UUID, 
	token_sha256 VARCHAR(64) COLLATE "C" NOT NULL, 
	title TEXT COLLATE "C" NOT NULL, 
	collection_id UUID NOT NULL, 
	expires_at BIGINT, 
	max_files INTEGER NOT NULL, 
	max_bytes BIGINT NOT NULL, 
	files INTEGER NOT NULL, 
	bytes BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_upload_links PRIMARY KEY (id), 
	UNIQUE (token_sha256), 
	CONSTRAINT fk_upload_links_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_upload_links_collection_id_collections FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE
);

CREATE INDEX ix_upload_links_collection_id ON upload_links (collection_id);

CREATE INDEX ix_upload_links_owner_id_id ON upload_links (owner_id, id);

CREATE TABLE webhook_deliveries (
	id UUID NOT NULL, 
	webhook_id UUID NOT NULL, 
	event_id BIGINT, 
	event_type VARCHAR(64) COLLATE "C" NOT NULL, 
	body TEXT COLLATE "C" NOT NULL, 
	status VARCHAR(16) COLLATE "C" NOT NULL, 
	attempts INTEGER NOT NULL, 
	due_at BIGINT NOT NULL, 
	answer_status INTEGER, 
	error TEXT COLLATE "C", 
	created_at BIGINT NOT NULL, 
	finished_at BIGINT, 
	CONSTRAINT pk_webhook_deliveries PRIMARY KEY (id), 
	CONSTRAINT fk_webhook_deliveries_webhook_id_webhooks FOREIGN KEY(webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE
);

CREATE INDEX ix_webhook_deliveries_webhook_id_id ON webhook_deliveries (webhook_id, id);

CREATE INDEX ix_webhook_deliveries_waiting ON webhook_deliveries (webhook_id) WHERE status = 'pending';

CREATE INDEX ix_webhook_deliveries_finished_at ON webhook_deliveries (finished_at);

CREATE INDEX ix_webhook_deliveries_pending ON webhook_deliveries (due_at) WHERE status = 'pending';

CREATE TABLE jobs (
	id UUID NOT NULL, 
	image_id UUID NOT NULL, 
	lane INTEGER NOT NULL, 
	status VARCHAR(16) COLLATE "C" NOT NULL, 
	attempts INTEGER NOT NULL, 
	interruptions INTEGER NOT NULL, 
	error_code VARCHAR(64) COLLATE "C", 
	error_detail TEXT COLLATE "C", 
	due_at BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	started_at BIGINT, 
	finished_at BIGINT, 
	owner_id UUID, 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT fk_jobs_image_id_images FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);

CREATE INDEX ix_jobs_pending_due_at ON jobs (due_at) WHERE coalesce(status, status) = 'pending';

CREATE INDEX ix_jobs_owner_id_status_id ON jobs (owner_id, status, id);

CREATE INDEX ix_jobs_pending_of_owner ON jobs (owner_id, lane, due_at, id) WHERE coalesce(status, status) = 'pending';

CREATE INDEX ix_jobs_status_id ON jobs (status, id);

CREATE INDEX ix_jobs_owner_id_id ON jobs (owner_id, id);

CREATE INDEX ix_jobs_image_id_id ON jobs (image_id, id);

CREATE TABLE shares (
	id UUID NOT NULL, 
	owner_id UUID, 
	token_sha256 VARCHAR(64) COLLATE "C" NOT NULL, 
	target VARCHAR(16) COLLATE "C" NOT NULL, 
	image_id UUID, 
	collection_id UUID, 
	q TEXT COLLATE "C", 
	title TEXT COLLATE "C" NOT NULL, 
	password_hash TEXT COLLATE "C", 
	expires_at BIGINT, 
	max_views INTEGER, 
	views INTEGER NOT NULL, 
	allow_download BOOLEAN NOT NULL, 
	show_metadata BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_viewed_at BIGINT, 
	CONSTRAINT pk_shares PRIMARY KEY (id), 
	UNIQUE (token_sha256), 
	CONSTRAINT fk_shares_collection_id_collections FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE, 
	CONSTRAINT fk_shares_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_shares_image_id_images FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);

CREATE INDEX ix_shares_image_id ON shares (image_id);

CREATE INDEX ix_shares_collection_id ON shares (collection_id);

CREATE INDEX ix_shares_owner_id_id ON shares (owner_id, id);

CREATE TABLE variants (
	key VARCHAR(64) COLLATE "C" NOT NULL, 
	image_id UUID NOT NULL, 
	transform TEXT COLLATE "C" NOT NULL, 
	format VARCHAR(16) COLLATE "C" NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	bytes BIGINT NOT NULL, 
	crc32 BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_used_at BIGINT NOT NULL, 
	CONSTRAINT pk_variants PRIMARY KEY (key), 
	CONSTRAINT fk_variants_image_id_images FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);

CREATE INDEX ix_variants_image_id_last_used_at ON variants (image_id, last_used_at);

CREATE INDEX ix_variants_last_used_at ON variants (last_used_at);

CREATE TABLE job_operations (
	job_id UUID NOT NULL, 
	position INTEGER NOT NULL, 
	name VARCHAR(64) COLLATE "C", 
	transform TEXT COLLATE "C" NOT NULL, 
	status VARCHAR(16) COLLATE "C" NOT NULL, 
	error_code VARCHAR(64) COLLATE "C", 
	error_detail TEXT COLLATE "C", 
	CONSTRAINT pk_job_operations PRIMARY KEY (job_id, position), 
	CONSTRAINT fk_job_operations_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);

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
      '[0-9A-Za-z¦©-ª®°²-³µ¹-º¼-¾À-ÖØ-öø-ˁˆ-ˑˠ-ˤˬˮͰ-ʹͶ-ͷͺ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-҂Ҋ-ԯԱ-Ֆՙՠ-ֈ֍-֎א-תׯ-ײ؎-؏ؠ-ي٠-٩ٮ-ٯٱ-ۓە۞ۥ-ۦ۩ۮ-ۿܐܒ-ܯݍ-ޥޱ߀-ߪߴ-߶ߺࠀ-ࠕࠚࠤࠨࡀ-ࡘࡠ-ࡪࡰ-ࢇࢉ-ࢎࢠ-ࣉऄ-हऽॐक़-ॡ०-९ॱ-ঀঅ-ঌএ-ঐও-নপ-রলশ-হঽৎড়-ঢ়য়-ৡ০-ৱ৴-৺ৼਅ-ਊਏ-ਐਓ-ਨਪ-ਰਲ-ਲ਼ਵ-ਸ਼ਸ-ਹਖ਼-ੜਫ਼੦-੯ੲ-ੴઅ-ઍએ-ઑઓ-નપ-રલ-ળવ-હઽૐૠ-ૡ૦-૯ૹଅ-ଌଏ-ଐଓ-ନପ-ରଲ-ଳଵ-ହଽଡ଼-ଢ଼ୟ-ୡ୦-୷ஃஅ-ஊஎ-ஐஒ-கங-சஜஞ-டண-தந-பம-ஹௐ௦-௸௺అ-ఌఎ-ఐఒ-నప-హఽౘ-ౚౝౠ-ౡ౦-౯౸-ಀಅ-ಌಎ-ಐಒ-ನಪ-ಳವ-ಹಽೝ-ೞೠ-ೡ೦-೯ೱ-ೲഄ-ഌഎ-ഐഒ-ഺഽൎ-൏ൔ-ൖ൘-ൡ൦-ൿඅ-ඖක-නඳ-රලව-ෆ෦-෯ก-ะา-ำเ-ๆ๐-๙ກ-ຂຄຆ-ຊຌ-ຣລວ-ະາ-ຳຽເ-ໄໆ໐-໙ໜ-ໟༀ-༃༓༕-༗༚-༴༶༸ཀ-ཇཉ-ཬྈ-ྌ྾-࿅࿇-࿌࿎-࿏࿕-࿘က-ဪဿ-၉ၐ-ၕၚ-ၝၡၥ-ၦၮ-ၰၵ-ႁႎ႐-႙႞-ჅჇჍა-ჺჼ-ቈቊ-ቍቐ-ቖቘቚ-ቝበ-ኈኊ-ኍነ-ኰኲ-ኵኸ-ኾዀዂ-ዅወ-ዖዘ-ጐጒ-ጕጘ-ፚ፩-፼ᎀ-᎙Ꭰ-Ᏽᏸ-ᏽᐁ-᙭ᙯ-ᙿᚁ-ᚚᚠ-ᛪᛮ-ᛸᜀ-ᜑᜟ-ᜱᝀ-ᝑᝠ-ᝬᝮ-ᝰក-ឳៗៜ០-៩៰-៹᠐-᠙ᠠ-ᡸᢀ-ᢄᢇ-ᢨᢪᢰ-ᣵᤀ-ᤞ᥀᥆-ᥭᥰ-ᥴᦀ-ᦫᦰ-ᧉ᧐-᧚᧞-ᨖᨠ-ᩔ᪀-᪉᪐-᪙ᪧᬅ-ᬳᭅ-ᭌ᭐-᭙᭡-᭪᭴-᭼ᮃ-ᮠᮮ-ᯥᰀ-ᰣ᱀-᱉ᱍ-ᱽᲀ-ᲈᲐ-ᲺᲽ-Ჿᳩ-ᳬᳮ-ᳳᳵ-ᳶᳺᴀ-ᶿḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼ⁰-ⁱ⁴-⁹ⁿ-₉ₐ-ₜ℀-℗ℙ-ℿⅅ-⅊⅌-↋↕-↙↜-↟↡-↢↤-↥↧-↭↯-⇍⇐-⇑⇓⇕-⇳⌀-⌇⌌-⌟⌢-⌨⌫-⍻⍽-⎚⎴-⏛⏢-␦⑀-⑊①-▶▸-◀◂-◷☀-♮♰-❧❶-➿⠀-⣿⬀-⬯⭅-⭆⭍-⭳⭶-⮕⮗-ⳮⳲ-ⳳ⳽ⴀ-ⴥⴧⴭⴰ-ⵧⵯⶀ-ⶖⶠ-ⶦⶨ-ⶮⶰ-ⶶⶸ-ⶾⷀ-ⷆⷈ-ⷎⷐ-ⷖⷘ-ⷞⸯ⹐-⹑⺀-⺙⺛-⻳⼀-⿕⿰-⿻〄-〇〒-〓〠-〩〱-〼〾-〿ぁ-ゖゝ-ゟァ-ヺー-ヿㄅ-ㄯㄱ-ㆎ㆐-㇣ㇰ-㈞㈠-ꒌ꒐-꓆ꓐ-ꓽꔀ-ꘌꘐ-ꘫꙀ-ꙮꙿ-ꚝꚠ-ꛯꜗ-ꜟꜢ-ꞈꞋ-ꟊꟐ-ꟑꟓꟕ-ꟙꟲ-ꠁꠃ-ꠅꠇ-ꠊꠌ-ꠢ꠨-꠫꠰-꠷꠹ꡀ-ꡳꢂ-ꢳ꣐-꣙ꣲ-ꣷꣻꣽ-ꣾ꤀-ꤥꤰ-ꥆꥠ-ꥼꦄ-ꦲꧏ-꧙ꧠ-ꧤꧦ-ꧾꨀ-ꨨꩀ-ꩂꩄ-ꩋ꩐-꩙ꩠ-ꩺꩾ-ꪯꪱꪵ-ꪶꪹ-ꪽꫀꫂꫛ-ꫝꫠ-ꫪꫲ-ꫴꬁ-ꬆꬉ-ꬎꬑ-ꬖꬠ-ꬦꬨ-ꬮꬰ-ꭚꭜ-ꭩꭰ-ꯢ꯰-꯹가-힣ힰ-ퟆퟋ-ퟻ-舘並-龎ﬀ-ﬆﬓ-ﬗיִײַ-ﬨשׁ-זּטּ-לּמּנּ-סּףּ-פּצּ-ﮱﯓ-ﴽ﵀-ﶏﶒ-ﷇ﷏ﷰ-ﷻ﷽-﷿ﹰ-ﹴﹶ-ﻼ０-９Ａ-Ｚａ-ｚｦ-ﾾￂ-ￇￊ-ￏￒ-ￗￚ-ￜ￤￨￭-￮￼-�𐀀-𐀋𐀍-𐀦𐀨-𐀺𐀼-𐀽𐀿-𐁍𐁐-𐁝𐂀-𐃺𐄇-𐄳𐄷-𐆎𐆐-𐆜𐆠𐇐-𐇼𐊀-𐊜𐊠-𐋐𐋡-𐋻𐌀-𐌣𐌭-𐍊𐍐-𐍵𐎀-𐎝𐎠-𐏃𐏈-𐏏𐏑-𐏕𐐀-𐒝𐒠-𐒩𐒰-𐓓𐓘-𐓻𐔀-𐔧𐔰-𐕣𐕰-𐕺𐕼-𐖊𐖌-𐖒𐖔-𐖕𐖗-𐖡𐖣-𐖱𐖳-𐖹𐖻-𐖼𐘀-𐜶𐝀-𐝕𐝠-𐝧𐞀-𐞅𐞇-𐞰𐞲-𐞺𐠀-𐠅𐠈𐠊-𐠵𐠷-𐠸𐠼𐠿-𐡕𐡘-𐢞𐢧-𐢯𐣠-𐣲𐣴-𐣵𐣻-𐤛𐤠-𐤹𐦀-𐦷𐦼-𐧏𐧒-𐨀𐨐-𐨓𐨕-𐨗𐨙-𐨵𐩀-𐩈𐩠-𐩾𐪀-𐪟𐫀-𐫤𐫫-𐫯𐬀-𐬵𐭀-𐭕𐭘-𐭲𐭸-𐮑𐮩-𐮯𐰀-𐱈𐲀-𐲲𐳀-𐳲𐳺-𐴣𐴰-𐴹𐹠-𐹾𐺀-𐺩𐺰-𐺱𐼀-𐼧𐼰-𐽅𐽑-𐽔𐽰-𐾁𐾰-𐿋𐿠-𐿶𑀃-𑀷𑁒-𑁯𑁱-𑁲𑁵𑂃-𑂯𑃐-𑃨𑃰-𑃹𑄃-𑄦𑄶-𑄿𑅄𑅇𑅐-𑅲𑅶𑆃-𑆲𑇁-𑇄𑇐-𑇚𑇜𑇡-𑇴𑈀-𑈑𑈓-𑈫𑊀-𑊆𑊈𑊊-𑊍𑊏-𑊝𑊟-𑊨𑊰-𑋞𑋰-𑋹𑌅-𑌌𑌏-𑌐𑌓-𑌨𑌪-𑌰𑌲-𑌳𑌵-𑌹𑌽𑍐𑍝-𑍡𑐀-𑐴𑑇-𑑊𑑐-𑑙𑑟-𑑡𑒀-𑒯𑓄-𑓅𑓇𑓐-𑓙𑖀-𑖮𑗘-𑗛𑘀-𑘯𑙄𑙐-𑙙𑚀-𑚪𑚸𑛀-𑛉𑜀-𑜚𑜰-𑜻𑜿-𑝆𑠀-𑠫𑢠-𑣲𑣿-𑤆𑤉𑤌-𑤓𑤕-𑤖𑤘-𑤯𑤿𑥁𑥐-𑥙𑦠-𑦧𑦪-𑧐𑧡𑧣𑨀𑨋-𑨲𑨺𑩐𑩜-𑪉𑪝𑪰-𑫸𑰀-𑰈𑰊-𑰮𑱀𑱐-𑱬𑱲-𑲏𑴀-𑴆𑴈-𑴉𑴋-𑴰𑵆𑵐-𑵙𑵠-𑵥𑵧-𑵨𑵪-𑶉𑶘𑶠-𑶩𑻠-𑻲𑾰𑿀-𑿜𑿡-𑿱𒀀-𒎙𒐀-𒑮𒒀-𒕃𒾐-𒿰𓀀-𓐮𔐀-𔙆𖠀-𖨸𖩀-𖩞𖩠-𖩩𖩰-𖪾𖫀-𖫉𖫐-𖫭𖬀-𖬯𖬼-𖭃𖭅𖭐-𖭙𖭛-𖭡𖭣-𖭷𖭽-𖮏𖹀-𖺖𖼀-𖽊𖽐𖾓-𖾟𖿠-𖿡𖿣𗀀-𘟷𘠀-𘳕𘴀-𘴈𚿰-𚿳𚿵-𚿻𚿽-𚿾𛀀-𛄢𛅐-𛅒𛅤-𛅧𛅰-𛋻𛰀-𛱪𛱰-𛱼𛲀-𛲈𛲐-𛲙𛲜𜽐-𜿃𝀀-𝃵𝄀-𝄦𝄩-𝅘𝅥𝅲𝅪-𝅬𝆃-𝆄𝆌-𝆩𝆮-𝇪𝈀-𝉁𝉅𝋠-𝋳𝌀-𝍖𝍠-𝍸𝐀-𝑔𝑖-𝒜𝒞-𝒟𝒢𝒥-𝒦𝒩-𝒬𝒮-𝒹𝒻𝒽-𝓃𝓅-𝔅𝔇-𝔊𝔍-𝔔𝔖-𝔜𝔞-𝔹𝔻-𝔾𝕀-𝕄𝕆𝕊-𝕐𝕒-𝚥𝚨-𝛀𝛂-𝛚𝛜-𝛺𝛼-𝜔𝜖-𝜴𝜶-𝝎𝝐-𝝮𝝰-𝞈𝞊-𝞨𝞪-𝟂𝟄-𝟋𝟎-𝧿𝨷-𝨺𝩭-𝩴𝩶-𝪃𝪅-𝪆𝼀-𝼞𞄀-𞄬𞄷-𞄽𞅀-𞅉𞅎-𞅏𞊐-𞊭𞋀-𞋫𞋰-𞋹𞟠-𞟦𞟨-𞟫𞟭-𞟮𞟰-𞟾𞠀-𞣄𞣇-𞣏𞤀-𞥃𞥋𞥐-𞥙𞱱-𞲯𞲱-𞲴𞴁-𞴽𞸀-𞸃𞸅-𞸟𞸡-𞸢𞸤𞸧𞸩-𞸲𞸴-𞸷𞸹𞸻𞹂𞹇𞹉𞹋𞹍-𞹏𞹑-𞹒𞹔𞹗𞹙𞹛𞹝𞹟𞹡-𞹢𞹤𞹧-𞹪𞹬-𞹲𞹴-𞹷𞹹-𞹼𞹾𞺀-𞺉𞺋-𞺛𞺡-𞺣𞺥-𞺩𞺫-𞺻🀀-🀫🀰-🂓🂠-🂮🂱-🂿🃁-🃏🃑-🃵🄀-🆭🇦-🈂🈐-🈻🉀-🉈🉐-🉑🉠-🉥🌀-🏺🐀-🛗🛝-🛬🛰-🛼🜀-🝳🞀-🟘🟠-🟫🟰🠀-🠋🠐-🡇🡐-🡙🡠-🢇🢐-🢭🢰-🢱🤀-🩓🩠-🩭🩰-🩴🩸-🩼🪀-🪆🪐-🪬🪰-🪺🫀-🫅🫐-🫙🫠-🫧🫰-🫶🬀-🮒🮔-🯊🯰-🯹𠀀-𪛟𪜀-𫜸𫝀-𫠝𫠠-𬺡𬺰-𮯠丽-𪘀𰀀-𱍊󰀀-󿿽􀀀-􏿽]+', 'g'
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
