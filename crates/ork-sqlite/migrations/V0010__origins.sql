-- A run is kept as long as another one has outputs of it: the bytes that they name are its.
CREATE INDEX tasks_by_origin ON tasks (reused_run_id) WHERE reused_run_id IS NOT NULL;

-- As before, and without a savepoint for each event that is written: what is refused here is one row, and whoever writes it takes all
-- of its transaction back (`events/insert`).
DROP TRIGGER events_are_not_replaced;
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events e WHERE e.run_id = NEW.run_id AND e.seq = NEW.seq)
BEGIN SELECT RAISE(FAIL, 'events are immutable'); END;
