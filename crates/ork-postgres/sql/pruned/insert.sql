-- Only of runs that are over, of which no live run was made and no other one has outputs, and of which nobody is still to be told. The
-- heads are locked: an outcome that comes too late is written before this, or finds no run.
INSERT INTO pruned_runs (run_id, workspace_id, owner_id, name, status, seq, finished_at, pruned_at, swept,
                         seal_seq, seal_link, seal_key_id)
SELECT r.id, r.workspace_id, r.owner_id, r.name, h.status, h.seq, r.finished_at, $3, false,
       (SELECT s.seq_last FROM seals s WHERE s.run_id = r.id ORDER BY s.number DESC LIMIT 1),
       (SELECT s.link FROM seals s WHERE s.run_id = r.id ORDER BY s.number DESC LIMIT 1),
       (SELECT s.key_id FROM seals s WHERE s.run_id = r.id ORDER BY s.number DESC LIMIT 1)
FROM runs r JOIN run_heads h ON h.run_id = r.id
WHERE r.id = ANY ($1::uuid[]) AND ($2::uuid IS NULL OR r.workspace_id = $2) AND r.finished_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM runs l WHERE l.retry_of = r.id AND l.finished_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.reused_run_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.run_id = r.id AND d.status = 'pending')
ORDER BY h.run_id
FOR UPDATE OF h
RETURNING run_id
