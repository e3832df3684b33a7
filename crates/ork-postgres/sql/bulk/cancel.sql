UPDATE bulk_jobs SET status = 'cancelled', finished_at = $3
WHERE id = $1 AND ($2::uuid IS NULL OR workspace_id = $2) AND status = 'running'
