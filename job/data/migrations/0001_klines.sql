-- Closed bars. One row per market and open time; a stored bar is never changed.
-- Every time is timestamptz with whole milliseconds: people query this table too.
CREATE TABLE klines (
    venue        text             NOT NULL,
    symbol       text             NOT NULL,
    interval     text             NOT NULL,
    open_time    timestamptz      NOT NULL,
    available_at timestamptz      NOT NULL,  -- the close: no decision before it may use this bar
    open         double precision NOT NULL,
    high         double precision NOT NULL,
    low          double precision NOT NULL,
    close        double precision NOT NULL,
    volume       double precision NOT NULL,
    PRIMARY KEY (venue, symbol, interval, open_time),
    CHECK (available_at > open_time)
);
