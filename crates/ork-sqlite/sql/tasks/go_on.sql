-- The task is not over: back to its queue, waiting for its next attempt, or for decisions. If its attempt is not over either
-- (`open_as`), lease and outcome say how its last lease ended.
UPDATE tasks
SET status = ?3, attempt = ?4, failures = ?5, lost = ?6, available_at = ?7, error = coalesce(?8, error), open_as = ?9, lease = ?10,
    outcome = ?11
WHERE run_id = ?1 AND n = ?2 AND (status = 'pending' OR status = 'waiting' OR status = 'retrying')
