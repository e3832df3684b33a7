-- The attempt is over and the task is not: back to its queue, or waiting for its next attempt.
UPDATE tasks
SET status = ?3, attempt = ?4, failures = ?5, lost = ?6, available_at = ?7, error = coalesce(?8, error)
WHERE run_id = ?1 AND n = ?2 AND (status = 'pending' OR status = 'waiting' OR status = 'retrying')
