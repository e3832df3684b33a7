-- Seals of events, and what bots write.

-- The last event of a run that a seal covers; whether there are others in a run that is over; events of bots so far. Of runs that
-- are there already nobody knows it, so they are looked at: a live one says so itself at its next event.
ALTER TABLE run_heads ADD COLUMN sealed_seq bigint NOT NULL DEFAULT 0;
ALTER TABLE run_heads ADD COLUMN unsealed boolean NOT NULL DEFAULT true;
ALTER TABLE run_heads ALTER COLUMN unsealed SET DEFAULT false;
ALTER TABLE run_heads ADD COLUMN bot_events integer NOT NULL DEFAULT 0;
-- Runs that are over and have events to be sealed.
CREATE INDEX run_heads_unsealed ON run_heads (run_id) WHERE unsealed;

-- A seal covers the events seq to seq_last. `link` is the end of the chain, `marks` has 8 bytes for each row that it covers.
CREATE TABLE seals (
    run_id       uuid NOT NULL,
    number       integer NOT NULL CHECK (number > 0),
    workspace_id uuid NOT NULL,
    seq          bigint NOT NULL,
    seq_last     bigint NOT NULL,
    key_id       text COLLATE "C" NOT NULL,
    link         bytea NOT NULL,
    marks        bytea NOT NULL,
    sealed_at    bigint NOT NULL,
    PRIMARY KEY (run_id, number)
);
CREATE FUNCTION refuse_to_change_seals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Seals go with their run, and in no other way.
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM pruned_runs p WHERE p.run_id = OLD.run_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'seals are immutable';
END $$;
CREATE TRIGGER seals_are_not_changed BEFORE UPDATE OR DELETE ON seals
    FOR EACH ROW EXECUTE FUNCTION refuse_to_change_seals();
CREATE FUNCTION refuse_to_empty_seals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'seals are immutable';
END $$;
CREATE TRIGGER seals_are_not_truncated BEFORE TRUNCATE ON seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_empty_seals();

-- Keys that have sealed, themselves sealed with a key that is not in the database: what an older secret key made is still verified
-- when that is gone.
CREATE TABLE seal_keys (
    key_id    text COLLATE "C" PRIMARY KEY,
    sealed    bytea NOT NULL,
    sealed_by text NOT NULL,
    sealed_at bigint NOT NULL
);

-- The last seal of a run that is gone; nothing, when its events were never sealed.
ALTER TABLE pruned_runs ADD COLUMN seal_seq bigint;
ALTER TABLE pruned_runs ADD COLUMN seal_link bytea;
ALTER TABLE pruned_runs ADD COLUMN seal_key_id text;

-- Requests of bots that have a name: the same one writes its events once.
CREATE TABLE event_requests (
    run_id       uuid NOT NULL,
    request_key  text COLLATE "C" NOT NULL,
    workspace_id uuid NOT NULL,
    seq          bigint NOT NULL,
    seq_last     bigint NOT NULL,
    PRIMARY KEY (run_id, request_key)
);

-- Who may do what with all this.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['event_requests', 'seal_keys', 'seals'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY engine ON %I TO ork_engine USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['event_requests', 'seals'] LOOP
        EXECUTE format(
            'CREATE POLICY tenant ON %1$I TO ork_api USING (ork_place(workspace_id) <> ''foreign''
             AND ((SELECT ork_sees()) <> ''own'' OR EXISTS (SELECT 1 FROM runs r WHERE r.id = %1$I.run_id OFFSET 0)))', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, DELETE ON event_requests, seals TO ork_engine;
GRANT SELECT, INSERT ON event_requests TO ork_api;
GRANT SELECT ON seals TO ork_api;
GRANT SELECT, INSERT, UPDATE ON seal_keys TO ork_engine;
