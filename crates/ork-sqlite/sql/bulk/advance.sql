-- A piece counts once: whoever comes second finds the position moved, or the action over.
UPDATE bulk_jobs SET
    before_id = ?3,
    seen = seen + ?4,
    changed = changed + ?5,
    status = CASE WHEN ?6 THEN 'success' ELSE status END,
    finished_at = CASE WHEN ?6 THEN ?7 END
WHERE id = ?1 AND before_id = ?2 AND status = 'running'
