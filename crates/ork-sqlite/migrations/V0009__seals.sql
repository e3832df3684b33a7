-- Seals of events, and what bots write.

-- The last event of a run that a seal covers; whether there are others in a run that is over; events of bots so far.
ALTER TABLE run_heads ADD COLUMN sealed_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_heads ADD COLUMN unsealed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_heads ADD COLUMN bot_events INTEGER NOT NULL DEFAULT 0;
UPDATE run_heads SET unsealed = 1 WHERE status IN ('success', 'failed', 'cancelled');
-- Runs that are over and have events to be sealed.
CREATE INDEX run_heads_unsealed ON run_heads (run_id) WHERE unsealed;

-- A seal covers the events seq to seq_last. `link` is the end of the chain, `marks` has 8 bytes for each row that it covers.
CREATE TABLE seals (
    run_id       BLOB NOT NULL,
    number       INTEGER NOT NULL CHECK (number > 0),
    workspace_id BLOB NOT NULL,
    seq          INTEGER NOT NULL,
    seq_last     INTEGER NOT NULL,
    key_id       TEXT NOT NULL,
    link         BLOB NOT NULL,
    marks        BLOB NOT NULL,
    sealed_at    INTEGER NOT NULL,
    PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER seals_are_not_changed BEFORE UPDATE ON seals
BEGIN SELECT RAISE(ABORT, 'seals are immutable'); END;
-- Seals go with their run, and in no other way.
CREATE TRIGGER seals_are_not_deleted BEFORE DELETE ON seals
WHEN NOT EXISTS (SELECT 1 FROM pruned_runs p WHERE p.run_id = OLD.run_id)
BEGIN SELECT RAISE(ABORT, 'seals are immutable'); END;

-- `REPLACE` would delete without asking the triggers of events. (A seal that is replaced is found.)
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events e WHERE e.run_id = NEW.run_id AND e.seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'events are immutable'); END;

-- Keys that have sealed, themselves sealed with a key that is not in the database: what an older secret key made is still verified
-- when that is gone.
CREATE TABLE seal_keys (
    key_id    TEXT PRIMARY KEY,
    sealed    BLOB NOT NULL,
    sealed_by TEXT NOT NULL,
    sealed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The last seal of a run that is gone; nothing, when its events were never sealed.
ALTER TABLE pruned_runs ADD COLUMN seal_seq INTEGER;
ALTER TABLE pruned_runs ADD COLUMN seal_link BLOB;
ALTER TABLE pruned_runs ADD COLUMN seal_key_id TEXT;

-- Requests of bots that have a name: the same one writes its events once.
CREATE TABLE event_requests (
    run_id       BLOB NOT NULL,
    request_key  TEXT NOT NULL,
    workspace_id BLOB NOT NULL,
    seq          INTEGER NOT NULL,
    seq_last     INTEGER NOT NULL,
    PRIMARY KEY (run_id, request_key)
) STRICT, WITHOUT ROWID;
