-- Format 3: several nodes append to a feed at a time.
ALTER TABLE stripes ADD COLUMN moment bigint NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN moment bigint NOT NULL DEFAULT 0;
UPDATE store SET format = 3;
