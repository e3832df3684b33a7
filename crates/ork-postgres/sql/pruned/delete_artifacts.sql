-- By place, which does not change: nobody updates what belonged to a run that is gone. Their bytes are doomed.
WITH gone AS (
    DELETE FROM artifacts WHERE ctid = ANY (ARRAY(SELECT ctid FROM artifacts WHERE run_id = ANY ($1::uuid[]) LIMIT $2))
    RETURNING run_id, workspace_id, key
), doomed AS (
    INSERT INTO loose_blobs (key, workspace_id, kept_until, doomed)
    SELECT g.key, g.workspace_id, p.pruned_at, true FROM gone g JOIN pruned_runs p ON p.run_id = g.run_id WHERE g.key IS NOT NULL
    ON CONFLICT (key) DO UPDATE SET doomed = true
)
SELECT 1 FROM gone
