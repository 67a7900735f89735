-- What a model said of a closed bar. A row is a function of the model file and the bars: it is never changed.
CREATE TABLE signals (
    model        text             NOT NULL,  -- first 16 hex digits of the SHA-256 of the model file
    venue        text             NOT NULL,
    symbol       text             NOT NULL,
    open_time    timestamptz      NOT NULL,
    available_at timestamptz      NOT NULL,  -- the bar's close: what is said could be known from then on
    probability  double precision,           -- of up; NULL where the bar has no features
    side         smallint         NOT NULL,  -- position wanted from the close on: 1 long, -1 short, 0 none
    size         double precision NOT NULL,  -- of an entry at this close, in multiples of the account
    reason       text,                       -- why no position is wanted
    created_at   timestamptz      NOT NULL DEFAULT now(),  -- after the next bar's close it came too late to be followed
    PRIMARY KEY (model, venue, symbol, open_time),
    CHECK (available_at > open_time),
    CHECK (probability BETWEEN 0 AND 1),
    CHECK (side IN (-1, 0, 1)),
    CHECK (size >= 0),
    CHECK ((side = 0) = (reason IS NOT NULL))
);
