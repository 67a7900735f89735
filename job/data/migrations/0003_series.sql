-- Outside series (funding, rates, on-chain counts): what happened when, and from when it could be known.
CREATE TABLE series (
    source       text             NOT NULL,
    name         text             NOT NULL,
    event_time   timestamptz      NOT NULL,
    available_at timestamptz      NOT NULL,
    value        double precision NOT NULL,
    PRIMARY KEY (source, name, event_time, available_at)  -- a revision is another row, known later
);
