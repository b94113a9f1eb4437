-- The member table of a cluster, from format 2 on.

CREATE TABLE view (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- Which cluster it is of; none before the first member.
    cluster text COLLATE "C" NOT NULL,
    -- What all its members must have in common. Empty before the first one.
    terms text COLLATE "C" NOT NULL,
    number bigint NOT NULL
) WITH (fillfactor = 50);

INSERT INTO view (cluster, terms, number) VALUES ('', '', 0);

CREATE TABLE members (
    incarnation bigint PRIMARY KEY,
    node text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL
        CHECK (state IN ('Joining', 'Alive', 'Leaving', 'Condemned', 'Down', 'Left')),
    presumed boolean NOT NULL,
    weight smallint NOT NULL,
    address text COLLATE "C" NOT NULL,
    beat bigint NOT NULL,
    -- Names the join that made it, in hexadecimal digits.
    token text COLLATE "C" NOT NULL
) WITH (fillfactor = 50);
