-- Only from where it was read, and only for the text that was read: whoever is second changes nothing, and creates no run.
UPDATE schedules SET next_at = $4, last_at = coalesce($5, last_at), last_run_id = coalesce($6, last_run_id)
WHERE workflow_id = $1 AND revision_id = $2 AND next_at = $3 AND enabled
