-- Feature rows, and the names and lookbacks of their columns. The identity holds a hash of the definition, so
-- that a changed indicator becomes another set and never rewrites history.
CREATE TABLE feature_sets (
    identity    text        NOT NULL PRIMARY KEY,
    names       text[]      NOT NULL,
    lookback_ms bigint[]    NOT NULL,  -- how far back in time a column can depend on bars
    created_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (cardinality(names) = cardinality(lookback_ms))
);

CREATE TABLE features (
    venue        text        NOT NULL,
    symbol       text        NOT NULL,
    interval     text        NOT NULL,
    feature_set  text        NOT NULL,  -- feature_sets.identity, which is written first; a foreign key that is
                                        -- checked row by row would more than double the time of a bulk write
    open_time    timestamptz NOT NULL,
    available_at timestamptz NOT NULL,
    values       real[]      NOT NULL,  -- in the order of feature_sets.names
    PRIMARY KEY (venue, symbol, interval, feature_set, open_time),
    CHECK (available_at > open_time)
);
