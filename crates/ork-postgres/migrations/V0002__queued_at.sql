-- When a task came into the queue. The age of the oldest says whether a queue is served fast enough, and a claim deletes
-- the row, so nothing else knows. NULL for what was queued before.
ALTER TABLE ready ADD COLUMN queued_at bigint;
