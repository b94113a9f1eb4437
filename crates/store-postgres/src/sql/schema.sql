-- What Tenure stores, format 3. Made by `tenure store migrate`; docs/stores.md explains it.

CREATE TABLE store (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    format integer NOT NULL,
    id bigint NOT NULL,
    incarnation bigint NOT NULL,
    -- Who opened it last.
    holder text NOT NULL DEFAULT ''
);

-- Every batch locks a row of its incarnation; who fences it deletes them.
CREATE TABLE fences (
    incarnation bigint NOT NULL,
    lane integer NOT NULL,
    PRIMARY KEY (incarnation, lane)
);

-- Who has opened the store, or joined it; whose fence is never to stand again.
CREATE TABLE runs (
    incarnation bigint PRIMARY KEY,
    holder text NOT NULL,
    -- It opened the store for itself: none below it ever stands again.
    alone boolean NOT NULL,
    fenced boolean NOT NULL
);

CREATE TABLE actors (
    type text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    -- The token of the unit that wrote it.
    incarnation bigint NOT NULL,
    sequence bigint NOT NULL,
    written_at_ms bigint NOT NULL,
    -- The place in the batch that made it.
    place integer NOT NULL,
    -- What lies beside it counts if its version is above: that of the last deletion.
    born bigint NOT NULL,
    -- Which kinds of rows this life has: bit n - 1 for kind n.
    kinds integer NOT NULL,
    -- Where the state follows from a journal: the offset that the snapshot holds.
    snapshot bigint,
    -- Where it is deleted: until when it is kept.
    kept_until_ms bigint,
    -- An earlier life has left rows.
    dying boolean NOT NULL,
    head bytea NOT NULL,
    sum text NOT NULL,
    PRIMARY KEY (type, key)
) WITH (fillfactor = 80);

CREATE INDEX actors_kept ON actors (kept_until_ms) WHERE kept_until_ms IS NOT NULL;
CREATE INDEX actors_dying ON actors (type, key) WHERE dying;

-- Kinds: 2 snapshot, 3 event kept for clients, 4 outcome of a call, 5 reminder.
CREATE TABLE rows (
    type text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    kind smallint NOT NULL,
    seq bigint NOT NULL,
    name bytea NOT NULL,
    version bigint NOT NULL,
    due_ms bigint,
    body bytea NOT NULL,
    PRIMARY KEY (type, key, kind, seq, name)
);

CREATE INDEX rows_due ON rows (due_ms, type, key, name) WHERE due_ms IS NOT NULL;

CREATE TABLE journal (
    type text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    version bigint NOT NULL,
    written_at_ms bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (type, key, seq)
) /* partitioned by (type, key) */;

CREATE TABLE stripes (
    feed text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    incarnation bigint NOT NULL,
    stable bigint NOT NULL,
    floor bigint NOT NULL,
    bytes bigint NOT NULL,
    trimmed_bytes bigint NOT NULL,
    -- That of its last entry.
    moment bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (feed, incarnation)
) WITH (fillfactor = 50);

CREATE TABLE entries (
    feed text COLLATE "C" NOT NULL,
    stripe bigint NOT NULL,
    position bigint NOT NULL,
    at_ms bigint NOT NULL,
    body bytea NOT NULL,
    -- Above that of every entry of the feed that was durable when its batch began: stripes are merged
    -- by it.
    moment bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (feed, stripe, position)
) /* partitioned by (feed) */;
